import { DtError } from './error.ts';
import type { Place } from './source-tree.ts';

const encoder = new TextEncoder();

const ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 };

const ESCAPE = /\\(?:([0-7]{1,3})|x([0-9a-fA-F]{0,2})|([^]))/g;

/**
 * The bytes of a string as written between quotes, without a NUL at the end: escapes of C, other text as UTF-8.
 * @see dtc's util.c, get_escape_char()
 */
export function unescape(text: string, place: Place): Uint8Array {
  if (!text.includes('\\')) return encoder.encode(text);
  const parts: number[] = [];
  let at = 0;
  for (const match of text.matchAll(ESCAPE)) {
    const [whole, octal, hexadecimal, character] = match;
    parts.push(...encoder.encode(text.slice(at, match.index)));
    if (hexadecimal === '') throw new DtError('\\x has no hexadecimal digits after it', place);
    if (octal !== undefined) parts.push(Number.parseInt(octal, 8) & 0xff);
    else if (hexadecimal !== undefined) parts.push(Number.parseInt(hexadecimal, 16));
    else if (character !== undefined) parts.push(...escaped(character));
    at = match.index + whole.length;
  }
  parts.push(...encoder.encode(text.slice(at)));
  return Uint8Array.from(parts);
}

function escaped(character: string): Iterable<number> {
  const code = ESCAPES[character];
  return code === undefined ? encoder.encode(character) : [code];
}
