/** Domains that Xen itself creates: xen/arch/arm/dom0less-build.c, xen/common/device-tree/dom0less-build.c. */
import { defaultBus, entriesOf, readNumber, type XenDtLine } from '../dt/bus.ts';
import { DeviceTree, type DeviceTree as Tree, DtNode } from '../dt/tree.ts';
import { type Assertion, assertionFailed } from './assertion.ts';
import type { Context } from './context.ts';
import {
  findByPath,
  isCompatible,
  isForPassthrough,
  nodeName,
  readString,
  sayOfTree,
  stringProperty,
} from './device-tree.ts';
import { type Domain, pageFrame, pageSize } from './domain.ts';
import { errno } from './errno.ts';
import { checkRange } from './iocap.ts';
import {
  domUBootargs,
  domUKernelWithoutPlace,
  hasDomUKernel,
  modulesOfDomU,
  type ModuleSizes,
} from './modules.ts';
import { XenPanic } from './panic.ts';
import type { Sci } from './sci.ts';

/**
 * construct_domU() and kernel_probe(), up to where the domain's tree is made. What the kernel is made of is not
 * looked at.
 * @returns 0, or the negative errno of what the node or the machine lacks
 * @throws {XenPanic} where the machine has not the domain's memory
 */
export function prepareDomU(context: Context, node: DtNode, domain: Domain): number {
  const { console, hostTree, modulesAreAdded } = context;
  const { domid, name } = domain;
  const place = node.path;
  const memory = memoryOf(node);
  if (memory === undefined && !(modulesAreAdded && !node.has('memory'))) {
    const because = 'memory is missing, or less than two cells';
    console.printk('dom0less.no-memory', [], { because, place, domid });
    return -errno.EINVAL;
  }
  const pool = pagingPool(node, domain.config.maxVcpus ?? 1, memory ?? 0n);
  if (context.heap.take(domid, pool, `memory for the page tables of ${name}`) > 0) return -errno.ENOMEM;
  if (!modulesAreAdded) {
    const unplaced = domUKernelWithoutPlace(node);
    if (unplaced !== undefined)
      context.undefinedBehaviour(`the reg of ${unplaced.path} is read beyond its end`);
    if (!hasDomUKernel(hostTree, node)) {
      const because = `no module in ${place} is a kernel that has a size`;
      console.printk('domain-build.no-kernel', [], { because, place, domid });
      return -errno.ENOENT;
    }
  }
  return memory === undefined ? 0 : giveMemory(context, node, domain, memory);
}

/** `memory` in bytes: kibibytes in two cells, of which 64 bits remain. */
function memoryOf(node: DtNode): bigint | undefined {
  const [high, low] = [node.u32('memory'), node.u32('memory', 1)];
  if (high === undefined || low === undefined) return undefined;
  return BigInt.asUintN(64, ((BigInt(high) << 32n) | BigInt(low)) << 10n);
}

/** domain_p2m_set_allocation(): bytes for the page tables of a domain. */
function pagingPool(node: DtNode, cpus: number, memory: bigint): number {
  const given = node.u32('xen,domain-p2m-mem-mb');
  if (given !== undefined) return ((given << 8) >>> 0) * pageSize;
  const pages = 256 * cpus + Number(memory >> 20n) + 128;
  return Math.ceil((4 * pages) / 1024) * 0x10_0000;
}

/** allocate_memory() of xen/common/device-tree/domain-build.c, or static memory. */
function giveMemory(context: Context, node: DtNode, domain: Domain, memory: bigint): number {
  const { domid, name } = domain;
  const place = node.path;
  if (node.has('xen,static-mem')) checkStaticMemory(context, node, domid, memory);
  if (memory === 0n) {
    const because = 'memory is 0, and a tree has to name some';
    context.console.printk('domain-build.tree-failed', [-errno.ENOENT], { because, place, domid });
    return -errno.EINVAL;
  }
  const bytes = Number(memory);
  const hasAddresses = bytes <= mostGuestMemory;
  const missing = hasAddresses
    ? context.heap.take(domid, bytes, `memory of ${name}`)
    : bytes - mostGuestMemory;
  if (missing === 0) return 0;
  const text = 'Failed to allocate requested domain memory. %?dKB unallocated. Fix the VMs configurations.';
  const limit = hasAddresses ? 'there is' : 'a guest has addresses for';
  const why = `memory of ${name} is ${Math.floor(bytes / 1024)} KiB, more than ${limit}`;
  throw new XenPanic('dom0less.memory', text, why, { place, values: [Math.floor(missing / 1024)] });
}

