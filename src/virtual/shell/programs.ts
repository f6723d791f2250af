/** The programs of a busybox that scenarios use in a domain. Each prints what busybox 1.37 prints. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Interpreter, type Program, type ProgramInput, type ProgramResult } from './shell.ts';

const decoder = new TextDecoder('utf-8', { fatal: false });

export const programs: Readonly<Record<string, Program>> = {
  true: () => ok(''),
  false: () => ({ status: 1, stdout: '' }),
  ':': () => ok(''),
  echo: ({ arguments: words }) => ok(words[0] === '-n' ? words.slice(1).join(' ') : `${words.join(' ')}\n`),
  printf,
  set,
  sh,
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
  dd,
  ls,
  find,
  grep,
  test,
  '[': input => test({ ...input, arguments: input.arguments.slice(0, -1) }),
  mkdir,
  mkfifo({ arguments: words, files }) {
    for (const path of words) files.makeFifo(path);
    return ok('');
  },
  rm({ arguments: words, files }) {
    const options = words.filter(word => word.startsWith('-')).join('');
    const errors: string[] = [];
    for (const path of operands(words)) {
      if (/[rR]/.test(options)) files.removeAll(path);
      else if (files.isDirectory(path)) errors.push(`rm: '${path}' is a directory`);
      else if (!files.remove(path) && !options.includes('f'))
        errors.push(`rm: can't remove '${path}': No such file or directory`);
    }
    return result([], errors);
  },
  async sleep({ arguments: [seconds = ''], signal }) {
    if (!/^\d*\.?\d+$/.test(seconds)) return result([], [`sleep: invalid number '${seconds}'`]);
    await sleep(Number(seconds) * 1000, undefined, { signal });
    return ok('');
  },
};

/** The options that busybox's ash knows by name; there are more, and none of them is set by a scenario. */
function set({ arguments: [sign = '', name = ''] }: ProgramInput): ProgramResult {
  const isKnown = sign === '' || /^[-+][efux]$/.test(sign) || /^(errexit|nounset|xtrace|vi)$/.test(name);
  return result([], isKnown ? [] : [`sh: set: illegal option ${sign} ${name}`.trimEnd()]);
}

/** `sh FILE`, `sh -c TEXT`, or a script on standard input. */
async function sh(input: ProgramInput): Promise<ProgramResult> {
  const [first, second = ''] = input.arguments;
  const isText = first === '-c';
  const script = isText ? Buffer.from(second) : first === undefined ? input.stdin : input.files.read(first);
  if (script === undefined) {
    return { status: 2, stdout: '', stderr: `sh: can't open '${first ?? ''}': No such file or directory\n` };
  }
  const interpreter = new Interpreter(input.shell, input.descriptors, isText ? undefined : first);
  return { status: await interpreter.run(decoder.decode(script), input.signal), stdout: '' };
}

function mkdir({ arguments: words, files }: ProgramInput): ProgramResult {
  const errors: string[] = [];
  for (const path of operands(words)) {
    const parent = path.slice(0, path.replace(/\/+$/, '').lastIndexOf('/') + 1);
    const failure =
      words.includes('-p') && files.read(path) === undefined
        ? undefined
        : files.isDirectory(path) || files.read(path) !== undefined
          ? 'File exists'
          : parent === '' || files.isDirectory(parent)
            ? undefined
            : 'No such file or directory';
    if (failure === undefined) files.makeDirectory(path);
    else errors.push(`mkdir: can't create directory '${path}': ${failure}`);
  }
  return result([], errors);
}

