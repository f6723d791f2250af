import type { DeviceTree, DtNode } from '../dt/tree.ts';
import type { KernelLog } from './kernel-log.ts';
import type { KernelVersion } from './kernel-version.ts';

/**
 * Prints what the driver core says of each device that names a supplier by a phandle which the tree does
 * not have (`OF: /acdev1: could not find phandle 4`). It happens to devices of Dom0 whose supplier Xen kept
 * for itself: harmless for `access-controllers`, fatal for the driver for `clocks`.
 */
export function sayMissingSuppliers(
  tree: DeviceTree,
  devices: readonly DtNode[],
  kernel: KernelVersion,
  log: KernelLog,
): void {
  for (const device of devices) {
    if (early.some(each => device.isCompatible(each))) continue;
    for (const [property, cellsName] of kernel.suppliers) {
      const phandle = missingPhandle(tree, device.cells(property) ?? [], cellsName);
      if (phandle === undefined) continue;
      log.print(`OF: ${device.path}: could not find phandle ${phandle}`, {
        rule: 'linux.of.supplier-missing',
        because: `${property} names a node that the domain's tree does not have`,
        place: device.path,
      });
    }
  }
}

/** One entry of a property that lists suppliers: the node and the cells after its phandle. */
export interface SupplierEntry {
  readonly phandle: number;
  readonly node: DtNode | undefined;
  readonly cells: readonly number[];
}

/** The entries of a list of phandles with arguments; it ends at a phandle that names no node. */
export function supplierEntries(
  tree: DeviceTree,
  list: readonly number[],
  cellsName: string,
): SupplierEntry[] {
  const entries: SupplierEntry[] = [];
  for (let at = 0; at < list.length; ) {
    const phandle = list[at++] ?? 0;
    const node = phandle === 0 ? undefined : tree.byPhandle(phandle);
    const count = node?.u32(cellsName) ?? 0;
    entries.push({ phandle, node, cells: list.slice(at, at + count) });
    if (node === undefined && phandle !== 0) break;
    at += count;
  }
  return entries;
}

function missingPhandle(tree: DeviceTree, list: readonly number[], cellsName: string): number | undefined {
  const entries = supplierEntries(tree, list, cellsName);
  // The driver core stops at the first empty entry.
  const first = entries.find(each => each.node === undefined);
  return first?.phandle === 0 ? undefined : first?.phandle;
}

/** Timers, interrupt controllers and clocks that come up before there are devices: nobody links their suppliers. */
const early = [
  'arm,armv8-timer',
  'arm,armv7-timer',
  'arm,gic-v3',
  'arm,gic-400',
  'arm,cortex-a15-gic',
  'fixed-clock',
  'fixed-factor-clock',
];
