import type { DtNode } from './tree.ts';

/** A message that Xen prints while it reads a device tree, without the `(XEN) ` prefix. */
export interface XenDtLine {
  /** `default`: printed without a level. */
  readonly level: 'error' | 'warning' | 'default';
  readonly text: string;
}

/** How many cells an address and a size take. */
export interface Cells {
  readonly address: number;
  readonly size: number;
}

/**
 * How a kind of bus writes addresses.
 * @see Xen xen/common/device-tree/device-tree.c, struct dt_bus
 */
export interface Bus {
  /** The property that holds a device's addresses. */
  readonly addresses: 'reg' | 'assigned-addresses';
  /** Cells for a device on this bus. */
  countCells(device: DtNode): Cells;
  /** How far an address is into an entry of `ranges`; undefined: not in it. */
  map(
    address: readonly number[],
    entry: readonly number[],
    counts: Cells,
    parentCount: number,
  ): bigint | undefined;
  /** The address that is `offset` behind a base address of this bus. */
  translate(base: readonly number[], offset: bigint): readonly number[];
}

/**
 * The kind of bus that a node is; undefined where Xen takes it for none: it is not the root and has no `ranges`.
 * @param lines gets the warning that Xen prints each time it looks at a PCI bus without `device_type`
 * @see dt_match_bus()
 */
export function busOf(node: DtNode, lines: XenDtLine[]): Bus | undefined {
  if (isPci(node, lines)) return pciBus;
  return node.parent === null || node.has('ranges') ? defaultBus : undefined;
}

const PCI_DEVICE_TYPES = ['pci', 'pciex', 'vci', 'ht'];

function isPci(node: DtNode, lines: XenDtLine[]): boolean {
  if (PCI_DEVICE_TYPES.includes(node.string('device_type') ?? '')) return true;
  const name = node.string('name') ?? node.name.split('@')[0];
  if (name !== 'pcie' && name !== 'pci') return false;
  lines.push({ level: 'warning', text: `${node.path}: Missing device_type` });
  return true;
}

/** Any bus that is not a PCI one. */
export const defaultBus: Bus = {
  addresses: 'reg',
  countCells: device => ({
    address: inheritedCount(device, '#address-cells', 2),
    size: inheritedCount(device, '#size-cells', 1),
  }),
  map(address, entry, { address: count, size }, parentCount) {
    const start = readNumber(entry.slice(0, count));
    const length = readNumber(entry.slice(count + parentCount, count + parentCount + size));
    const identifies = count > 2;
    if (identifies && entry.slice(0, count).some((cell, index) => cell !== address[index])) return undefined;
    return offsetIn(readNumber(address), start, length);
  },
  translate(base, offset) {
    const sum = BigInt.asUintN(64, readNumber(base) + offset);
    const low = [Number(sum >> 32n), Number(sum & 0xffff_ffffn)];
    return base.map((_, index) => low[index - base.length + 2] ?? 0);
  },
};

const pciBus: Bus = {
  addresses: 'assigned-addresses',
  countCells: () => ({ address: 3, size: 2 }),
  map(address, entry, { address: count, size }, parentCount) {
    if (pciSpace(address[0]) !== pciSpace(entry[0])) return undefined;
    const start = readNumber(entry.slice(1, count));
    const length = readNumber(entry.slice(count + parentCount, count + parentCount + size));
    return offsetIn(readNumber(address.slice(1)), start, length);
  },
  translate: ([flags = 0, ...base], offset) => [flags, ...defaultBus.translate(base, offset)],
};

/** 32-bit and 64-bit memory are one space. */
function pciSpace(flags = 0): 'configuration' | 'io' | 'memory' {
  return (['configuration', 'io', 'memory', 'memory'] as const)[(flags >>> 24) & 3] ?? 'configuration';
}

/** `#address-cells` or `#size-cells` for a device, from the nearest node above it that has one. */
function inheritedCount(device: DtNode, property: string, fallback: number): number {
  for (let node = device.parent ?? device; ; node = node.parent) {
    if (node.has(property)) return (node.u32(property) ?? 0) | 0;
    if (node.parent === null) return fallback;
  }
}

function offsetIn(address: bigint, start: bigint, length: bigint): bigint | undefined {
  return address < start || address >= BigInt.asUintN(64, start + length) ? undefined : address - start;
}

/** Cells as one number, of which 64 bits are kept (dt_read_number()). */
export function readNumber(cells: readonly number[]): bigint {
  const number = cells.reduce((value, cell) => (value << 32n) | BigInt(cell), 0n);
  return BigInt.asUintN(64, number);
}