/** The format is used again and again until no argument is left. */
function printf({ arguments: [format, ...words] }: ProgramInput): ProgramResult {
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

function base64(input: ProgramInput): ProgramResult {
  if (input.arguments.includes('-d')) {
    return eachFile(input, 'base64', bytes => Buffer.from(decoder.decode(bytes), 'base64'));
  }
  return eachFile(input, 'base64', bytes =>
    Buffer.from(bytes)
      .toString('base64')
      .replaceAll(/.{1,76}/g, line => `${line}\n`),
  );
}

/** `dd if= of= bs= skip= count=`: whole blocks and the part of one, as it tells on standard error. */
function dd(input: ProgramInput): ProgramResult {
  const { arguments: words, files } = input;
  const operand = (name: string) => words.find(word => word.startsWith(`${name}=`))?.slice(name.length + 1);
  const from = operand('if');
  const to = operand('of');
  const bytes = from === undefined ? input.stdin : files.read(from);
  if (bytes === undefined) return result([], [`dd: can't open '${from ?? ''}': No such file or directory`]);
  const size = Number(operand('bs') ?? 512);
  const begin = size * Number(operand('skip') ?? 0);
  const part = bytes.subarray(begin, begin + size * Number(operand('count') ?? Number.POSITIVE_INFINITY));
  const blocks = `${Math.floor(part.length / size)}+${part.length % size === 0 ? 0 : 1}`;
  if (to !== undefined && !files.write(to, part)) {
    return result([], [`dd: can't open '${to}': No such file or directory`]);
  }
  return {
    status: 0,
    stdout: to === undefined ? part : '',
    stderr: `${blocks} records in\n${blocks} records out\n`,
  };
}

function ls({ arguments: words, files }: ProgramInput): ProgramResult {
  const paths = operands(words);
  const out: string[] = [];
  const errors: string[] = [];
  for (const path of paths.length > 0 ? paths : ['/root']) {
    const names = files.list(path);
    if (names !== undefined && !words.includes('-d')) out.push(...names);
    else if (names !== undefined || files.read(path) !== undefined) out.push(path);
    else errors.push(`ls: ${path}: No such file or directory`);
  }
  return result(out, errors);
}

function find({ arguments: words, files }: ProgramInput): ProgramResult {
  const option = (name: string): string | undefined => {
    const index = words.indexOf(name);
    return index < 0 ? undefined : words[index + 1];
  };
  const firstOption = words.findIndex(word => word.startsWith('-'));
  const roots = firstOption < 0 ? words : words.slice(0, firstOption);
  const name = option('-name');
  const type = option('-type');
  const depth = Number(option('-maxdepth') ?? Number.POSITIVE_INFINITY);
  const pattern = name === undefined ? undefined : globPattern(name);
  const out: string[] = [];
  const errors: string[] = [];
  const walk = (path: string, level: number): void => {
    const names = files.list(path);
    const isDirectory = names !== undefined;
    const matchesType = type === undefined || (type === 'd') === isDirectory;
    if (matchesType && (pattern?.test(path.slice(path.lastIndexOf('/') + 1)) ?? true)) out.push(path);
    if (isDirectory && level < depth) {
      for (const each of names) walk(`${path.replace(/\/$/, '')}/${each}`, level + 1);
    }
  };
  for (const root of roots.length > 0 ? roots : ['.']) {
    if (files.list(root) === undefined && files.read(root) === undefined) {
      errors.push(`find: ${root}: No such file or directory`);
    } else walk(root, 0);
  }
  return result(out, errors);
}

function grep(input: ProgramInput): ProgramResult {
  const { arguments: words, files } = input;
  const flags = words.filter(word => word.startsWith('-')).join('');
  const [pattern, ...paths] = operands(words);
  if (pattern === undefined)
    return { status: 2, stdout: '', stderr: 'Usage: grep [-icqv] PATTERN [FILE]...\n' };
  const basic = flags.includes('E') ? pattern : pattern.replaceAll(/[+?|(){}]/g, '\\$&');
  const source = flags.includes('F') ? pattern.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&') : basic;
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

function test({ arguments: words, files }: ProgramInput): ProgramResult {
  const [first = '', second = '', third = ''] = words;
  const exists = () => files.isDirectory(second) || files.read(second) !== undefined;
  const unary: Readonly<Record<string, () => boolean>> = {
    '-d': () => files.isDirectory(second),
    '-f': () => files.read(second) !== undefined,
    '-e': exists,
    '-x': exists,
    '-s': () => (files.read(second)?.length ?? 0) > 0,
    '-n': () => second !== '',
    '-z': () => second === '',
  };
  const binary: Readonly<Record<string, () => boolean>> = {
    '=': () => first === third,
    '!=': () => first !== third,
    '-eq': () => Number(first) === Number(third),
    '-ne': () => Number(first) !== Number(third),
    '-lt': () => Number(first) < Number(third),
    '-gt': () => Number(first) > Number(third),
  };
  const isTrue =
    words.length === 3 ? binary[second]?.() : words.length === 2 ? unary[first]?.() : first !== '';
  return { status: isTrue === true ? 0 : isTrue === false ? 1 : 2, stdout: '' };
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

/** Runs over the named files, or over standard input where none is named. */
function eachFile(
  input: ProgramInput,
  program: string,
  convert: (bytes: Uint8Array, path: string) => string | Uint8Array,
): ProgramResult {
  const { arguments: words, files } = input;
  const paths = operands(words, programsWithCount.has(program) ? /^-(n|c|A|t|N)$/ : undefined);
  if (paths.length === 0) return ok(convert(input.stdin, '-'));
  const out: Uint8Array[] = [];
  let stderr = '';
  for (const path of paths) {
    const bytes = files.read(path);
    if (bytes !== undefined) {
      const converted = convert(bytes, path);
      out.push(typeof converted === 'string' ? new TextEncoder().encode(converted) : converted);
    } else if (files.isDirectory(path)) stderr += `${program}: read error: Is a directory\n`;
    else stderr += `${program}: can't open '${path}': No such file or directory\n`;
  }
  return { status: stderr === '' ? 0 : 1, stdout: Buffer.concat(out), stderr };
}

/** The words that are no options; `withValue` tells the options that take the next word. */
function operands(words: readonly string[], withValue = /^$/): string[] {
  return words.filter((word, index) => {
    const before = words[index - 1];
    return !(word.startsWith('-') && word.length > 1) && !(before !== undefined && withValue.test(before));
  });
}

const programsWithCount: ReadonlySet<string> = new Set(['head', 'tail', 'od']);

/** Lines, or bytes with `-c`; `+N` counts from the begin. */
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

function linesOf(bytes: Uint8Array): string[] {
  const lines = decoder.decode(bytes).split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function globPattern(glob: string): RegExp {
  const source = glob
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`);
}

function ok(stdout: string | Uint8Array): ProgramResult {
  return { status: 0, stdout };
}

function result(out: readonly string[], errors: readonly string[]): ProgramResult {
  return {
    status: errors.length > 0 ? 1 : 0,
    stdout: out.map(line => `${line}\n`).join(''),
    stderr: errors.map(line => `${line}\n`).join(''),
  };
}
