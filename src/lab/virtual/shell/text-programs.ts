/** Programs that read files, or standard input, and print what is in them in another form. */
import { escaped } from '../../../config/text.ts';
import { createHash } from 'node:crypto';
import { eachFile, linesOf, operands } from './operands.ts';
import { result } from './program-result.ts';
import type { Program, ProgramInput, ProgramResult } from './shell.ts';

export const textPrograms: Readonly<Record<string, Program>> = {
  cat: input => eachFile(input, 'cat', bytes => bytes),
  sha256sum: input =>
    eachFile(
      input,
      'sha256sum',
      (bytes, path) => `${createHash('sha256').update(bytes).digest('hex')}  ${path}\n`,
    ),
  wc,
  head: input => eachFile(input, 'head', bytes => cut(input, bytes, (all, count) => all.slice(0, count))),
  tail: input =>
    eachFile(input, 'tail', bytes =>
      cut(input, bytes, (all, count, isFrom) => (isFrom ? all.slice(count - 1) : all.slice(-count))),
    ),
  od: input => eachFile(input, 'od', hexadecimalBytes),
  base64,
  grep,
  tr,
};

/** `tr -d CHARACTERS`; of the escapes it knows `\n`. */
function tr({ arguments: [option, characters = ''], stdin }: ProgramInput): ProgramResult {
  if (option !== '-d') return result([], ['tr: only -d is known here']);
  const deleted = new Set(Buffer.from(characters.replaceAll('\\n', '\n')));
  return { status: 0, stdout: stdin.filter(byte => !deleted.has(byte)) };
}

/** One count alone stands bare, several in columns. */
function wc(input: ProgramInput): ProgramResult {
  const flags = input.arguments.filter(word => word.startsWith('-')).join('');
  const wanted = ['l', 'w', 'c'].filter(flag => flags === '' || flags.includes(flag));
  return eachFile(input, 'wc', (bytes, path) => {
    const text = Buffer.from(bytes).toString('latin1');
    const counts: Readonly<Record<string, number>> = {
      l: text.split('\n').length - 1,
      w: text.split(/\s+/).filter(word => word !== '').length,
      c: bytes.length,
    };
    const shown = wanted.map(flag => String(counts[flag]).padStart(wanted.length > 1 ? 9 : 0)).join(' ');
    return `${shown}${path === '-' ? '' : ` ${path}`}\n`;
  });
}

/** Lines, or bytes with `-c`; `+N` counts from the beginning. */
function cut(
  { arguments: words }: ProgramInput,
  bytes: Uint8Array,
  choose: <T extends { slice(from?: number, to?: number): T }>(all: T, count: number, isFrom: boolean) => T,
): string | Uint8Array {
  const option = words.findIndex(word => /^-[nc]$/.test(word));
  const count =
    option < 0 ? (words.find(word => /^-\d+$/.test(word))?.slice(1) ?? '10') : (words[option + 1] ?? '');
  const isFrom = count.startsWith('+');
  if (words[option] === '-c') return choose(bytes, Number(count), isFrom);
  return choose(linesOf(bytes), Number(count), isFrom)
    .map(line => `${line}\n`)
    .join('');
}

/** `od -An -tx1`: sixteen bytes a line. */
function hexadecimalBytes(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let offset = 0; offset < bytes.length; offset += 16) {
    lines.push(
      [...bytes.subarray(offset, offset + 16)].map(byte => ` ${byte.toString(16).padStart(2, '0')}`).join(''),
    );
  }
  return lines.map(line => `${line}\n`).join('');
}

function base64(input: ProgramInput): ProgramResult {
  if (input.arguments.includes('-d')) {
    return eachFile(input, 'base64', bytes => Buffer.from(new TextDecoder().decode(bytes), 'base64'));
  }
  return eachFile(input, 'base64', bytes =>
    Buffer.from(bytes)
      .toString('base64')
      .replaceAll(/.{1,76}/g, line => `${line}\n`),
  );
}

function grep(input: ProgramInput): ProgramResult {
  const { arguments: words, files } = input;
  const flags = words.filter(word => word.startsWith('-')).join('');
  const [pattern, ...paths] = operands(words);
  if (pattern === undefined)
    return { status: 2, stdout: '', stderr: 'Usage: grep [-icqv] PATTERN [FILE]...\n' };
  const basic = flags.includes('E') ? pattern : pattern.replaceAll(/[+?|(){}]/g, '\\$&');
  const source = flags.includes('F') ? escaped(pattern) : basic;
  const matcher = new RegExp(source, flags.includes('i') ? 'i' : '');
  const errors: string[] = [];
  const texts =
    paths.length === 0
      ? [input.stdin]
      : paths.flatMap(path => {
          const bytes = files.read(path);
          if (bytes === undefined) errors.push(`grep: ${path}: No such file or directory`);
          return bytes ?? [];
        });
  const found = texts
    .flatMap(bytes => linesOf(bytes))
    .filter(line => matcher.test(line) !== flags.includes('v'));
  const status = errors.length > 0 ? 2 : found.length > 0 ? 0 : 1;
  const out = flags.includes('q') ? [] : flags.includes('c') ? [String(found.length)] : found;
  return { ...result(out, errors), status };
}
