/** The programs of a busybox that scenarios use in a domain. Each prints what busybox 1.37 prints. */
import { setTimeout as sleep } from 'node:timers/promises';
import { filePrograms } from './file-programs.ts';
import { printf } from './printf.ts';
import { ok, result } from './program-result.ts';
import { Interpreter, type Program, type ProgramInput, type ProgramResult } from './shell.ts';
import { test } from './test-condition.ts';
import { textPrograms } from './text-programs.ts';

export const programs: Readonly<Record<string, Program>> = {
  ...textPrograms,
  ...filePrograms,
  true: () => ok(''),
  false: () => ({ status: 1, stdout: '' }),
  ':': () => ok(''),
  echo: ({ arguments: words }) => ok(words[0] === '-n' ? words.slice(1).join(' ') : `${words.join(' ')}\n`),
  printf,
  set,
  sh,
  test,
  timeout,
  '[': input => test({ ...input, arguments: input.arguments.slice(0, -1) }),
  async sleep({ arguments: [seconds = ''], signal }) {
    if (!/^\d*\.?\d+$/.test(seconds)) return result([], [`sleep: invalid number '${seconds}'`]);
    await sleep(Number(seconds) * 1000, undefined, { signal });
    return ok('');
  },
};

/** `timeout SECONDS PROGRAM ARGUMENT...`; no program here takes long. */
function timeout(input: ProgramInput): ProgramResult | Promise<ProgramResult> {
  const [, name = '', ...words] = input.arguments;
  const { programs: all } = input.shell;
  const program = Object.hasOwn(all, name) ? all[name] : undefined;
  if (program !== undefined) return program({ ...input, arguments: words });
  return { status: 127, stdout: '', stderr: `timeout: can't execute '${name}': No such file or directory\n` };
}

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
  return { status: await interpreter.run(new TextDecoder().decode(script), input.signal), stdout: '' };
}
