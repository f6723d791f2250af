import { type Bus, busOf, type Cells, readNumber, type XenDtLine } from './bus.ts';
import type { DtNode } from './tree.ts';

/**
 * Why an address is not known:
 * - `no reg`: the node has no (such) reg, or its parent is not a bus at all;
 * - `not a bus`: a node on the way up lacks `ranges` (`bus` is its path);
 * - `bad cells`: cell counts that Xen refuses, `bus` is the node it names;
 * - `not mapped`: no entry of `ranges` of `bus` covers the address;
 * - `above 2^53`: Xen would know it, a JavaScript number cannot hold it.
 */
type AddressFailure = 'no reg' | 'not a bus' | 'bad cells' | 'not mapped' | 'above 2^53';

export type AddressResult<Address> =
  | ({ readonly ok: true; readonly lines: readonly XenDtLine[] } & Address)
  | {
      readonly ok: false;
      readonly reason: AddressFailure;
      readonly bus: string | undefined;
      /** Lines that Xen prints, once per call. */
      readonly lines: readonly XenDtLine[];
    };

/**
 * An entry of a node's `reg`, translated to CPU addresses.
 *
 * @param node the device
 * @param index which entry, counted from 0
 * @returns address and size in bytes, or why Xen does not get them (all of them -EINVAL there)
 * @see Xen xen/common/device-tree/device-tree.c, dt_device_get_address()
 */
export function nodeReg(node: DtNode, index = 0): AddressResult<{ address: number; size: number }> {
  const lines: XenDtLine[] = [];
  const fail = (reason: AddressFailure) => ({ ok: false, reason, bus: undefined, lines }) as const;
  const bus = node.parent === null ? undefined : busOf(node.parent, lines);
  if (bus === undefined) return fail('no reg');
  const { address, size } = bus.countCells(node);
  const entryLength = address + size;
  const cells = node.cells(bus.addresses);
  if (!isAddressCount(address) || entryLength <= 0 || cells === undefined) return fail('no reg');
  if (cells.length < (index + 1) * entryLength) return fail('no reg');

  const entry = cells.slice(index * entryLength);
  const length = Number(readNumber(entry.slice(address), size, lines));
  const translated = translateAddress(node, entry.slice(0, address));
  const all = [...lines, ...translated.lines];
  if (!translated.ok) return { ...translated, lines: all };
  return Number.isSafeInteger(length)
    ? { ok: true, address: translated.address, size: length, lines: all }
    : { ...fail('above 2^53'), lines: all };
}

/**
 * How many entries of `reg` Xen takes a node to have, whether or not they translate.
 * @see Xen xen/common/device-tree/device-tree.c, dt_number_of_address()
 */
export function numberOfAddresses(node: DtNode): number {
  const bus = node.parent === null ? undefined : busOf(node.parent, []);
  if (bus === undefined) return 0;
  const counts = bus.countCells(node);
  const cells = node.cells(bus.addresses);
  if (!areCounts(counts) || cells === undefined) return 0;
  return Math.floor(cells.length / (counts.address + counts.size));
}

/**
 * An address as the parent bus of a node has it, translated to a CPU address through each `ranges` on the way to the
 * root.
 *
 * @param node the device that the address is of; its parent is the bus
 * @param cells the address, as many cells as the bus has for one
 * @see Xen xen/common/device-tree/device-tree.c, __dt_translate_address()
 */
export function translateAddress(node: DtNode, cells: readonly number[]): AddressResult<{ address: number }> {
  const lines: XenDtLine[] = [];
  const fail = (reason: AddressFailure, at?: DtNode) =>
    ({ ok: false, reason, bus: at?.path, lines }) as const;
  let device = node.parent;
  let bus = device === null ? undefined : busOf(device, lines);
  if (device === null || bus === undefined) return fail('no reg');
  let counts = bus.countCells(node);
  if (!areCounts(counts)) {
    lines.push({ level: 'error', text: `dt_parse: Bad cell count for device ${node.path}` });
    return fail('bad cells', node);
  }

  let address: readonly number[] = cells;
  for (let parent = device.parent; parent !== null; device = parent, parent = parent.parent) {
    const parentBus = busOf(parent, lines);
    if (parentBus === undefined) {
      lines.push({ level: 'default', text: `DT: ${parent.path} is not a valid bus` });
      return fail('not a bus', parent);
    }
    const parentCounts = parentBus.countCells(device);
    if (!areCounts(parentCounts)) {
      lines.push({ level: 'error', text: `dt_parse: Bad cell count for parent ${device.path}` });
      return fail('bad cells', device);
    }
    const translated = throughRanges(
      device,
      bus,
      parentBus,
      address,
      { ...counts, parent: parentCounts.address },
      lines,
    );
    if (translated === 'no ranges') {
      lines.push({ level: 'error', text: 'DT: no ranges; cannot translate' });
      return fail('not a bus', device);
    }
    if (translated === 'not mapped') return fail('not mapped', device);
    address = translated;
    counts = parentCounts;
    bus = parentBus;
  }
  const result = readNumber(address, counts.address, lines);
  if (result === badAddress) return fail('not mapped');
  return result <= BigInt(Number.MAX_SAFE_INTEGER)
    ? { ok: true, address: Number(result), lines }
    : fail('above 2^53');
}

/** Xen's DT_BAD_ADDR. */
const badAddress = 0xffff_ffff_ffff_ffffn;

/** Xen's DT_MAX_ADDR_CELLS. */
const maximumAddressCells = 4;

function isAddressCount(count: number): boolean {
  return count > 0 && count <= maximumAddressCells;
}

function areCounts({ address, size }: Cells): boolean {
  return isAddressCount(address) && size > 0;
}

/** One level up (dt_translate_one()): the first entry of `ranges` that maps the address. */
function throughRanges(
  device: DtNode,
  bus: Bus,
  parentBus: Bus,
  address: readonly number[],
  counts: Cells & { readonly parent: number },
  lines: XenDtLine[],
): readonly number[] | 'no ranges' | 'not mapped' {
  const ranges = device.properties.get('ranges');
  if (ranges === undefined) return 'no ranges';
  if (ranges.length === 0) {
    const offset = readNumber(address, counts.address, lines);
    return parentBus.translate(
      Array.from({ length: counts.parent }, () => 0),
      offset,
      lines,
    );
  }
  const cells = device.cells('ranges') ?? [];
  const entryLength = counts.address + counts.parent + counts.size;
  for (let at = 0; cells.length - at >= entryLength; at += entryLength) {
    const entry = cells.slice(at, at + entryLength);
    const offset = bus.map(address, entry, counts, lines);
    if (offset === undefined) continue;
    const base = entry.slice(counts.address, counts.address + counts.parent);
    return parentBus.translate(base, offset, lines);
  }
  return 'not mapped';
}
