/** `test` and `[`. */
import type { ProgramInput, ProgramResult } from './shell.ts';

export function test({ arguments: words, files }: ProgramInput): ProgramResult {
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
