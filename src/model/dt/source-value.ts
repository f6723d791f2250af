import { DtError } from './error.ts';
import { isSymbol, parseInteger, type Tokens } from './source-expression.ts';
import { unescape } from './source-text.ts';
import type { Marker } from './source-tree.ts';

/** A property's value as written: bytes, with the places where references and labels stand. */
export interface Value {
  readonly bytes: Uint8Array;
  readonly markers: Marker[];
}

/**
 * The value between `=` and `;`: strings, cells, byte strings and references, joined by commas.
 * @see dtc-parser.y, propdata
 */
export function parseValue(tokens: Tokens): Value {
  const bytes: number[] = [];
  const markers: Marker[] = [];
  for (;;) {
    parseLabels(tokens, bytes, markers);
    parsePart(tokens, bytes, markers);
    parseLabels(tokens, bytes, markers);
    if (!isSymbol(tokens.peek(), ',')) return { bytes: Uint8Array.from(bytes), markers };
    tokens.take();
  }
}

function parsePart(tokens: Tokens, bytes: number[], markers: Marker[]): void {
  const token = tokens.peek();
  if (token.kind === 'string') {
    tokens.take();
    for (const byte of unescape(token.text, token.place)) bytes.push(byte);
    bytes.push(0);
  } else if (token.kind === 'reference') {
    tokens.take();
    markers.push({ kind: 'path', name: token.text, offset: bytes.length, place: token.place });
  } else if (isSymbol(token, '<')) {
    tokens.take();
    parseArray(tokens, 32, bytes, markers);
  } else if (isSymbol(token, '/bits/')) {
    tokens.take();
    const bits = parseBits(tokens);
    tokens.expect('<');
    parseArray(tokens, bits, bytes, markers);
  } else if (isSymbol(token, '[')) {
    tokens.take();
    parseByteString(tokens, bytes, markers);
  } else if (isSymbol(token, '/incbin/')) {
    throw new DtError('/incbin/ is not supported', token.place);
  } else {
    throw tokens.unexpected('a value');
  }
}

function parseBits(tokens: Tokens): number {
  const token = tokens.peek();
  if (token.kind !== 'integer') throw tokens.unexpected('the number of bits');
  const bits = Number(parseInteger(tokens));
  if (![8, 16, 32, 64].includes(bits))
    throw new DtError('array elements must be of 8, 16, 32 or 64 bits', token.place);
  return bits;
}

function parseArray(tokens: Tokens, bits: number, bytes: number[], markers: Marker[]): void {
  for (;;) {
    parseLabels(tokens, bytes, markers);
    const token = tokens.peek();
    if (isSymbol(token, '>')) {
      tokens.take();
      return;
    }
    if (token.kind === 'reference') {
      tokens.take();
      if (bits !== 32)
        throw new DtError('references are only allowed in arrays of 32-bit elements', token.place);
      markers.push({ kind: 'phandle', name: token.text, offset: bytes.length, place: token.place });
      appendInteger(bytes, 0xffff_ffffn, 32);
    } else {
      const value = parseInteger(tokens);
      if (!fits(value, bits))
        throw new DtError(`value is out of range for a ${bits}-bit element`, token.place);
      appendInteger(bytes, value, bits);
    }
  }
}

/** Positive within the width, or negative and sign-extended from it. */
function fits(value: bigint, bits: number): boolean {
  return BigInt.asUintN(bits, value) === value || (value | mask(bits)) === mask(64);
}

function mask(bits: number): bigint {
  return (1n << BigInt(bits)) - 1n;
}

function appendInteger(bytes: number[], value: bigint, bits: number): void {
  for (let shift = bits - 8; shift >= 0; shift -= 8) bytes.push(Number((value >> BigInt(shift)) & 0xffn));
}

function parseByteString(tokens: Tokens, bytes: number[], markers: Marker[]): void {
  for (;;) {
    parseLabels(tokens, bytes, markers);
    const token = tokens.peek();
    if (token.kind === 'byte') bytes.push(Number.parseInt(token.text, 16));
    else if (!isSymbol(token, ']')) throw tokens.unexpected('two hexadecimal digits or "]"');
    tokens.take();
    if (token.kind !== 'byte') return;
  }
}

function parseLabels(tokens: Tokens, bytes: number[], markers: Marker[]): void {
  while (tokens.peek().kind === 'label') {
    const { text, place } = tokens.take();
    markers.push({ kind: 'label', name: text, offset: bytes.length, place });
  }
}
