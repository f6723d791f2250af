import { DtError } from './error.ts';
import { HEADER, HEADER_SIZE, MAGIC, MAXIMUM_DEPTH, MAXIMUM_NAME_LENGTH, TOKEN } from './flat-format.ts';
import { DeviceTree, DtNode, type MemoryReservation } from './tree.ts';

export { writeFlat } from './flat-writer.ts';

/**
 * Read a flattened device tree, version 16 or 17 (or a later one that calls itself compatible with 17).
 *
 * Everything is checked that libfdt's fdt_check_full() checks. What libfdt would find by name is what is kept:
 * of two properties with one name the first; nodes with one name are all kept and `child` finds the first.
 * Property values are views into `bytes`, not copies.
 *
 * @param bytes the blob; what follows its total size is ignored
 * @param file named in errors
 * @throws {DtError} with the byte offset, when the blob is truncated, malformed or nested deeper than 64 nodes
 * @see Devicetree Specification v0.4, chapter 5; libfdt fdt_check.c, fdt.c
 */
export function parseFlat(bytes: Uint8Array, file?: string): DeviceTree {
  const blob = new Blob(bytes, file);
  const header = readHeader(blob);
  return new DeviceTree(readStructure(blob, header), readReservations(blob, header), header.bootCpu);
}

/** The bytes of a flattened tree, read with the place of every failure. */
class Blob {
  readonly bytes: Uint8Array;
  readonly file: string | undefined;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, file: string | undefined) {
    this.bytes = bytes;
    this.file = file;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** One big-endian cell; the caller has checked that it is inside. */
  cell(offset: number): number {
    return this.#view.getUint32(offset);
  }

  /** A big-endian number of two cells; the caller has checked that it is inside. */
  twoCells(offset: number): bigint {
    return this.#view.getBigUint64(offset);
  }

  error(problem: string, offset: number): DtError {
    return new DtError(problem, { file: this.file, offset });
  }

  /** The NUL-terminated name at an offset, one character per byte, its NUL before `limit`. */
  name(offset: number, limit: number, what: string): string {
    let name = '';
    const longest = Math.min(limit, offset + MAXIMUM_NAME_LENGTH + 1);
    for (let at = offset; at < longest; at++) {
      const byte = this.bytes[at];
      if (byte === 0 || byte === undefined) return name;
      name += String.fromCharCode(byte);
    }
    if (longest < limit) throw this.error(`${what} is longer than ${MAXIMUM_NAME_LENGTH} characters`, offset);
    throw this.error(`${what} is not terminated`, offset);
  }
}

interface Header {
  readonly structOffset: number;
  readonly structEnd: number;
  readonly stringsOffset: number;
  readonly stringsEnd: number;
  readonly reservationsOffset: number;
  readonly totalSize: number;
  readonly bootCpu: number;
}

function readHeader(blob: Blob): Header {
  const { bytes } = blob;
  if (bytes.length < 4 || blob.cell(HEADER.magic) !== MAGIC) {
    const found = Array.from(bytes.subarray(0, 4), byte => byte.toString(16).padStart(2, '0')).join(' ');
    throw blob.error(`not a flattened device tree: begins with "${found}", not "d0 0d fe ed"`, HEADER.magic);
  }
  if (bytes.length < HEADER_SIZE[16]) throw blob.error('truncated in its header', bytes.length);
  const version = blob.cell(HEADER.version);
  const lastCompatible = blob.cell(HEADER.lastCompatible);
  if (version < 16 || lastCompatible > 17 || lastCompatible > version) {
    const found = `version ${version}, last compatible version ${lastCompatible}`;
    throw blob.error(`${found}; only versions 16 and 17 can be read`, HEADER.version);
  }
  const headerSize = version >= 17 ? HEADER_SIZE[17] : HEADER_SIZE[16];
  const totalSize = blob.cell(HEADER.totalSize);
  if (totalSize < headerSize) {
    throw blob.error(`total size ${totalSize} is less than the header's`, HEADER.totalSize);
  }
  if (totalSize > bytes.length) {
    throw blob.error(`truncated: total size ${totalSize}, but only ${bytes.length} bytes`, HEADER.totalSize);
  }

  const block = (
    field: 'structOffset' | 'stringsOffset' | 'reservationsOffset',
    alignment: number,
  ): number => {
    const offset = blob.cell(HEADER[field]);
    if (offset < headerSize || offset > totalSize || offset % alignment !== 0) {
      throw blob.error(
        `${blockNames[field]} block at 0x${offset.toString(16)} is outside or not aligned`,
        HEADER[field],
      );
    }
    return offset;
  };
  const blockEnd = (offset: number, field: 'structSize' | 'stringsSize'): number => {
    const size = blob.cell(HEADER[field]);
    if (size > totalSize - offset) {
      throw blob.error(`${blockNames[field]} block of ${size} bytes ends outside of the tree`, HEADER[field]);
    }
    return offset + size;
  };
  const structOffset = block('structOffset', 4);
  const stringsOffset = block('stringsOffset', 1);
  return {
    structOffset,
    structEnd: version >= 17 ? blockEnd(structOffset, 'structSize') : totalSize,
    stringsOffset,
    stringsEnd: blockEnd(stringsOffset, 'stringsSize'),
    reservationsOffset: block('reservationsOffset', 8),
    totalSize,
    bootCpu: blob.cell(HEADER.bootCpu),
  };
}

