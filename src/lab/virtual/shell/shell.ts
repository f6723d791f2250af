/** Runs command lines in a virtual domain, as busybox's `sh` does: for an SSH server, for a console, for a script. */
import { bytesOnce, type Descriptors, nothing, type Sink, sinkOf, sourceOf } from './descriptors.ts';
import type { FileSystem } from './file-system.ts';
import {
  type Pipeline,
  parseCommandLine,
  type Redirection,
  ShellSyntaxError,
  type SimpleCommand,
  type Word,
} from './parse.ts';
import { literal, matchingNames } from './wildcards.ts';

export interface ProgramInput {
  readonly arguments: readonly string[];
  /** Standard input: what is left of it. */
  readonly stdin: Uint8Array;
  readonly files: FileSystem;
  readonly signal: AbortSignal;
  /** For a program that goes on for long, or runs others: where its input is and its output goes. */
  readonly descriptors: Descriptors;
  readonly shell: Shell;
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
  const stdout: Uint8Array[] = [];
  const stderr: Uint8Array[] = [];
  const interpreter = new Interpreter(shell, {
    input: bytesOnce(stdin),
    output: bytes => void stdout.push(bytes),
    errors: bytes => void stderr.push(bytes),
  });
  const status = await interpreter.run(line, signal);
  return { status, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) };
}

/** Variables and the status of the last command live as long as it does. */
export class Interpreter {
  readonly variables = new Map<string, string>([
    ['HOME', '/root'],
    ['PATH', '/sbin:/usr/sbin:/bin:/usr/bin'],
    ['0', 'sh'],
  ]);
  readonly #shell: Shell;
  readonly #descriptors: Descriptors;
  /** Before each error: the script's name. */
  readonly #name: string;
  #status = 0;
  #where = '';

  constructor(shell: Shell, descriptors: Descriptors, script?: string) {
    this.#shell = shell;
    this.#descriptors = descriptors;
    this.#name = script ?? 'sh';
  }

  /**
   * Runs a line, or a script.
   * @returns the status of its last command, or that of its `exit`
   */
  async run(text: string, signal: AbortSignal): Promise<number> {
    try {
      for (const pipeline of parseCommandLine(text)) await this.#pipeline(pipeline, signal);
    } catch (error) {
      if (error instanceof Exit) this.#status = error.status;
      else if (error instanceof ShellSyntaxError) {
        this.#descriptors.errors(encode(`${this.#name}: ${error.message}\n`));
        this.#status = 2;
      } else throw error;
    }
    return this.#status;
  }

  /** A command was ended from outside: what `$?` says of it. */
  interrupted(): void {
    this.#status = interruptedStatus;
  }

  async #pipeline({ when, commands, background, line }: Pipeline, signal: AbortSignal): Promise<void> {
    if ((when === 'success' && this.#status !== 0) || (when === 'failure' && this.#status === 0)) return;
    this.#where = this.#name === 'sh' ? '' : `line ${line}: `;
    if (!background) {
      this.#status = await this.#commands(commands, this.#descriptors, signal);
      return;
    }
    // The shell does not wait for it; it ends with the domain.
    void this.#commands(commands, { ...this.#descriptors, input: nothing }, signal).catch(() => undefined);
    this.#status = 0;
  }

  async #commands(
    commands: readonly SimpleCommand[],
    { input, output, errors }: Descriptors,
    signal: AbortSignal,
  ): Promise<number> {
    let status = 0;
    let piped = input;
    for (const [index, command] of commands.entries()) {
      const between: Uint8Array[] = [];
      const isLast = index === commands.length - 1;
      const own = {
        input: piped,
        output: isLast ? output : (bytes: Uint8Array) => void between.push(bytes),
        errors,
      };
      status = await this.#command(command, own, signal);
      piped = bytesOnce(() => Buffer.concat(between));
    }
    return status;
  }

