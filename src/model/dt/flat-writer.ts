import { DtError } from './error.ts';
import { HEADER, HEADER_SIZE, MAGIC, TOKEN } from './flat-format.ts';
import type { DeviceTree, DtNode } from './tree.ts';

/**
 * Write a tree in the flattened format: version 17, last compatible version 16, in the layout of
 * `dtc -O dtb` (header, memory reservations, structure, strings; each property name once, in the order of first use).
 *
 * @throws {DtError} when a name has a character that is not one byte, or the tree is 2 GiB or more
 * @see dtc's flattree.c, dt_to_blob()
 */
export function writeFlat(tree: DeviceTree): Uint8Array<ArrayBuffer> {
  const strings = new StringTable();
  const structSize = measure(tree.root, strings) + 4;
  const reservationsOffset = align(HEADER_SIZE[17], 8);
  const structOffset = reservationsOffset + (tree.reservations.length + 1) * 16;
  const stringsOffset = structOffset + structSize;
  const totalSize = stringsOffset + strings.size;
  if (totalSize > 0x7fffffff)
    throw new DtError(`tree of ${totalSize} bytes is too large for the flattened format`);

  const writer = new Writer(totalSize);
  writer.cellAt(HEADER.magic, MAGIC);
  writer.cellAt(HEADER.totalSize, totalSize);
  writer.cellAt(HEADER.structOffset, structOffset);
  writer.cellAt(HEADER.stringsOffset, stringsOffset);
  writer.cellAt(HEADER.reservationsOffset, reservationsOffset);
  writer.cellAt(HEADER.version, 17);
  writer.cellAt(HEADER.lastCompatible, 16);
  writer.cellAt(HEADER.bootCpu, tree.bootCpu);
  writer.cellAt(HEADER.stringsSize, strings.size);
  writer.cellAt(HEADER.structSize, structSize);
  writer.at = reservationsOffset;
  for (const { address, size } of tree.reservations) {
    writer.twoCells(address);
    writer.twoCells(size);
  }
  writer.at = structOffset;
  writeNode(writer, tree.root, strings);
  writer.cell(TOKEN.end);
  for (const name of strings.names()) writer.text(name);
  return writer.bytes;
}

/** Bytes that a node takes in the structure block; enters its property names in the table. */
function measure(node: DtNode, strings: StringTable): number {
  let size = 4 + align(node.name.length + 1, 4) + 4;
  for (const [name, value] of node.properties) {
    strings.add(name);
    size += 12 + align(value.length, 4);
  }
  for (const child of node.children) size += measure(child, strings);
  return size;
}

function writeNode(writer: Writer, node: DtNode, strings: StringTable): void {
  writer.cell(TOKEN.beginNode);
  writer.text(node.name);
  writer.at = align(writer.at, 4);
  for (const [name, value] of node.properties) {
    writer.cell(TOKEN.property);
    writer.cell(value.length);
    writer.cell(strings.add(name));
    writer.bytes.set(value, writer.at);
    writer.at = align(writer.at + value.length, 4);
  }
  for (const child of node.children) writeNode(writer, child, strings);
  writer.cell(TOKEN.endNode);
}

/** Property names, each once; a name that ends an earlier one (`reg` after `my-reg`) shares its bytes, as dtc does. */
class StringTable {
  readonly #names: string[] = [];
  readonly #offsets = new Map<string, number>();
  size = 0;

  /** The offset of a name, entered at the end when it is not there. */
  add(name: string): number {
    const known = this.#offsets.get(name);
    if (known !== undefined) return known;
    const offset = this.size;
    this.#names.push(name);
    this.size += name.length + 1;
    for (let start = 0; start < name.length; start++) {
      const ending = name.slice(start);
      if (!this.#offsets.has(ending)) this.#offsets.set(ending, offset + start);
    }
    return offset;
  }

  names(): readonly string[] {
    return this.#names;
  }
}

class Writer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  at = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
  }

  cellAt(offset: number, value: number): void {
    this.#view.setUint32(offset, value);
  }

  cell(value: number): void {
    this.cellAt(this.at, value);
    this.at += 4;
  }

  twoCells(value: bigint): void {
    this.#view.setBigUint64(this.at, value);
    this.at += 8;
  }

  /** A NUL-terminated name, one byte per character. */
  text(name: string): void {
    for (let index = 0; index < name.length; index++) {
      const code = name.charCodeAt(index);
      if (code === 0 || code > 0xff)
        throw new DtError(`name "${name}" has a character that cannot be written`);
      this.bytes[this.at++] = code;
    }
    this.at += 1;
  }
}

function align(size: number, alignment: number): number {
  return Math.ceil(size / alignment) * alignment;
}
