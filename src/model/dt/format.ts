import type { DeviceTree, DtNode } from './tree.ts';

/**
 * A tree as readable source: `parseSource` of it, or dtc, gives the same tree. What a value is meant as is not
 * stored in a tree and therefore guessed as dtc does: text when it looks like strings, else cells, else bytes.
 *
 * @see dtc's treesource.c, guess_value_type()
 */
export function formatSource(tree: DeviceTree): string {
  const lines = ['/dts-v1/;', ''];
  for (const { address, size } of tree.reservations) {
    lines.push(`/memreserve/\t0x${hexadecimal(address, 16)} 0x${hexadecimal(size, 16)};`);
  }
  formatNode(tree.root, '', lines);
  return `${lines.join('\n')}\n`;
}

function formatNode(node: DtNode, indent: string, lines: string[]): void {
  lines.push(`${indent}${node.parent === null ? '/' : node.name} {`);
  for (const [name, value] of node.properties) {
    lines.push(`${indent}\t${name}${value.length === 0 ? '' : ` = ${formatValue(value)}`};`);
  }
  let separate = node.properties.size > 0;
  for (const child of node.children) {
    if (separate) lines.push('');
    formatNode(child, `${indent}\t`, lines);
    separate = true;
  }
  lines.push(`${indent}};`);
}

/**
 * One property value as it is written in source; the empty string for an empty value.
 * @example formatValue(Uint8Array.of(0, 0, 0, 1)) // '<0x01>'
 */
function formatValue(value: Uint8Array): string {
  if (value.length === 0) return '';
  if (looksLikeStrings(value)) return formatStrings(value);
  if (value.length % 4 === 0) return `<${formatCells(value)}>`;
  return `[${Array.from(value, byte => hexadecimal(byte, 2)).join(' ')}]`;
}

/** Printable and NUL-terminated, with no more NULs than characters. */
function looksLikeStrings(value: Uint8Array): boolean {
  if (value.at(-1) !== 0) return false;
  let nuls = 0;
  for (const byte of value) {
    if (byte === 0) nuls += 1;
    else if (!isPrintable(byte) && !ESCAPES.has(byte)) return false;
  }
  return nuls <= value.length - nuls;
}

function isPrintable(byte: number): boolean {
  return byte >= 0x20 && byte < 0x7f;
}

const ESCAPES: ReadonlyMap<number, string> = new Map([
  [7, '\\a'],
  [8, '\\b'],
  [9, '\\t'],
  [10, '\\n'],
  [11, '\\v'],
  [12, '\\f'],
  [13, '\\r'],
]);

function formatStrings(value: Uint8Array): string {
  let text = '"';
  for (const byte of value.subarray(0, -1)) {
    if (byte === 0) text += '", "';
    else if (byte === 0x22 || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`;
    else text += ESCAPES.get(byte) ?? String.fromCharCode(byte);
  }
  return `${text}"`;
}

function formatCells(value: Uint8Array): string {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return Array.from(
    { length: value.length / 4 },
    (_, index) => `0x${hexadecimal(view.getUint32(index * 4), 2)}`,
  ).join(' ');
}

function hexadecimal(value: number | bigint, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
