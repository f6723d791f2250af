/** The programs of a busybox that scenarios use in a domain. Each prints what busybox 1.37 prints. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Program, ProgramInput, ProgramResult } from './shell.ts';

const decoder = new TextDecoder('utf-8', { fatal: false });

export const programs: Readonly<Record<string, Program>> = {
  true: () => ok(''),
  false: () => ({ status: 1, stdout: '' }),
  ':': () => ok(''),
  echo: ({ arguments: words }) => ok(`${words.join(' ')}\n`),
  cat: input => eachFile(input, 'cat', bytes => bytes),
  sha256sum: input =>
    eachFile(
      input,
      'sha256sum',
      (bytes, path) => `${createHash('sha256').update(bytes).digest('hex')}  ${path}\n`,
    ),
  wc: input => eachFile(input, 'wc', bytes => `${decoder.decode(bytes).split('\n').length - 1}\n`),
  head: input => eachFile(input, 'head', bytes => cut(bytes, lines => lines.slice(0, count(input)))),
  tail: input => eachFile(input, 'tail', bytes => cut(bytes, lines => lines.slice(-count(input)))),
  od: input => eachFile(input, 'od', hexadecimalBytes),
  ls,
  find,
  grep,
  test,
  mkdir({ arguments: words, files }) {
    for (const path of words.filter(word => !word.startsWith('-'))) files.makeDirectory(path);
    return ok('');
  },
  rm({ arguments: words, files }) {
    const force = words.some(word => word.startsWith('-') && word.includes('f'));
    const missing = operands(words).filter(path => !files.remove(path) && !force);
    return {
      status: missing.length > 0 ? 1 : 0,
      stdout: '',
      stderr: missing.map(path => `rm: can't remove '${path}': No such file or directory\n`).join(''),
    };
  },
  async sleep({ arguments: [seconds], signal }) {
    await sleep(Number(seconds) * 1000, undefined, { signal });
    return ok('');
  },
};

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

function grep({ arguments: words, stdin, files }: ProgramInput): ProgramResult {
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
      ? [stdin]
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

function test({ arguments: [flag, path = ''], files }: ProgramInput): ProgramResult {
  const isThere =
    flag === '-d'
      ? files.isDirectory(path)
      : flag === '-f'
        ? files.read(path) !== undefined
        : flag === '-e'
          ? files.isDirectory(path) || files.read(path) !== undefined
          : flag !== undefined && flag !== '';
  return { status: isThere ? 0 : 1, stdout: '' };
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
  { arguments: words, stdin, files }: ProgramInput,
  program: string,
  convert: (bytes: Uint8Array, path: string) => string | Uint8Array,
): ProgramResult {
  const paths = operands(words, /^-(n|c|A|t|N)$/);
  if (paths.length === 0) return ok(convert(stdin, '-'));
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

function count({ arguments: words }: ProgramInput): number {
  const index = words.indexOf('-n');
  return Number(index < 0 ? (words.find(word => /^-\d+$/.test(word))?.slice(1) ?? 10) : words[index + 1]);
}

function cut(bytes: Uint8Array, choose: (lines: string[]) => string[]): string {
  return choose(linesOf(bytes))
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
