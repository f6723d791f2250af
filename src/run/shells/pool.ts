/**
 * SSH to Dom0 and, through it, to guests: logged in when first needed, again when a connection broke. A Dom0 without
 * a network is reached over its serial console.
 */
import { messageOf } from '../../config/text.ts';
import type { OpenBoard } from '../../lab/open-board.ts';
import { DriverError } from '../../lab/drivers/driver-error.ts';
import type { SshResult, SshSession, SshShell } from '../../lab/drivers/ssh/ssh.ts';
import type { Recorder } from '../../verdict/recording/event.ts';
import { HostUnreachable, NoLogin } from '../../lab/drivers/ssh/client.ts';
import { NotWritten } from '../../lab/drivers/ssh/not-written.ts';
import { putByShell } from '../../lab/drivers/ssh/put-by-shell.ts';
import { type Deadline, deadline, pause, type RunClock } from '../clock.ts';
import type { ConsoleShells } from './console-shells.ts';
import { couldNotRun, execAll, framedSession, NotRun, programDirectories } from './framed-command.ts';
import type { DomainShell } from './framed-shell.ts';
import { GuestPanicked } from './guest-terminal.ts';

export interface CommandOptions {
  readonly signal: AbortSignal;
  readonly stdin?: Uint8Array;
  /** Milliseconds that the command itself may wait for something, beyond its deadline. */
  readonly patience?: number;
  /** The answer may be that there is no such program: that is what is asked. */
  readonly mayBeMissing?: boolean;
}

/** The name that scenarios and recordings have for the hardware domain. */
export const dom0 = 'dom0';

export class ShellPool {
  readonly #board: OpenBoard;
  readonly #recorder: Recorder;
  readonly #clock: RunClock;
  readonly #open = new Map<string, SshSession>();
  readonly #consoles = new Map<string, DomainShell>();
  readonly #onConsoles: ConsoleShells | undefined;
  /** By domain: what the last attempt to log in came to. */
  readonly #refusals = new Map<string, Error>();
  /** Dom0 has no network, as far as this run has seen, or the lab wants none of it. */
  #onConsole: boolean;

  /** @param consoles what is done where a domain has no network; absent: nothing */
  constructor(board: OpenBoard, recorder: Recorder, clock: RunClock, consoles?: ConsoleShells) {
    this.#board = board;
    this.#recorder = recorder;
    this.#clock = clock;
    this.#onConsoles = consoles;
    this.#onConsole = consoles !== undefined && board.consoleLogin?.only === true;
  }

  /** How a domain is spoken to. */
  wayTo(domain: string): 'console' | 'ssh' {
    return this.#isOnConsole(domain) ? 'console' : 'ssh';
  }

  /** Whether the lab says how to log in to a domain. */
  canReach(domain: string): boolean {
    return domain === dom0 || this.#isOnConsole(domain) || this.#hasAddress(domain);
  }

