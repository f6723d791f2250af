/** What Xen finds in memory where the device tree says that its boot modules are. */
import { nodeReg } from '../dt/address.ts';
import type { DeviceTree, DtNode } from '../dt/tree.ts';
import type { MachineMemory } from './machine-memory.ts';

export interface BootModuleFound {
  /** As Xen names it in its list: `Kernel`, `Ramdisk`. */
  readonly kind: string;
  readonly address: number;
  /** In bytes, as the device tree says. */
  readonly size: number;
  /** What is there: shorter than `size` where less was loaded. */
  readonly bytes: Uint8Array;
}

/**
 * The modules that /chosen names, in its order (xen/common/device-tree/bootfdt.c).
 * @param parent another node whose modules are wanted: a dom0less domain's
 */
export function findBootModules(
  tree: DeviceTree,
  memory: MachineMemory,
  parent: DtNode | undefined = tree.node('/chosen'),
): readonly BootModuleFound[] {
  return (parent?.children ?? []).flatMap(node => {
    const kind = kinds.find(([compatible]) => node.isCompatible(compatible))?.[1];
    const reg = nodeReg(node);
    if (kind === undefined || !reg.ok) return [];
    const { address, size } = reg;
    return { kind, address, size, bytes: memory.read(address, size) };
  });
}

const kinds = [
  ['multiboot,kernel', 'Kernel'],
  ['multiboot,ramdisk', 'Ramdisk'],
  ['multiboot,device-tree', 'Device Tree'],
  ['multiboot,module', 'Unknown'],
] as const;