const blockNames = {
  structOffset: 'structure',
  structSize: 'structure',
  stringsOffset: 'strings',
  stringsSize: 'strings',
  reservationsOffset: 'memory reservation',
} as const;

function readReservations(blob: Blob, { reservationsOffset, totalSize }: Header): MemoryReservation[] {
  const reservations: MemoryReservation[] = [];
  for (let at = reservationsOffset; at + 16 <= totalSize; at += 16) {
    const [address, size] = [blob.twoCells(at), blob.twoCells(at + 8)];
    if (size === 0n && address === 0n) return reservations;
    reservations.push({ address, size });
  }
  throw blob.error('memory reservation block is not terminated', reservationsOffset);
}

function readStructure(blob: Blob, header: Header): DtNode {
  const { structOffset, structEnd } = header;
  const propertyName = nameReader(blob, header);
  let root: DtNode | undefined;
  let node: DtNode | null = null;
  let depth = 0;
  let at = structOffset;

  while (at + 4 <= structEnd) {
    const token = blob.cell(at);
    switch (token) {
      case TOKEN.nop: {
        at += 4;
        break;
      }
      case TOKEN.beginNode: {
        const name = blob.name(at + 4, structEnd, 'node name');
        if (node === null && root !== undefined) throw blob.error('second root node', at);
        checkNodeName(blob, name, node, at + 4);
        depth += 1;
        if (depth > MAXIMUM_DEPTH) throw blob.error(`nodes nested deeper than ${MAXIMUM_DEPTH}`, at);
        const begun: DtNode = new DtNode(name, node);
        node?.children.push(begun);
        root ??= begun;
        node = begun;
        at = align(at + 4 + name.length + 1);
        break;
      }
      case TOKEN.endNode: {
        if (node === null) throw blob.error('end of a node that was not begun', at);
        node = node.parent;
        depth -= 1;
        at += 4;
        break;
      }
      case TOKEN.property: {
        if (node === null) throw blob.error('property outside of a node', at);
        if (structEnd - at < 12) throw blob.error('property is truncated', at);
        const length = blob.cell(at + 4);
        const name = propertyName(blob.cell(at + 8), at + 8);
        if (length > structEnd - at - 12) {
          throw blob.error(
            `property "${name}" of ${node.path} claims ${length} bytes and ends outside`,
            at + 4,
          );
        }
        if (node.children.length > 0) {
          throw blob.error(`property "${name}" of ${node.path} comes after a subnode`, at);
        }
        const value = blob.bytes.subarray(at + 12, at + 12 + length);
        if (!node.properties.has(name)) node.properties.set(name, value);
        at = align(at + 12 + length);
        break;
      }
      case TOKEN.end: {
        if (node !== null) throw blob.error(`ends inside of ${node.path}`, at);
        if (root === undefined) throw blob.error('has no root node', at);
        return root;
      }
      default:
        throw blob.error(`unknown token 0x${token.toString(16)} in the structure block`, at);
    }
  }
  throw blob.error('structure block ends without its end token', Math.min(at, structEnd));
}

function checkNodeName(blob: Blob, name: string, parent: DtNode | null, offset: number): void {
  if (parent === null && name !== '') throw blob.error(`root node has the name "${name}"`, offset);
  if (parent !== null && name === '') throw blob.error(`node without a name in ${parent.path}`, offset);
  if (name.includes('/')) throw blob.error(`node name "${name}" has a slash`, offset);
}

/** Property names are shared in the strings block: each is decoded once. */
function nameReader(blob: Blob, { stringsOffset, stringsEnd }: Header) {
  const names = new Map<number, string>();
  return (offset: number, place: number): string => {
    const known = names.get(offset);
    if (known !== undefined) return known;
    if (offset >= stringsEnd - stringsOffset) {
      throw blob.error(`property name at 0x${offset.toString(16)} is outside of the strings block`, place);
    }
    const name = blob.name(stringsOffset + offset, stringsEnd, 'property name');
    if (name === '') throw blob.error('property without a name', place);
    names.set(offset, name);
    return name;
  };
}

function align(offset: number): number {
  return (offset + 3) & ~3;
}
