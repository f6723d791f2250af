/** Domains that Xen itself creates: xen/arch/arm/dom0less-build.c, xen/common/device-tree/dom0less-build.c. */
import { readNumber, type XenDtLine } from '../dt/bus.ts';
import { DeviceTree, type DeviceTree as Tree, DtNode } from '../dt/tree.ts';
import type { XenBuild } from './build.ts';
import type { Context } from './context.ts';
import {
  findByPath,
  isForPassthrough,
  nodeName,
  readString,
  sayOfTree,
  stringProperty,
} from './device-tree.ts';
import { type Domain, pageFrame, pageSize } from './domain.ts';
import type { DomainConfig } from './domctl.ts';
import { errno } from './errno.ts';
import { checkRange } from './iocap.ts';
import { domUBootargs, domUKernelWithoutPlace, hasDomUKernel } from './modules.ts';
import { XenPanic } from './panic.ts';
import type { Sci } from './sci.ts';
import { INVALID_AGENT_ID } from './scmi-smc-multiagent.ts';
import { hasSciSeries, hasSciSubsystem } from './version.ts';

/**
 * parse_dom0less_node() and domu_dt_sci_parse(): what a domain's node in /chosen asks for.
 * @throws {XenPanic} where the node has no `cpus`, or its SCI properties are refused
 */
export function domUConfig(context: Context, node: DtNode): DomainConfig {
  const name = nodeName(node);
  const none = { name, sciType: 'none', sciAgentId: 0, maxVcpus: cpusOf(context, node) } as const;
  const type = readsSciType(context.build) ? readString(node, 'xen,sci_type') : 'none';
  if (!node.has('xen,sci_type') || type === 'none') return none;
  if (type === 'scmi_smc') return { ...none, sciType: type };
  if (type === 'scmi_smc_multiagent' && hasSciSeries(context.build)) {
    const agentId = node.u32('xen,sci-agent-id');
    if (agentId === undefined) throw refused(node, 'xen,sci-agent-id is missing');
    if (agentId >= INVALID_AGENT_ID) throw refused(node, `xen,sci-agent-id is ${agentId}, beyond 254`);
    return { ...none, sciType: type, sciAgentId: agentId };
  }
  if (type === undefined) throw refused(node, 'xen,sci_type is no string');
  const because = `xen,sci_type "${type}" is not one that Xen knows`;
  context.console.printk('dom0less.sci-type', [type, name], { because, place: node.path });
  throw refused(node, because);
}

/** A domain without `cpus` is given one where its node is completed. */
function cpusOf({ modulesAreAdded }: Context, node: DtNode): number {
  const cpus = modulesAreAdded && !node.has('cpus') ? 1 : node.u32('cpus');
  if (cpus !== undefined) return cpus;
  const text = `Missing property 'cpus' for domain ${nodeName(node)}`;
  throw new XenPanic('dom0less.no-cpus', text, 'cpus is missing, or less than a cell', node.path);
}

/** CONFIG_ARM_SCI, which a driver brings along. */
function readsSciType(build: XenBuild): boolean {
  return hasSciSubsystem(build) && build.mediator !== 'none';
}

function refused(node: DtNode, why: string): XenPanic {
  return new XenPanic('dom0less.sci-configuration', 'Error getting SCI configuration', why, node.path);
}

/**
 * construct_domU() and kernel_probe(), up to where the domain's memory is allocated. What the kernel is made of is not
 * looked at.
 * @returns 0, or the negative errno of what the node lacks
 */
export function prepareDomU(context: Context, node: DtNode, domid: number): number {
  const { console, hostTree, modulesAreAdded } = context;
  const place = node.path;
  if (node.u32('memory', 1) === undefined && !(modulesAreAdded && !node.has('memory'))) {
    const because = 'memory is missing, or less than two cells';
    console.printk('dom0less.no-memory', [], { because, place, domid });
    return -errno.EINVAL;
  }
  if (modulesAreAdded) return 0;
  const unplaced = domUKernelWithoutPlace(node);
  if (unplaced !== undefined)
    context.undefinedBehaviour(`the reg of ${unplaced.path} is read beyond its end`);
  if (hasDomUKernel(hostTree, node)) return 0;
  const because = `no module in ${place} is a kernel that has a size`;
  console.printk('domain-build.no-kernel', [], { because, place, domid });
  return -errno.ENOENT;
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
