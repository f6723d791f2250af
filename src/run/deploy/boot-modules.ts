/**
 * Xen's boot modules: where each file is put into memory, and the nodes under /chosen that tell Xen so (Xen
 * docs/misc/arm/device-tree/booting.txt). A dom0less domain's are in its own node, which is completed with what
 * Xen does not build a domain without.
 */
import { parseFlat, writeFlat } from '../../model/dt/flat.ts';
import { type DeviceTree, DtNode } from '../../model/dt/tree.ts';

export interface BootModule {
  readonly kind: 'multiboot,kernel' | 'multiboot,ramdisk' | 'multiboot,device-tree';
  /** Node in /chosen of the domain that it is for; absent: Dom0's. */
  readonly domain?: string;
  readonly address: number;
  /** In bytes, exactly: Xen takes what is behind a compressed image for a part of it. */
  readonly size: number;
}

/**
 * A copy of a host tree that names the modules, in nodes that say how many cells their addresses and sizes have. A module of the same kind that a domain has already gets the new
 * place instead. `bootargs` of a domain's node, which Xen does not read, become those of its kernel.
 */
export function withBootModules(tree: DeviceTree, modules: readonly BootModule[]): DeviceTree {
  const copy = parseFlat(writeFlat(tree), 'host tree');
  const chosen = copy.node('/chosen') ?? add(copy.root, 'chosen');
  if (modules.length > 0) completeCells(chosen);
  for (const domain of domainNodes(copy)) complete(domain);
  for (const module of modules) {
    if (module.domain === undefined) announce(module, chosen);
    else {
      const domain = chosen.child(module.domain) ?? add(chosen, module.domain);
      completeCells(domain);
      const node = announce(module, domain);
      const bootargs = domain.properties.get('bootargs');
      if (module.kind === 'multiboot,kernel' && bootargs !== undefined && !node.has('bootargs')) {
        node.properties.set('bootargs', bootargs);
      }
    }
  }
  return copy;
}

/** The nodes in /chosen of the domains that Xen creates by itself. */
export function domainNodes(tree: DeviceTree): readonly DtNode[] {
  return tree.node('/chosen')?.children.filter(node => node.isCompatible('xen,domain')) ?? [];
}

/**
 * How many cells an address and a size have below a node: as its parent says, where it does not (Xen
 * common/device-tree/bootfdt.c, device_tree_for_each_node).
 */
export function cellsBelow(node: DtNode): Cells {
  const { address, size } = node.parent === null ? { address: 2, size: 1 } : cellsBelow(node.parent);
  return { address: node.u32('#address-cells') ?? address, size: node.u32('#size-cells') ?? size };
}

export interface Cells {
  readonly address: number;
  readonly size: number;
}

/**
 * Gives a node the counts of cells that it lacks: two, as in docs/misc/arm/device-tree/booting.txt, or those in which
 * Xen reads what is written below it already. Not every boot loader looks for them further up, as Xen does.
 */
function completeCells(node: DtNode): void {
  const { address, size } = cellsBelow(node);
  const isUsed = [...node.walk()].some(below => inCellsOfParent.some(name => isFilled(below, name)));
  const counts = [
    ['#address-cells', address],
    ['#size-cells', size],
  ] as const;
  for (const [name, inherited] of counts) {
    const isKept = isUsed && (inherited === 1 || inherited === 2);
    if (!node.has(name)) node.properties.set(name, cellBytes([isKept ? inherited : 2]));
  }
}

const inCellsOfParent = ['reg', 'ranges', 'xen,static-mem', 'xen,shared-mem'] as const;

function isFilled(node: DtNode, property: string): boolean {
  return (node.properties.get(property)?.length ?? 0) > 0;
}

/** KiB of a domain whose node does not say. */
const defaultMemory = 256 * 1024;

/** docs/misc/arm/device-tree/booting.txt, "domain": `cpus` and `memory` are mandatory. */
function complete(domain: DtNode): void {
  completeCells(domain);
  const defaults: readonly (readonly [string, readonly number[]])[] = [
    ['cpus', [1]],
    ['memory', [0, defaultMemory]],
    // Without it nobody sees what the domain prints.
    ['vpl011', []],
  ];
  for (const [name, cells] of defaults) if (!domain.has(name)) domain.properties.set(name, cellBytes(cells));
}

function announce({ kind, address, size }: BootModule, parent: DtNode): DtNode {
  const cells = cellsBelow(parent);
  const node =
    parent.children.find(child => child.isCompatible(kind)) ?? add(parent, `module@${address.toString(16)}`);
  if (!node.has('compatible')) {
    node.properties.set('compatible', new TextEncoder().encode(`${kind}\0multiboot,module\0`));
  }
  node.properties.set('reg', cellBytes([...inCells(address, cells.address), ...inCells(size, cells.size)]));
  return node;
}

function add(parent: DtNode, name: string): DtNode {
  const node = new DtNode(name, parent);
  parent.children.push(node);
  return node;
}

/** @param count 1 or 2: no machine has addresses of more */
function inCells(value: number, count: number): number[] {
  const high = Math.floor(value / 2 ** 32);
  if (count === 1 && high > 0) throw new Error(`0x${value.toString(16)} does not fit one cell`);
  return [high, value % 2 ** 32].slice(-count);
}

function cellBytes(cells: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(cells.length * 4));
  for (const [index, cell] of cells.entries()) view.setUint32(index * 4, cell);
  return new Uint8Array(view.buffer);
}