/**
 * allocate_static_memory() and assign_static_memory_11() of xen/common/device-tree/static-memory.c. Xen is taken for a
 * build with CONFIG_STATIC_MEMORY; without it no such domain is built at all.
 * @throws {XenPanic} where a region is not made of whole pages, or `memory` is not the sum of all
 */
function checkStaticMemory(context: Context, node: DtNode, domid: number, memory: bigint): void {
  const { address, size } = defaultBus.countCells(node);
  const place = node.path;
  let sum = 0n;
  for (const entry of entriesOf(node.cells('xen,static-mem') ?? [], address + size)) {
    const start = readNumber(entry, address, []);
    const length = readNumber(entry.slice(address), size, []);
    sum += length;
    if (!context.build.debug || ((start | length) & BigInt(pageSize - 1)) === 0n) continue;
    const because = `a region of xen,static-mem is not made of whole pages`;
    assertionFailed(context, unalignedRegion, { because, place });
  }
  if (BigInt.asUintN(64, sum) === memory) return;
  const isDirect = node.has('direct-map');
  const because = `memory is ${memory} bytes, and the regions of xen,static-mem are ${sum}`;
  const key = isDirect ? 'static-memory.sum-direct-map' : 'static-memory.sum';
  context.console.printk(key, [], { because, place, domid });
  const text = isDirect
    ? `Failed to assign requested static memory for direct-map domain d${domid}.`
    : `Failed to allocate requested static memory for domain d${domid}.`;
  throw new XenPanic('dom0less.static-memory', text, because, { place });
}

const unalignedRegion: Assertion = {
  expression: 'IS_ALIGNED(*pbase, PAGE_SIZE) && IS_ALIGNED(*psize, PAGE_SIZE)',
  file: 'common/device-tree/static-memory.c',
  line: 48,
};

/** GUEST_RAM_MAX of xen/include/public/arch-arm.h: two banks. */
export const mostGuestMemory = 0xc000_0000 + 0xfe_0000_0000;

/**
 * The end of construct_domU(), once the domain has its tree.
 * @throws {XenPanic} where its kernel does not fit, or a node of one of its vCPUs is wrong
 */
export function finishDomU(context: Context, node: DtNode, { config }: Domain): void {
  const memory = memoryOf(node);
  if (memory !== undefined && !context.modulesAreAdded) {
    placeModules(Number(memory), modulesOfDomU(context.hostTree, node), node.path);
  }
  for (const vcpu of node.children) {
    if (isCompatible(vcpu, 'xen,vcpu')) setAffinity(context, vcpu, node, config.maxVcpus ?? 1);
  }
}

/**
 * place_modules() of xen/arch/arm/kernel.c.
 * @param memory bytes of the domain
 * @throws {XenPanic} where its first bank is certain to be too small
 */
export function placeModules(memory: number, { kernel, ramdisk }: ModuleSizes, place: string): void {
  const needed = kernel + roundUp(ramdisk) + placeAlignment;
  if (needed <= Math.min(memory, 0xc000_0000)) return;
  const text = 'Not enough memory in the first bank for the kernel+dtb+initrd';
  const why = `kernel, ramdisk and tree need ${needed} bytes, and the domain has ${memory}`;
  throw new XenPanic('domain-build.modules', text, why, { place });
}

const placeAlignment = 0x20_0000;
const roundUp = (bytes: number): number => Math.ceil(bytes / placeAlignment) * placeAlignment;

