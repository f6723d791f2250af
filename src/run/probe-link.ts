/** The line to a probe: its guest's UART through Dom0, or the board's own console. */
import { DriverError } from '../lab/drivers/driver-error.ts';
import type { SshShell } from '../lab/drivers/ssh/ssh.ts';
import { type ProbeAnswer, ProbeLines, type ProbeSaid, probeSaid } from '../model/probe/answer.ts';
import { commandLine } from '../model/probe/command.ts';
import { recordedBytes } from '../verdict/recording/bytes.ts';
import type { Recorder } from '../verdict/recording/event.ts';
import type { BoardConsole } from './board-console.ts';
import { pause, type RunClock } from './clock.ts';
import { dom0, type ShellPool } from './shells/pool.ts';

export interface ProbeLink {
  /**
   * Types a command and waits for its answer.
   * @throws the signal's reason; DriverError where the line is lost first
   */
  ask(tag: number, command: string, signal: AbortSignal): Promise<ProbeAnswer>;
  /** Whether it still stands. */
  readonly isOpen: boolean;
  close(): Promise<void>;
}

/** The board's own console, on which the probe is alone. */
export function boardLink(console: BoardConsole): ProbeLink {
  return {
    isOpen: true,
    async ask(tag, command, signal) {
      const mark = console.mark();
      await console.write(`${commandLine(tag, command)}\r`);
      return await console.until(() => answerIn(console.linesSince(mark), tag), signal);
    },
    close: () => Promise.resolve(),
  };
}

function answerIn(lines: readonly string[], tag: number): ProbeAnswer | undefined {
  const answers = lines.flatMap(line => {
    const said = probeSaid(line);
    return said !== undefined && 'answer' in said ? [said.answer] : [];
  });
  return answers.find(answer => answer.tag === tag);
}

export interface GuestLinkParts {
  readonly shells: ShellPool;
  readonly recorder: Recorder;
  readonly clock: RunClock;
}

/**
 * A guest's emulated UART, by `xl console` in a shell of Dom0.
 * @param guest as the toolstack calls it
 * @throws the signal's reason where the probe does not say that it is ready
 */
export async function guestLink(
  guest: string,
  parts: GuestLinkParts,
  signal: AbortSignal,
): Promise<ProbeLink> {
  const link = new GuestLink(guest, parts);
  try {
    await link.open(signal);
    return link;
  } catch (error) {
    await link.close();
    throw error;
  }
}

class GuestLink implements ProbeLink {
  readonly #guest: string;
  readonly #parts: GuestLinkParts;
  readonly #lines = new ProbeLines();
  readonly #decoder = new TextDecoder();
  #shell: SshShell | undefined;
  #heard: (said: ProbeSaid) => void = () => {};
  #lost: (error: Error) => void = () => {};

  constructor(guest: string, parts: GuestLinkParts) {
    this.#guest = guest;
    this.#parts = parts;
  }

  get isOpen(): boolean {
    return this.#shell !== undefined;
  }

  /** The guest's tty may not be there yet, or what is typed go to the shell: both are tried again. */
  async open(signal: AbortSignal): Promise<void> {
    const { shells, clock } = this.#parts;
    this.#shell = await shells.shell(
      dom0,
      { data: bytes => this.#received(bytes), closed: () => this.#closed() },
      signal,
    );
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const ready = this.#wait(either, said => 'ready' in said || undefined).finally(() => over.abort());
    const knock = async () => {
      for (let knocks = 0; ; knocks++) {
        this.#write(knocks % knocksPerCommand === 0 ? `xl console -t vuart ${this.#guest}\r` : '\r');
        await pause(clock, betweenKnocks, either);
      }
    };
    await Promise.all([ready, knock().catch(() => undefined)]);
  }

  ask(tag: number, command: string, signal: AbortSignal): Promise<ProbeAnswer> {
    const answer = this.#wait(signal, said =>
      'answer' in said && said.answer.tag === tag ? said.answer : undefined,
    );
    this.#write(`${commandLine(tag, command)}\r`);
    return answer;
  }

  async close(): Promise<void> {
    const shell = this.#shell;
    if (shell === undefined) return;
    this.#write(leave);
    this.#shell = undefined;
    await shell.close();
  }

  #wait<T>(signal: AbortSignal, pick: (said: ProbeSaid) => T | undefined): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const stop = () => reject(signal.reason as Error);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    this.#heard = said => {
      const picked = pick(said);
      if (picked !== undefined) resolve(picked);
    };
    this.#lost = reject;
    if (!this.isOpen) this.#closed();
    return promise.finally(() => signal.removeEventListener('abort', stop));
  }

  #write(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.#record('sent', bytes);
    this.#shell?.write(bytes);
  }

  #received(bytes: Uint8Array): void {
    this.#record('received', bytes);
    for (const said of this.#lines.feed(this.#decoder.decode(bytes, { stream: true }))) this.#heard(said);
  }

  #closed(): void {
    this.#shell = undefined;
    this.#lost(
      new DriverError(
        `ask the probe in ${this.#guest}`,
        'the shell in Dom0 has ended',
        'see the console: Dom0 may have gone down',
      ),
    );
  }

  #record(kind: 'sent' | 'received', bytes: Uint8Array): void {
    const data = { console: `vuart of ${this.#guest}`, ...recordedBytes(bytes) };
    this.#parts.recorder.record('console', { kind, data });
  }
}

const betweenKnocks = 500;
/** An `xl console` that is typed into the probe's line is a mistake to it, and no more. */
const knocksPerCommand = 6;
/** Ctrl-]: xenconsole ends. */
const leave = '\u001d';
