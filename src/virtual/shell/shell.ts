/** Runs command lines in a virtual domain, as `sh -c` does for an SSH server. */
import type { FileSystem } from './file-system.ts';
import {
  anyCharacter,
  anyText,
  type Pipeline,
  parseCommandLine,
  ShellSyntaxError,
  type SimpleCommand,
} from './parse.ts';

export interface ProgramInput {
  readonly arguments: readonly string[];
  readonly stdin: Uint8Array;
  readonly files: FileSystem;
  readonly signal: AbortSignal;
}

export interface ProgramResult {
  readonly status: number;
  readonly stdout: string | Uint8Array;
  readonly stderr?: string;
}

export type Program = (input: ProgramInput) => ProgramResult | Promise<ProgramResult>;

export interface ShellResult {
  readonly status: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/** A shell with its programs by name and its files. */
export interface Shell {
  readonly programs: Readonly<Record<string, Program>>;
  readonly files: FileSystem;
}

/** Runs one command line. @returns the exit status of its last pipeline, and all that was printed */
export async function runCommandLine(
  shell: Shell,
  line: string,
  stdin: Uint8Array,
  signal: AbortSignal,
): Promise<ShellResult> {
  let pipelines: readonly Pipeline[];
  try {
    pipelines = parseCommandLine(line);
  } catch (error) {
    if (!(error instanceof ShellSyntaxError)) throw error;
    return { status: 2, stdout: new Uint8Array(), stderr: encode(`sh: ${error.message}\n`) };
  }
  const stdout: Uint8Array[] = [];
  const stderr: Uint8Array[] = [];
  let status = 0;
  for (const { when, commands } of pipelines) {
    if ((when === 'success' && status !== 0) || (when === 'failure' && status === 0)) continue;
    let piped = stdin;
    for (const command of commands) {
      const result = await runSimpleCommand(shell, command, piped, signal);
      stderr.push(result.stderr);
      piped = result.stdout;
      status = result.status;
    }
    stdout.push(piped);
  }
  return { status, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) };
}

async function runSimpleCommand(
  shell: Shell,
  command: SimpleCommand,
  stdin: Uint8Array,
  signal: AbortSignal,
): Promise<ShellResult> {
  let input = stdin;
  for (const { kind, path } of command.redirections) {
    if (kind !== 'read') continue;
    const bytes = shell.files.read(path);
    if (bytes === undefined) return failed(1, `sh: can't open ${path}: no such file`);
    input = bytes;
  }
  const [name, ...words] = command.words.flatMap(word => expandName(shell.files, word));
  let { status, stdout, stderr } = {
    status: 0,
    stdout: new Uint8Array() as Uint8Array,
    stderr: new Uint8Array() as Uint8Array,
  };
  if (name !== undefined) {
    const program = Object.hasOwn(shell.programs, name) ? shell.programs[name] : undefined;
    if (program === undefined) return failed(127, `sh: ${name}: not found`);
    const result = await program({ arguments: words, stdin: input, files: shell.files, signal });
    status = result.status;
    stdout = typeof result.stdout === 'string' ? encode(result.stdout) : result.stdout;
    stderr = encode(result.stderr ?? '');
  }
  for (const { kind, path } of command.redirections) {
    if (kind === 'error-to-output') {
      stdout = Buffer.concat([stdout, stderr]);
      stderr = new Uint8Array();
    } else if (kind === 'error') {
      if (path !== '/dev/null') shell.files.write(path, stderr);
      stderr = new Uint8Array();
    } else if (kind === 'write' || kind === 'append') {
      const before = kind === 'append' ? (shell.files.read(path) ?? new Uint8Array()) : new Uint8Array();
      if (path !== '/dev/null' && !shell.files.write(path, Buffer.concat([before, stdout]))) {
        return failed(1, `sh: can't create ${path}: nonexistent directory`);
      }
      stdout = new Uint8Array();
    }
  }
  return { status, stdout, stderr };
}

function isPattern(part: string): boolean {
  return part.includes(anyText) || part.includes(anyCharacter);
}

/** Names that a word with wildcards matches, sorted; the word itself where it has none, or none matches. */
function expandName(files: FileSystem, word: string): string[] {
  const literal = word.replaceAll(anyText, '*').replaceAll(anyCharacter, '?');
  if (!isPattern(word)) return [literal];
  let found = [word.startsWith('/') ? '/' : ''];
  for (const part of word.split('/').filter(each => each !== '')) {
    const pattern = new RegExp(
      `^${part
        .replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
        .replaceAll(anyText, '.*')
        .replaceAll(anyCharacter, '.')}$`,
    );
    found = found.flatMap(directory => {
      const names = isPattern(part)
        ? (files.list(directory || '.') ?? []).filter(name => pattern.test(name))
        : [part];
      return names.map(name =>
        directory === '' || directory.endsWith('/') ? directory + name : `${directory}/${name}`,
      );
    });
  }
  const existing = found.filter(path => files.isDirectory(path) || files.read(path) !== undefined);
  return existing.length > 0 ? existing : [literal];
}

function failed(status: number, message: string): ShellResult {
  return { status, stdout: new Uint8Array(), stderr: encode(`${message}\n`) };
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
