/** Dom0's device tree out of the host's: handle_node() of xen/arch/arm/domain_build.c, device.c. */
import { numberOfAddresses } from '../dt/address.ts';
import { DeviceTree, DtNode } from '../dt/tree.ts';
import type { Context } from './context.ts';
import {
  deviceAddress,
  findCompatible,
  isCompatible,
  isForPassthrough,
  stringProperty,
} from './device-tree.ts';
import { type Domain, pageFrame, pagesUp } from './domain.ts';
import type { DomainConfig } from './domctl.ts';
import { permitAccess } from './iocap.ts';
import { dom0Bootargs } from './modules.ts';
import type { Sci } from './sci.ts';
import { MAX_VIRT_CPUS } from './vgic.ts';
import { consoleNode } from './serial.ts';
import { INVALID_AGENT_ID } from './scmi-smc-multiagent.ts';
import { hasSciSeries } from './version.ts';

/** create_dom0(): what Dom0 is created with, as far as SCMI goes. */
export function dom0Config(context: Context): DomainConfig {
  const { dom0Vcpus } = context.commandLine;
  const maxVcpus = dom0Vcpus === undefined ? undefined : Math.min(dom0Vcpus, MAX_VIRT_CPUS);
  const none = {
    name: 'Dom0',
    sciType: 'none',
    sciAgentId: 0,
    maxVcpus,
  } as const;
  if (!hasSciSeries(context.build)) return none;
  const container = findCompatible(context.hostTree, 'xen,sci');
  const agentId = container?.u32('xen,dom0-sci-agent-id');
  if (container === undefined || agentId === undefined) return none;
  if (agentId < INVALID_AGENT_ID) return { ...none, sciType: 'scmi_smc_multiagent', sciAgentId: agentId };
  context.console.printk('dom0.invalid-agent-id', [agentId], {
    because: `xen,dom0-sci-agent-id is ${agentId}, and agent ids of domains are 0 to 254`,
    place: container.path,
    domid: 0,
  });
  return none;
}

/**
 * Builds Dom0's tree, assigns its devices and maps their memory.
 * @returns the tree, or the negative errno of the first node that fails
 */
export function buildDom0Tree(context: Context, sci: Sci, dom0: Domain): DeviceTree | number {
  const builder = new Dom0Tree(context, sci, dom0);
  const root = builder.handle(context.hostTree.root, null);
  if (typeof root === 'number') return root;
  return new DeviceTree(root ?? new DtNode('', null), [...context.hostTree.reservations]);
}

class Dom0Tree {
  readonly #context: Context;
  readonly #sci: Sci;
  readonly #dom0: Domain;
  readonly #skip: readonly string[];
  readonly #xenConsole: DtNode | undefined;

  constructor(context: Context, sci: Sci, dom0: Domain) {
    this.#context = context;
    this.#sci = sci;
    this.#dom0 = dom0;
    this.#skip = hasSciSeries(context.build) ? [...skipped, 'xen,sci'] : skipped;
    this.#xenConsole = consoleNode(context);
  }