/** domain_vcpu_affinity() */
function setAffinity(context: Context, vcpu: DtNode, { path }: DtNode, maxVcpus: number): void {
  const domain = nodeName(vcpu.parent ?? vcpu);
  const place = vcpu.path;
  const fail = (text: string, why: string): never => {
    throw new XenPanic('dom0less.vcpu', text, why, { place });
  };
  const id = vcpu.u32('id') ?? fail(`Invalid xen,vcpu node for domain ${domain}`, `${place} has no id`);
  if (id >= maxVcpus) {
    const text = `Invalid vcpu_id ${id} for domain ${domain}, max_vcpus=${maxVcpus}`;
    fail(text, `id is ${id}, and ${path} has ${maxVcpus} vCPUs`);
  }
  const cpus =
    context.hostTree.node('/cpus')?.children.filter(cpu => cpu.string('device_type') === 'cpu') ?? [];
  const wanted = readString(vcpu, 'hard-affinity');
  if (wanted === undefined || cpus.length === 0) return;
  for (const part of wanted.split(',')) {
    const [first, last = first] = part.split('-').map(strtoul);
    const end = last ?? 0;
    if (end >= cpus.length) {
      fail(`Invalid pCPU ${end} for domain ${domain}`, `hard-affinity names CPU ${end} of ${cpus.length}`);
    }
  }
}

/** simple_strtoul() with base 0: what a text begins with, 0 where that is no number. */
function strtoul(text: string): number {
  const [digits = '0'] = /^(?:0x[0-9a-f]+|[0-9]+)/i.exec(text) ?? [];
  return Number(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits) >>> 0;
}

/** Whether construct_domU() promises the domain a Xenstore: `xen,enhanced`. */
export function needsXenstore(node: DtNode): boolean {
  return (
    node.has('xen,enhanced') && [undefined, 'enabled', 'legacy'].includes(readString(node, 'xen,enhanced'))
  );
}

/** Parts of a dom0less domain's tree. */
export interface DomUParts {
  /** The domain's node in /chosen. */
  readonly node: DtNode;
  /** The tree of the domain's module `multiboot,device-tree`, where it has one. */
  readonly partial: Tree | undefined;
  /** Whether an IOMMU is enabled, and whether there is a Dom0, which then has each device that is not for a guest. */
  readonly iommu: boolean;
  readonly hasDom0: boolean;
}

/**
 * prepare_dtb_domU(): the domain's tree with what its partial tree passes through, mapped and assigned.
 * @returns the tree, or a negative errno
 */
export function buildDomUTree(
  context: Context,
  sci: Sci,
  domain: Domain,
  { node, partial, iommu, hasDom0 }: DomUParts,
): Tree | number {
  const root = new DtNode('', null);
  root.properties.set('#address-cells', twoCells);
  root.properties.set('#size-cells', twoCells);
  const builder = new PartialTree(context, sci, domain, { iommu, hasDom0 });
  for (const part of partial?.root.children ?? []) {
    if (part.name !== 'passthrough' && part.name !== 'aliases') continue;
    const rc = builder.scan(part, root, { address: 2, size: 1 }, part.name === 'passthrough');
    if (rc !== 0) return rc;
  }
  const chosen = new DtNode('chosen', root);
  const bootargs = domUBootargs(node, context.modulesAreAdded);
  if (bootargs !== undefined) chosen.properties.set('bootargs', stringProperty(bootargs));
  root.children.push(chosen);
  return new DeviceTree(root);
}

interface Cells {
  readonly address: number;
  readonly size: number;
}

class PartialTree {
  readonly #context: Context;
  readonly #sci: Sci;
  readonly #domain: Domain;
  readonly #iommu: boolean;
  readonly #hasDom0: boolean;

  constructor(
    context: Context,
    sci: Sci,
    domain: Domain,
    { iommu, hasDom0 }: Pick<DomUParts, 'iommu' | 'hasDom0'>,
  ) {
    this.#iommu = iommu;
    this.#hasDom0 = hasDom0;
    this.#context = context;
    this.#sci = sci;
    this.#domain = domain;
  }