  /**
   * Logs in, again and again until it works or the signal ends it.
   * @throws DriverError with the last attempt's reason
   */
  async reach(domain: string, signal: AbortSignal): Promise<void> {
    let last: unknown;
    let between = betweenAttempts;
    const began = this.#clock.now();
    for (;;) {
      try {
        await this.#shell(domain, signal);
        return;
      } catch (error) {
        if (!signal.aborted && error instanceof Error) this.#refusals.set(domain, error);
        if (domain === dom0 && error instanceof HostUnreachable) this.#giveNetworkUp(began, error);
        if (!signal.aborted && messageOf(error) !== messageOf(last)) {
          this.#recorder.record('ssh', { kind: 'note', data: { text: messageOf(error) } });
          last = error;
        }
        if (signal.aborted) throw last instanceof Error ? last : error;
        if (error instanceof GuestPanicked || (error instanceof NoLogin && error.isFinal)) throw error;
        between = error instanceof NoLogin ? Math.min(4 * between, mostBetweenLogins) : betweenAttempts;
      }
      await pause(this.#clock, between, signal).catch(() => undefined);
    }
  }

  /**
   * Tries once whether a domain answers SSH, without a word in the recording where it does not.
   * @throws the signal's reason
   */
  async answersSsh(domain: string, signal: AbortSignal): Promise<boolean> {
    if (this.#isOnConsole(domain)) return false;
    try {
      await this.#session(domain, signal);
    } catch {
      signal.throwIfAborted();
      return false;
    }
    const line = `${domain} answers SSH, and no prompt was recognized on its console`;
    this.#recorder.record('ssh', { kind: 'milestone', data: { name: `${domain}-login`, line } });
    return true;
  }

  /** Result of the last attempt to log in to a domain; undefined if none has failed. */
  refusal(domain: string): Error | undefined {
    return this.#refusals.get(domain);
  }

  /**
   * Runs one command, recorded with its answer.
   * @throws where the connection breaks or the command's deadline passes; the connection is then given up;
   *   NotRun where the domain has no such program: that is no answer
   */
  async run(domain: string, command: string, options: CommandOptions): Promise<SshResult> {
    this.#recorder.record(this.wayTo(domain), { kind: 'command', data: { domain, command } });
    const result = await this.read(domain, command, options);
    if (couldNotRun(result) && options.mayBeMissing !== true) throw this.#notRun(domain, command, result);
    this.#answered(domain, command, result);
    return result;
  }

  /**
   * Runs several commands as one. Each is recorded with its answer when all are over.
   * @param before a command that makes the domain ready for them, and is not recorded
   * @throws as `run`; NotRun where `before` fails, with the hint
   */
  async runAll(
    domain: string,
    before: { readonly command: string; readonly attempt: string; readonly hint: string },
    commands: readonly string[],
    { signal }: Pick<CommandOptions, 'signal'>,
  ): Promise<void> {
    const patience = commands.length * this.#board.type.deadlines.command;
    const what = `${commands.length} commands in ${domain} to end`;
    const [ready, ...results] = await this.#ask(domain, what, { signal, patience }, (session, limit) =>
      execAll(session, [before.command, ...commands], { signal: limit.signal }),
    );
    if (ready?.status !== 0) throw new NotRun(before.attempt, `"${ready?.stderr.trim()}"`, before.hint);
    for (const [index, result] of results.entries()) {
      const command = commands[index] ?? '';
      this.#recorder.record(this.wayTo(domain), { kind: 'command', data: { domain, command } });
      if (couldNotRun(result)) throw this.#notRun(domain, command, result);
      this.#answered(domain, command, result);
    }
  }

  #answered(domain: string, command: string, { status, stdout, stderr }: SshResult): void {
    this.#recorder.record(this.wayTo(domain), {
      kind: 'answer',
      data: { domain, command, status, stdout, stderr },
    });
  }

  /** Like `run`, but not a part of what the run is judged by. */
  read(domain: string, command: string, options: CommandOptions): Promise<SshResult> {
    const { stdin } = options;
    const what = `\`${command}\` in ${domain} to end`;
    return this.#ask(domain, what, options, (session, { signal }) =>
      session.exec(command, { signal, ...(stdin !== undefined && { stdin }) }),
    );
  }

  /**
   * Puts a file into a domain, and the directories that it is in; recorded. The deadline is that of a command, anew
   * whenever the domain has taken some of it.
   * @throws where it is not there afterwards with its size, the connection breaks or the deadline passes
   */
  async put(domain: string, path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const by = await this.#ask<'sftp' | 'shell'>(
      domain,
      `${domain} to take ${path}`,
      { signal },
      (session, limit) => {
        const options = { signal: limit.signal, onProgress: () => limit.renew() };
        return session.put === undefined
          ? putByShell(session, path, bytes, options)
          : session.put(path, bytes, options);
      },
    );
    const data = { domain, path, bytes: bytes.length, by };
    this.#recorder.record(this.wayTo(domain), { kind: 'file', data });
  }

  #notRun(domain: string, command: string, { status, stderr }: SshResult): NotRun {
    const said = stderr.trim();
    return new NotRun(
      `run \`${command}\` in ${domain}`,
      `exit status ${status}${said === '' ? '' : `, "${said}"`}: it could not be run there`,
      `install it in the image of ${domain}, in one of ${programDirectories}`,
    );
  }

  /** A failed or late command closes the connection. */
  async #ask<T>(
    domain: string,
    what: string,
    { signal, patience = 0 }: Pick<CommandOptions, 'signal' | 'patience'>,
    ask: (session: DomainShell, limit: Deadline) => Promise<T>,
  ): Promise<T> {
    using limit = deadline(this.#clock, this.#board.type.deadlines.command + patience, what, signal);
    const session = await this.#shell(domain, limit.signal);
    try {
      return await ask(session, limit);
    } catch (error) {
      if (error instanceof NotWritten || error instanceof NotRun) throw error;
      await this.forget(domain);
      if (signal.aborted) throw error;
      if (limit.signal.aborted) throw limit.signal.reason as Error;
      throw domain === dom0 ? await this.#explained(error, signal) : error;
    }
  }

  /** Opens an interactive shell, to talk to a program in it; the caller closes it. */
  async shell(
    domain: string,
    events: Parameters<SshSession['shell']>[0],
    signal: AbortSignal,
  ): Promise<SshShell> {
    const session = await this.#session(domain, signal);
    return session.shell(events, signal);
  }

  /** Gives a connection up: the domain is gone, or about to go. Guests behind it go with it. */
  async forget(domain: string): Promise<void> {
    for (const shells of [this.#consoles, this.#open]) {
      const takesAll = domain === dom0 || (shells === this.#open && domain === this.#gateway);
      const names = takesAll ? [...shells.keys()].toReversed() : [domain];
      for (const name of names) {
        const shell = shells.get(name);
        shells.delete(name);
        await shell?.close().catch(() => undefined);
      }
    }
  }

  /** Ends all connections. The run is over and the board is off: in its domains there is nothing left to tidy. */
  async close(): Promise<void> {
    this.#consoles.clear();
    const sessions = [...this.#open.values()].toReversed();
    this.#open.clear();
    for (const session of sessions) await session.close().catch(() => undefined);
  }

  /**
   * Why the connection to Dom0 broke: a board that has panicked or started again says so on its console, and ends
   * what is going on by that. Where it does not, and Dom0 answers a new connection, the network broke the old one.
   */
  async #explained(error: unknown, signal: AbortSignal): Promise<unknown> {
    await pause(this.#clock, this.#board.type.deadlines.firstOutput, signal);
    if (this.#onConsole || !(error instanceof DriverError)) return error;
    try {
      await this.#session(dom0, signal);
    } catch {
      return error;
    }
    return new ConnectionBroken(
      error.attempt,
      'the connection broke, and Dom0 answers a new one',
      'look at the network between here and the board',
      { cause: error },
    );
  }

  async #shell(domain: string, signal: AbortSignal): Promise<DomainShell> {
    if (this.#onConsoles === undefined || !this.#isOnConsole(domain)) {
      return framedSession(await this.#session(domain, signal));
    }
    const known = this.#consoles.get(domain);
    if (known !== undefined) return known;
    const shell =
      domain === dom0
        ? await this.#onConsoles.dom0(signal)
        : await this.#onConsoles.guest(domain, () => this.#shell(dom0, signal), signal);
    this.#consoles.set(domain, shell);
    const data = { name: 'reachable', domain, line: `on ${shell.name}` };
    this.#recorder.record('console', { kind: 'milestone', data });
    return shell;
  }

  /** A guest behind a Dom0 without a network is not on one either. */
  #isOnConsole(domain: string): boolean {
    if (this.#onConsoles === undefined) return false;
    if (domain === dom0) return this.#onConsole;
    const { guestLogins, guestConsoles = false, gateway } = this.#board;
    if (guestLogins?.get(domain)?.only === true) return true;
    if (!this.#hasAddress(domain)) return guestConsoles || this.#onConsole;
    return this.#onConsole && gateway === undefined;
  }

  #hasAddress(domain: string): boolean {
    return domain === this.#gateway || this.#board.guest(domain) !== undefined;
  }

  /** The domain whose SSH server the lab can reach; the others are behind it. */
  get #gateway(): string {
    return this.#board.gateway ?? dom0;
  }

  /** An SSH server may still be starting: only after a while is it the network that is missing. */
  #giveNetworkUp(began: number, error: HostUnreachable): void {
    const { domain } = this.#board.type.deadlines;
    if (this.#onConsole || this.#onConsoles === undefined || this.#clock.now() - began < domain / 3) return;
    this.#onConsole = true;
    const text = `Dom0 is not on the network (${error.message}): its commands are typed on its serial console`;
    this.#recorder.record('console', { kind: 'note', data: { text } });
  }

  async #session(domain: string, signal: AbortSignal): Promise<SshSession> {
    const open = this.#open.get(domain);
    if (open !== undefined) return open;
    const limit = Math.min(oneAttempt, this.#board.type.deadlines.domain / 3);
    using patience = deadline(this.#clock, limit, `${domain} to answer SSH`, signal);
    const session = await this.#board.ssh.connect(
      await this.#target(domain, patience.signal),
      patience.signal,
    );
    if (signal.aborted) {
      await session.close();
      throw signal.reason as Error;
    }
    this.#open.set(domain, session);
    this.#refusals.delete(domain);
    this.#recorder.record('ssh', { kind: 'milestone', data: { name: 'reachable', domain } });
    return session;
  }

  async #target(domain: string, signal: AbortSignal) {
    if (domain === this.#gateway) return this.#board.dom0;
    const target = this.#board.guest(domain);
    if (target === undefined) {
      throw new DriverError(
        `log in to ${domain}`,
        'the lab names no address for it',
        `add it to ssh.guests of ${this.#board.name} in lab.yaml`,
      );
    }
    return { ...target, via: await this.#session(this.#gateway, signal) };
  }
}

/** Something between here and a Dom0 that is well broke a connection. */
class ConnectionBroken extends DriverError {
  readonly blames = 'lab';
}

const betweenAttempts = 250;
/**
 * A server that refuses is asked less and less often: OpenSSH counts 5 s against an address for each refused login, and
 * lets it in no more above 15 s (sshd_config(5), PerSourcePenalties).
 */
const mostBetweenLogins = 8000;
/** A server that accepts and then says nothing must not take all the time there is. */
const oneAttempt = 10_000;
