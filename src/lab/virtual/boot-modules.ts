/** Boot modules that Xen finds in memory at the addresses in the device tree. */
import { defaultBus } from '../../model/dt/bus.ts';
import type { DeviceTree, DtNode } from '../../model/dt/tree.ts';
import { isDomain } from '../../model/xen/modules.ts';
import type { MachineMemory } from './machine-memory.ts';

export interface BootModuleFound {
  /** As Xen names it in its list: `Kernel`, `Ramdisk`. */
  readonly kind: string;
  /** Node in /chosen of the domain that it is for; absent: Dom0's. */
  readonly domain?: string;
  readonly address: number;
  /** In bytes, as the device tree says. */
  readonly size: number;
  /** Its bytes: shorter than `size` if less was loaded. */
  readonly bytes: Uint8Array;
}

/**
 * The modules that /chosen names, in its order, after the ramdisk that a boot loader announces. One that reaches into
 * another is not taken (xen/common/device-tree/bootfdt.c, add_boot_module()).
 */
export function findBootModules(tree: DeviceTree, memory: MachineMemory): readonly BootModuleFound[] {
  const found: BootModuleFound[] = [];
  for (const module of announced(tree)) {
    const isOverlapping = found.some(
      ({ address, size }) => module.address < address + size && address < module.address + module.size,
    );
    if (!isOverlapping) found.push({ ...module, bytes: memory.read(module.address, module.size) });
  }
  return found;
}

type Announced = Omit<BootModuleFound, 'bytes'>;

function announced(tree: DeviceTree): readonly Announced[] {
  const chosen = tree.node('/chosen');
  const start = chosen?.u32('linux,initrd-start');
  const end = chosen?.u32('linux,initrd-end');
  const ramdisk =
    start === undefined || end === undefined ? [] : [{ kind: 'Ramdisk', address: start, size: end - start }];
  const below = (chosen?.children ?? []).flatMap(node =>
    isDomain(node)
      ? node.children.flatMap(child => moduleOf(child).map(module => ({ ...module, domain: node.name })))
      : moduleOf(node),
  );
  return [...ramdisk, ...below];
}

function moduleOf(node: DtNode): readonly Announced[] {
  const kind = kinds.find(([compatible]) => node.isCompatible(compatible))?.[1];
  // Xen reads the first entry in the cells that a node above says, and translates nothing (device_tree_get_reg()).
  const counts = defaultBus.countCells(node);
  const reg = node.cells('reg');
  if (kind === undefined || reg === undefined || reg.length < counts.address + counts.size) return [];
  const address = number(reg.slice(0, counts.address));
  return [{ kind, address, size: number(reg.slice(counts.address, counts.address + counts.size)) }];
}

function number(cells: readonly number[]): number {
  return cells.reduce((value, cell) => value * 2 ** 32 + cell, 0);
}

const kinds = [
  ['multiboot,kernel', 'Kernel'],
  ['multiboot,ramdisk', 'Ramdisk'],
  ['multiboot,device-tree', 'Device Tree'],
  ['multiboot,module', 'Unknown'],
] as const;
