import { DtError } from './error.ts';
import type { Token } from './source-lexer.ts';
import { unescape } from './source-text.ts';

/** Tokens for the parser of expressions: the next one, with and without consuming it. */
export interface Tokens {
  peek(): Token;
  take(): Token;
  /** @throws {DtError} when the next token is not this one */
  expect(symbol: string): Token;
  /** The error that the next token does not belong here. */
  unexpected(wanted: string): DtError;
}

type Operation = (left: bigint, right: bigint) => bigint;

/** Binary operators by precedence as in C, the weakest first; values are unsigned 64-bit. */
const LEVELS: readonly Readonly<Record<string, Operation>>[] = [
  { '||': (left, right) => truth(left !== 0n || right !== 0n) },
  { '&&': (left, right) => truth(left !== 0n && right !== 0n) },
  { '|': (left, right) => left | right },
  { '^': (left, right) => left ^ right },
  { '&': (left, right) => left & right },
  { '==': (left, right) => truth(left === right), '!=': (left, right) => truth(left !== right) },
  {
    '<': (left, right) => truth(left < right),
    '>': (left, right) => truth(left > right),
    '<=': (left, right) => truth(left <= right),
    '>=': (left, right) => truth(left >= right),
  },
  {
    '<<': (left, right) => (right < 64n ? left << right : 0n),
    '>>': (left, right) => (right < 64n ? left >> right : 0n),
  },
  { '+': (left, right) => left + right, '-': (left, right) => left - right },
  {
    '*': (left, right) => left * right,
    '/': (left, right) => left / right,
    '%': (left, right) => left % right,
  },
];

const UNARY: Readonly<Record<string, (value: bigint) => bigint>> = {
  '-': value => -value,
  '~': value => ~value,
  '!': value => truth(value === 0n),
};

/** Nesting of an expression: parentheses, signs and conditions. */
const MAXIMUM_NESTING = 200;

/**
 * A number, a character or an expression in parentheses: what a cell or a memory reservation can be.
 * @returns unsigned 64-bit value
 * @see dtc-parser.y, integer_prim
 */
export function parseInteger(tokens: Tokens, nesting = 0): bigint {
  const token = tokens.peek();
  if (token.kind === 'integer') return integer(tokens.take());
  if (token.kind === 'character') return character(tokens.take());
  if (!isSymbol(token, '(')) throw tokens.unexpected('a number');
  if (nesting > MAXIMUM_NESTING) throw new DtError('expression is nested too deeply', token.place);
  tokens.take();
  const value = parseCondition(tokens, nesting + 1);
  tokens.expect(')');
  return value;
}

/** Both branches are computed, as dtc does: a division by zero in the other one is an error too. */
function parseCondition(tokens: Tokens, nesting: number): bigint {
  const condition = parseBinary(tokens, nesting, 0);
  if (!isSymbol(tokens.peek(), '?')) return condition;
  const { place } = tokens.take();
  if (nesting > MAXIMUM_NESTING) throw new DtError('expression is nested too deeply', place);
  const yes = parseCondition(tokens, nesting + 1);
  tokens.expect(':');
  const no = parseCondition(tokens, nesting + 1);
  return condition === 0n ? no : yes;
}

function parseBinary(tokens: Tokens, nesting: number, level: number): bigint {
  const operations = LEVELS[level];
  if (operations === undefined) return parseUnary(tokens, nesting);
  let value = parseBinary(tokens, nesting, level + 1);
  for (;;) {
    const { kind, text, place } = tokens.peek();
    const operation = kind === 'symbol' && Object.hasOwn(operations, text) ? operations[text] : undefined;
    if (operation === undefined) return value;
    tokens.take();
    const right = parseBinary(tokens, nesting, level + 1);
    if (right === 0n && (text === '/' || text === '%')) throw new DtError('division by zero', place);
    value = BigInt.asUintN(64, operation(value, right));
  }
}

function parseUnary(tokens: Tokens, nesting: number): bigint {
  const { kind, text, place } = tokens.peek();
  const operation = kind === 'symbol' && Object.hasOwn(UNARY, text) ? UNARY[text] : undefined;
  if (operation === undefined) return parseInteger(tokens, nesting);
  if (nesting > MAXIMUM_NESTING) throw new DtError('expression is nested too deeply', place);
  tokens.take();
  return BigInt.asUintN(64, operation(parseUnary(tokens, nesting + 1)));
}

/** Decimal, hexadecimal, or octal with a leading zero, as strtoull() reads them. */
function integer({ text, place }: Token): bigint {
  const digits = text.replace(/[UL]+$/, '');
  const octal = /^0[0-9]/.test(digits);
  if (octal && !/^[0-7]+$/.test(digits)) throw new DtError(`bad integer "${text}"`, place);
  const value = BigInt(octal ? `0o${digits}` : digits);
  if (value > 0xffff_ffff_ffff_ffffn) throw new DtError(`integer "${text}" does not fit in 64 bits`, place);
  return value;
}

function character({ text, place }: Token): bigint {
  const bytes = unescape(text, place);
  if (bytes.length !== 1)
    throw new DtError(`character literal '${text}' is ${bytes.length} characters, not 1`, place);
  return BigInt(bytes[0] ?? 0);
}

function truth(value: boolean): bigint {
  return value ? 1n : 0n;
}

export function isSymbol(token: Token, symbol: string): boolean {
  return token.kind === 'symbol' && token.text === symbol;
}