  async #command(command: SimpleCommand, inherited: Descriptors, signal: AbortSignal): Promise<number> {
    const descriptors = this.#redirected(command.redirections, inherited);
    if (typeof descriptors === 'number') return descriptors;
    const [name, ...words] = command.words.flatMap(word => this.#fields(word));
    if (name === undefined) {
      for (const { name: variable, value } of command.assignments)
        this.variables.set(variable, this.#text(value));
      return 0;
    }
    if (name === 'exit') throw new Exit(words[0] === undefined ? this.#status : Number(words[0]) & 0xff);
    const program = Object.hasOwn(this.#shell.programs, name) ? this.#shell.programs[name] : undefined;
    if (program === undefined) {
      descriptors.errors(encode(`${this.#name}: ${this.#where}${name}: not found\n`));
      return 127;
    }
    const { input, output, errors } = descriptors;
    let taken: Uint8Array | undefined;
    const {
      status,
      stdout,
      stderr = '',
    } = await program({
      arguments: words,
      get stdin() {
        return (taken ??= input.take());
      },
      files: this.#shell.files,
      shell: this.#shell,
      descriptors,
      signal,
    });
    if (stdout.length > 0) output(typeof stdout === 'string' ? encode(stdout) : stdout);
    if (stderr !== '') errors(encode(stderr));
    return status;
  }

  /** @returns the exit status where a file cannot be opened: the command does not run then */
  #redirected(redirections: readonly Redirection[], inherited: Descriptors): Descriptors | number {
    const { files } = this.#shell;
    let { input } = inherited;
    const sinks: [Sink, Sink, Sink] = [() => {}, inherited.output, inherited.errors];
    for (const redirection of redirections) {
      const descriptor = redirection.descriptor as 0 | 1 | 2;
      if (redirection.kind === 'copy') {
        sinks[descriptor] = sinks[redirection.of as 0 | 1 | 2];
        continue;
      }
      const { mode } = redirection;
      const path = this.#text(redirection.path);
      if (descriptor === 0) {
        const source = sourceOf(files, path);
        if (source === undefined) return this.#refused(`can't open ${path}: no such file`, inherited);
        input = source;
      } else {
        const sink = sinkOf(files, path, mode === 'append' || mode === 'both');
        if (sink === undefined)
          return this.#refused(`can't create ${path}: nonexistent directory`, inherited);
        sinks[descriptor] = sink;
      }
    }
    return { input, output: sinks[1], errors: sinks[2] };
  }

  #refused(why: string, { errors }: Descriptors): number {
    errors(encode(`${this.#name}: ${this.#where}${why}\n`));
    return 1;
  }

  #variable(name: string): string {
    return name === '?' ? String(this.#status) : (this.variables.get(name) ?? '');
  }

  /** A word as one string: of an assignment, or of a file that is redirected to. */
  #text(word: Word): string {
    return literal(word.map(part => (part.kind === 'text' ? part.text : this.#variable(part.name))).join(''));
  }

  /** The arguments that a word becomes: none, one, or several. */
  #fields(word: Word): string[] {
    const fields: string[] = [];
    let field: string | undefined;
    for (const part of word) {
      if (part.kind === 'text') field = (field ?? '') + part.text;
      else if (part.quoted) field = (field ?? '') + this.#variable(part.name);
      else {
        const [first = '', ...more] = this.#variable(part.name).split(/[ \t\n]+/);
        if (first !== '') field = (field ?? '') + first;
        for (const next of more) {
          if (field !== undefined) fields.push(field);
          field = next === '' ? undefined : next;
        }
      }
    }
    if (field !== undefined) fields.push(field);
    return fields.flatMap(each => matchingNames(this.#shell.files, each));
  }
}

/** `exit`: the rest of the line, or of the script, is not run. */
class Exit {
  readonly status: number;

  constructor(status: number) {
    this.status = status;
  }
}

/** 128 and SIGINT. */
const interruptedStatus = 130;

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