  /** A node as Dom0 gets it; null where it does not, a negative errno where that fails. */
  handle(node: DtNode, parent: DtNode | null): DtNode | null | number {
    if (this.#skip.some(each => isCompatible(node, each)) || node.path === '/cpus') return null;
    if (node.string('device_type') === 'memory') return null;
    const own = new DtNode(node.name, parent);
    for (const [name, value] of node.properties) {
      if (name !== 'xen,passthrough') own.properties.set(name, value);
    }
    if (replaced.some(each => isCompatible(node, each))) return own;
    if (node === this.#xenConsole || iommus.some(each => isCompatible(node, each))) return null;
    if (this.#sci.handleNode(this.#dom0, node) || usesPrivateInterrupts(node)) return null;

    const rc = this.#handleDevice(node);
    if (rc !== 0) return rc;
    if (isForPassthrough(node)) own.properties.set('status', disabled);
    if (node.path === '/chosen') this.#writeChosen(own);
    for (const child of node.children) {
      const handled = this.handle(child, own);
      if (typeof handled === 'number') return handled;
      if (handled !== null) own.children.push(handled);
    }
    return own;
  }

  /** write_properties() keeps what is Xen's in /chosen from Dom0 and gives it its own command line. */
  #writeChosen(chosen: DtNode): void {
    for (const property of xensOfChosen) chosen.properties.delete(property);
    const bootargs = dom0Bootargs(this.#context.hostTree);
    if (bootargs !== undefined) chosen.properties.set('bootargs', stringProperty(bootargs));
  }

  /** handle_device(): the mediator, then memory. */
  #handleDevice(node: DtNode): number {
    const owned = !isForPassthrough(node);
    if (owned) {
      const rc = this.#sci.assignDevice(this.#dom0, node);
      if (rc !== 0) return rc;
    }
    for (let index = 0; index < numberOfAddresses(node); index++) {
      const { rc, address, size } = deviceAddress(this.#context, node, index);
      if (rc !== 0) {
        this.#context.console.printk('domain-build.no-address', [index, node.path], {
          because: `entry ${index} of reg of ${node.path} does not translate, so that Dom0 cannot get it`,
          place: node.path,
        });
        return rc;
      }
      this.#mapRange(node, address, size, owned);
    }
    return 0;
  }

  #mapRange(node: DtNode, address: number, size: number, owned: boolean): void {
    if (!node.path.toLowerCase().startsWith('/reserved-memory/')) {
      const because = `reg of ${node.path} is what Dom0 may access, ${size} bytes from 0x${address.toString(16)}`;
      permitAccess(this.#context, this.#dom0, { address, size }, { because, place: node.path, domid: 0 });
    }
    if (owned) this.#dom0.map(pageFrame(address), pageFrame(address), pagesUp(size));
  }
}

/** Whether any interrupt is a PPI of the GIC: the vGIC does not route those to Dom0. */
function usesPrivateInterrupts(node: DtNode): boolean {
  const interrupts = node.cells('interrupts');
  if (interrupts === undefined || interrupts.length % 3 !== 0) return false;
  return isGicUser(node) && interrupts.some((cell, index) => index % 3 === 0 && cell === 1);
}

function isGicUser(node: DtNode): boolean {
  for (let above: DtNode | null = node; above !== null; above = above.parent) {
    const phandle = above.u32('interrupt-parent');
    if (phandle === undefined) continue;
    return [...rootOf(node).walk()].some(
      each => each.u32('phandle') === phandle && each.u32('#interrupt-cells') === 3,
    );
  }
  return false;
}

function rootOf(node: DtNode): DtNode {
  return node.parent === null ? node : rootOf(node.parent);
}

const disabled = stringProperty('disabled');

/** Properties of /chosen that Dom0 does not get. */
const xensOfChosen = [
  'xen,static-heap',
  'xen,xen-bootargs',
  'xen,dom0-bootargs',
  'bootargs',
  'linux,initrd-start',
  'linux,initrd-end',
  'stdout-path',
  'linux,uefi-system-table',
  'linux,uefi-mmap-start',
  'linux,uefi-mmap-size',
  'linux,uefi-mmap-desc-size',
  'linux,uefi-mmap-desc-ver',
] as const;

/** Nodes that Dom0 does not get, with all below them. */
const skipped = [
  'xen,domain',
  'xen,domain-shared-memory-v1',
  'xen,evtchn-v1',
  'xen,xen',
  'xen,multiboot-module',
  'multiboot,module',
  'arm,psci',
  'arm,psci-0.2',
  'arm,psci-1.0',
  'arm,cortex-a7-pmu',
  'arm,cortex-a15-pmu',
  'arm,cortex-a53-edac',
  'arm,armv8-pmuv3',
  'arm,armv7-timer-mem',
] as const;

/** Nodes that Xen makes anew for Dom0: interrupt controllers and timers. */
const replaced = [
  'arm,gic-v3',
  'arm,gic-400',
  'arm,cortex-a15-gic',
  'arm,cortex-a7-gic',
  'arm,armv8-timer',
  'arm,armv7-timer',
] as const;

/** Nodes of drivers of class DEVICE_IOMMU. */
export const iommus = [
  'arm,smmu-v1',
  'arm,smmu-v2',
  'arm,mmu-400',
  'arm,mmu-401',
  'arm,mmu-500',
  'arm,smmu-v3',
  'renesas,ipmmu-r8a7795',
  'renesas,ipmmu-r8a77965',
  'renesas,ipmmu-r8a7796',
  'renesas,ipmmu-r8a779f0',
] as const;
