import type { DtNode } from './tree.ts';

/** A message that Xen prints while it reads a device tree, without the `(XEN) ` prefix. */
export interface XenDtLine {
  /** `default`: printed without a level. */
  readonly level: 'error' | 'warning' | 'default';
  readonly text: string;
  /** Behind it stands ASSERT_UNREACHABLE(): a debug build (since 4.21) ends here. */
  readonly unreachable?: true;
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
  /**
   * How far an address is into an entry of `ranges`; undefined: not in it.
   * @param lines gets what Xen prints
   */
  map(
    address: readonly number[],
    entry: readonly number[],
    counts: Cells & { readonly parent: number },
    lines: XenDtLine[],
  ): bigint | undefined;
  /** The address that is `offset` behind a base address of this bus. */
  translate(base: readonly number[], offset: bigint, lines: XenDtLine[]): readonly number[];
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

/** The whole entries of a property that is a list of them; none where an entry has no cells. */
export function entriesOf(cells: readonly number[], length: number): readonly (readonly number[])[] {
  const count = length > 0 ? Math.floor(cells.length / length) : 0;
  return Array.from({ length: count }, (_, index) => cells.slice(index * length, (index + 1) * length));
}

/** Any bus that is not a PCI one. */
export const defaultBus: Bus = {
  addresses: 'reg',
  countCells: device => ({
    address: inheritedCount(device, '#address-cells', 2),
    size: inheritedCount(device, '#size-cells', 1),
  }),
  map(address, entry, { address: count, size, parent }, lines) {
    const start = readNumber(entry, count, lines);
    const length = readNumber(entry.slice(count + parent), size, lines);
    const at = readNumber(address, count, lines);
    const identifies = count > 2;
    if (identifies && entry.slice(0, count).some((cell, index) => cell !== address[index])) return undefined;
    return offsetIn(at, start, length);
  },
  translate(base, offset, lines) {
    const sum = BigInt.asUintN(64, readNumber(base, base.length, lines) + offset);
    const low = [Number(sum >> 32n), Number(sum & 0xffff_ffffn)];
    return base.map((_, index) => low[index - base.length + 2] ?? 0);
  },
};

const pciBus: Bus = {
  addresses: 'assigned-addresses',
  countCells: () => ({ address: 3, size: 2 }),
  map(address, entry, { address: count, size, parent }, lines) {
    if (pciSpace(address[0]) !== pciSpace(entry[0])) return undefined;
    const start = readNumber(entry.slice(1), count - 1, lines);
    const length = readNumber(entry.slice(count + parent), size, lines);
    return offsetIn(readNumber(address.slice(1), count - 1, lines), start, length);
  },
  translate: ([flags = 0, ...base], offset, lines) => [flags, ...defaultBus.translate(base, offset, lines)],
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

/**
 * A number of one or two cells; of any other size the first cell is read (dt_read_number() of
 * xen/include/xen/bootfdt.h).
 * @param cells the number and what stands behind it
 * @param lines gets what Xen prints of a bad size
 */
export function readNumber(cells: readonly number[], size: number, lines: XenDtLine[]): bigint {
  const [first = 0, second = 0] = cells;
  if (size === 2) return (BigInt(first) << 32n) | BigInt(second);
  if (size !== 1) {
    lines.push({ level: 'error', text: `dt_read_number(,${size}) bad size`, unreachable: true });
  }
  return BigInt(first);
}
