/** `printf`, as busybox's ash has it. */
import type { ProgramInput, ProgramResult } from './shell.ts';

/** The format is used again and again until no argument is left. */
export function printf({ arguments: [format, ...words] }: ProgramInput): ProgramResult {
  if (format === undefined)
    return { status: 2, stdout: '', stderr: 'sh: usage: printf FORMAT [ARGUMENT...]\n' };
  const out: Uint8Array[] = [];
  const errors: string[] = [];
  const say = (text: string) => void out.push(new TextEncoder().encode(text));
  const left = [...words];
  do {
    const before = left.length;
    for (const [piece, escape, flags, width, conversion] of format.matchAll(printfPiece)) {
      if (escape !== undefined) out.push(escaped(escape));
      else if (piece === '%%') say('%');
      else if (conversion === undefined) say(piece);
      else {
        const word = left.shift();
        const value = conversion === 's' || conversion === 'c' ? (word ?? '') : Number(word ?? 0);
        if (Number.isNaN(value)) errors.push(`sh: invalid number '${word ?? ''}'`);
        const shown = conversions[conversion]?.(value) ?? '';
        say(
          flags === '-'
            ? shown.padEnd(Number(width))
            : shown.padStart(Number(width), flags === '0' ? '0' : ' '),
        );
      }
    }
    if (left.length === before) break;
  } while (left.length > 0);
  const stderr = errors.map(line => `${line}\n`).join('');
  return { status: errors.length > 0 ? 1 : 0, stdout: Buffer.concat(out), stderr };
}

const printfPiece =
  /\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|[abefnrtv\\"])|%%|%([-0]?)(\d*)([sdciuxX])|[^\\%]+|[\\%]/g;

const conversions: Readonly<Record<string, (value: string | number) => string>> = {
  s: String,
  c: value => String(value).slice(0, 1),
  d: integer,
  i: integer,
  u: integer,
  x: value => Math.trunc(Number(value) || 0).toString(16),
  X: value =>
    Math.trunc(Number(value) || 0)
      .toString(16)
      .toUpperCase(),
};

function integer(value: string | number): string {
  return String(Math.trunc(Number(value) || 0));
}

function escaped(escape: string): Uint8Array {
  const named = 'abefnrtv'.indexOf(escape);
  if (named >= 0) return Uint8Array.of([7, 8, 27, 12, 10, 13, 9, 11][named] ?? 0);
  if (escape.startsWith('x')) return Uint8Array.of(Number.parseInt(escape.slice(1), 16));
  return /^\d/.test(escape) ? Uint8Array.of(Number.parseInt(escape, 8)) : new TextEncoder().encode(escape);
}