  /** scan_pfdt_node(): copies a node and all below it, doing what its `xen,` properties say. */
  scan(node: DtNode, parent: DtNode, cells: Cells, passthrough: boolean): number {
    const own = new DtNode(node.name, parent);
    parent.children.push(own);
    for (const [name, value] of node.properties) {
      if (!(passthrough && passthroughProperties.includes(name))) own.properties.set(name, value);
    }
    const rc = passthrough ? this.#passThrough(node, cells) : 0;
    if (rc !== 0) return rc;
    const inner = { address: node.u32('#address-cells') ?? 2, size: node.u32('#size-cells') ?? 1 };
    for (const child of node.children) {
      const childRc = this.scan(child, own, inner, passthrough);
      if (childRc !== 0) return childRc;
    }
    return 0;
  }

  /** handle_prop_pfdt() */
  #passThrough(node: DtNode, cells: Cells): number {
    const reg = node.cells('xen,reg');
    const path = node.string('xen,path');
    const force = node.has('xen,force-assign-without-iommu');
    if (reg !== undefined && (path !== undefined || force)) {
      const rc = this.#assign(node, reg, path, force, cells);
      if (rc < 0) this.#print('dom0less.assign-failed', [this.#domain.domid], node, 'assigning it failed');
      return rc;
    }
    if ((path === undefined) === (reg === undefined)) return 0;
    const words =
      'a node that is passed through needs xen,reg and xen,path, or xen,force-assign-without-iommu';
    this.#print('dom0less.passthrough-incomplete', [this.#domain.domid], node, words);
    return -errno.EINVAL;
  }

  /** handle_passthrough_prop() */
  #assign(
    node: DtNode,
    reg: readonly number[],
    path: string | undefined,
    force: boolean,
    cells: Cells,
  ): number {
    const entry = 2 * cells.address + cells.size;
    // Arm64 divides by nothing without a fault, and nothing comes of it.
    const end = entry === 0 ? 0 : reg.length;
    for (let at = 0; at < end && at + entry <= end; at += entry) {
      const machine = this.#number(node, reg.slice(at), cells.address);
      const size = this.#number(node, reg.slice(at + cells.address), cells.size);
      const guest = this.#number(node, reg.slice(at + cells.address + cells.size), cells.address);
      if ([machine, size, guest].some(each => each % pageSize !== 0)) {
        this.#print('dom0less.passthrough-unaligned', [], node, 'xen,reg is not made of whole pages');
        return -errno.EINVAL;
      }
      // PAGE_ALIGN() rounds up: the domain may be given one page more than it gets mapped.
      this.#domain.iomem.add(pageFrame(machine), pageFrame(machine + size));
      this.#domain.map(pageFrame(guest), pageFrame(machine), size / pageSize);
      if (size === 0) {
        const place = `partial tree of ${this.#domain.name}, ${node.path}`;
        checkRange(this.#context, guest, { because: 'an entry of xen,reg has no size', place });
      }
    }
    if (path === undefined) return force ? 0 : -errno.EINVAL;
    const device = findByPath(this.#context.hostTree, path);
    if (device === undefined) {
      this.#print(
        'dom0less.no-host-node',
        [path],
        node,
        `xen,path names ${path}, which the host's tree lacks`,
      );
      return -errno.EINVAL;
    }
    const rc = this.#sci.assignDevice(this.#domain, device);
    if (rc !== 0) return rc;
    const protectedDevice = this.#iommu && device.has('iommus');
    if (!protectedDevice) return force ? 0 : -errno.EINVAL;
    return isForPassthrough(device) || !this.#hasDom0 ? 0 : -errno.EBUSY;
  }

  /** dt_next_cell() */
  #number(node: DtNode, cells: readonly number[], size: number): number {
    const lines: XenDtLine[] = [];
    const value = Number(readNumber(cells, size, lines));
    const place = `partial tree of ${this.#domain.name}, ${node.path}`;
    sayOfTree(this.#context, lines, { because: 'xen,reg has a bad number of cells', place });
    return value;
  }

  #print(
    key: Parameters<Context['console']['printk']>[0],
    values: readonly (string | number)[],
    node: DtNode,
    because: string,
  ): void {
    const place = `partial tree of ${this.#domain.name}, ${node.path}`;
    this.#context.console.printk(key, values, { because, place, domid: this.#domain.domid });
  }
}

const twoCells = Uint8Array.of(0, 0, 0, 2);
const passthroughProperties = ['xen,reg', 'xen,path', 'xen,force-assign-without-iommu'];
