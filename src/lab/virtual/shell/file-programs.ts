/** Programs that make, find, copy and take away files. */
import { operands } from './operands.ts';
import { ok, result } from './program-result.ts';
import type { Program, ProgramInput, ProgramResult } from './shell.ts';

export const filePrograms: Readonly<Record<string, Program>> = {
  ls,
  find,
  dd,
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

function globPattern(glob: string): RegExp {
  const source = glob
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`);
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
