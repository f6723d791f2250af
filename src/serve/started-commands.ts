/** Commands that the page starts, with `--control`: the product's own, each a process as a person would start it. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Command } from './page/types.d.ts';

export interface CommandOptions {
  /** Program and first arguments of every command: the interpreter and bin/scmi-hil.js. */
  readonly program: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** ISO 8601. */
  readonly now: () => string;
}

interface Running {
  command: Command;
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
}

/** Characters of its output that are kept of each command. */
const keptOutput = 64 * 1024;
/** Commands that are over and still listed. */
const keptCommands = 50;
/** Milliseconds in which a command that was told to end has to be gone: a run switches its board off first. */
const patience = 60_000;

export class StartedCommands implements AsyncDisposable {
  readonly #options: CommandOptions;
  readonly #all = new Map<number, Running>();
  #next = 1;

  constructor(options: CommandOptions) {
    this.#options = options;
  }

  /** The newest first. */
  list(): Command[] {
    return [...this.#all.values()].map(({ command }) => command).toReversed();
  }

  /** @param argv of the command, without the program */
  start(argv: readonly string[]): Command {
    const { program, cwd, env, now } = this.#options;
    const [file, ...first] = program;
    const child = spawn(file, [...first, ...argv], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const command = {
      id: this.#next++,
      commandLine: argv.join(' '),
      started: now(),
      exitCode: null,
      output: '',
    };
    const ended = new Promise<void>(resolve => {
      child.once('error', error => {
        running.command = { ...running.command, exitCode: 127, output: error.message };
        resolve();
      });
      child.once('close', (code, signal) => {
        running.command = { ...running.command, exitCode: code ?? 128 };
        if (signal !== null) add(`ended by ${signal}\n`);
        resolve();
      });
    });
    const running: Running = { command, child, ended };
    const add = (text: string) => {
      running.command = { ...running.command, output: (running.command.output + text).slice(-keptOutput) };
    };
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', add);
    this.#all.set(command.id, running);
    this.#forgetOld();
    return running.command;
  }

  /** Ends a command as Ctrl-C does: a run switches its board off. @returns false where there is no such command */
  cancel(id: number): boolean {
    const running = this.#all.get(id);
    running?.child.kill('SIGINT');
    return running !== undefined;
  }

  /** Waits for the end of one. */
  async ended(id: number): Promise<Command | undefined> {
    await this.#all.get(id)?.ended;
    return this.#all.get(id)?.command;
  }

  /** Ends all commands and waits for them; the guard of a run that does not end in time gives its board back. */
  async [Symbol.asyncDispose](): Promise<void> {
    const running = [...this.#all.values()].filter(({ command }) => command.exitCode === null);
    for (const { child } of running) child.kill('SIGTERM');
    const timer = setTimeout(() => {
      for (const { child } of running) child.kill('SIGKILL');
    }, patience);
    await Promise.all(running.map(({ ended }) => ended));
    clearTimeout(timer);
  }

  #forgetOld(): void {
    const over = [...this.#all.values()].filter(({ command }) => command.exitCode !== null);
    for (const { command } of over.slice(0, Math.max(0, over.length - keptCommands))) {
      this.#all.delete(command.id);
    }
  }
}
