import { DtError } from '../../model/dt/error.ts';
import { parseFlat } from '../../model/dt/flat.ts';
import type { DeviceTree } from '../../model/dt/tree.ts';
import type { MachineMemory } from './machine-memory.ts';

/** The device tree to which x0 points; undefined if there is none. */
export function treeInMemory(memory: MachineMemory, address: number): DeviceTree | undefined {
  return treeOf(memory.read(address, maximumTree));
}

/** Undefined where the bytes are no device tree. */
export function treeOf(bytes: Uint8Array): DeviceTree | undefined {
  try {
    return parseFlat(bytes, 'device tree in memory');
  } catch (error) {
    if (error instanceof DtError) return undefined;
    throw error;
  }
}

const maximumTree = 2 * 1024 * 1024;
