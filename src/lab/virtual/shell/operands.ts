/** Command lines of programs: options, and the files that they read. */
import { ok } from './program-result.ts';
import type { ProgramInput, ProgramResult } from './shell.ts';

/** The words that are no options; `withValue` tells the options that take the next word. */
export function operands(words: readonly string[], withValue = /^$/): string[] {
  return words.filter((word, index) => {
    const before = words[index - 1];
    return !(word.startsWith('-') && word.length > 1) && !(before !== undefined && withValue.test(before));
  });
}

/** Runs over the named files, or over standard input where none is named. */
export function eachFile(
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

const programsWithCount: ReadonlySet<string> = new Set(['head', 'tail', 'od']);

export function linesOf(bytes: Uint8Array): string[] {
  const lines = decoder.decode(bytes).split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

const decoder = new TextDecoder('utf-8', { fatal: false });
