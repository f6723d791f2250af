/**
 * The shell of xen-troops' zephyr-dom0-xt (zephyr-xenlib, xen-shell-cmd/src/xen_cmds.c) on the board's serial console:
 * commands of `xu`, and the consoles of the domains that it made. There is one keyboard: while a domain has it
 * (`xu console`), Dom0 has it not.
 */
import { messageOf } from '../../config/text.ts';
import { DriverError } from '../../lab/drivers/driver-error.ts';
import type { SshResult } from '../../lab/drivers/ssh/ssh.ts';
import { deadline, type RunClock } from '../clock.ts';
import type { DomainShell } from './framed-shell.ts';
import type { Terminal } from './terminal.ts';
import { zephyrText } from '../../verdict/console/vocabulary/zephyr.ts';

export class ZephyrShell implements DomainShell {
  readonly name: string;
  readonly isSeen = true;
  readonly #terminal: Terminal;
  readonly #clock: RunClock;
  /** The domain whose console is attached. */
  #attached: string | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(terminal: Terminal, clock: RunClock) {
    this.name = terminal.name;
    this.#terminal = terminal;
    this.#clock = clock;
  }

  /**
   * Types one line. Zephyr says what a command returned when it is asked (`retval`); a build without it is taken at
   * the words of `xu`.
   * @returns status 0, or the errno that the command returned
   */
  exec(
    command: string,
    { stdin, signal }: { readonly stdin?: Uint8Array; readonly signal: AbortSignal },
  ): Promise<SshResult> {
    if (stdin !== undefined) {
      throw new DriverError(
        `run "${command}" on ${this.name}`,
        "a command of Zephyr's shell takes no input",
        'leave it out: there are no files in this Dom0',
      );
    }
    const result = this.#turn.then(async () => {
      signal.throwIfAborted();
      await this.#detach(signal);
      const said = await this.#ask(command, signal);
      const answer = await this.#ask('retval', signal);
      const returned = answer
        .map(line => /^(-?\d+)$/.exec(line.trim())?.[1])
        .find(each => each !== undefined);
      const status = returned === undefined ? statusInWords(said) : Math.abs(Number(returned)) & 0xff;
      return { status, stdout: said.map(line => `${line}\n`).join(''), stderr: '' };
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /**
   * The console of a domain that `xu` made.
   * @param domain name or id, as `xu list` shows it
   */
  consoleOf(domain: string): Terminal {
    const terminal = this.#terminal;
    const through = (act: () => Promise<void>) => {
      const done = this.#turn.then(act);
      this.#turn = done.catch(() => undefined);
      return done;
    };
    return {
      name: `the console of ${domain} on ${terminal.name}`,
      piece: terminal.piece,
      ready: signal => through(() => this.#attach(domain, signal)),
      write: async (text, typing) => {
        if (this.#attached !== domain) throw this.#lost(domain);
        await terminal.write(text, typing);
      },
      mark: () => terminal.mark(),
      since: mark => terminal.since(mark),
      until: (seen, signal) => terminal.until(seen, signal),
    };
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#detach(AbortSignal.timeout(farewell)).catch(() => undefined);
  }

  async #attach(domain: string, signal: AbortSignal): Promise<void> {
    if (this.#attached === domain) return;
    await this.#detach(signal);
    await this.#type(`xu console ${domain}`, signal);
    const mark = this.#terminal.mark();
    await this.#terminal.write('\r');
    using patience = deadline(this.#clock, answerDeadline, `the console of ${domain}`, signal);
    const answer = await this.#terminal.until(() => {
      const said = this.#terminal.since(mark);
      if (said.some(text => text.includes(attached))) return attached;
      return isPrompt(said.at(-1)) ? said.slice(0, -1).join(' ').trim() : undefined;
    }, patience.signal);
    if (answer !== attached) {
      throw new DriverError(
        `attach to the console of ${domain} in Dom0`,
        answer === '' ? 'its shell said nothing' : answer,
        'see `xu list` there, and that its Zephyr was built with CONFIG_XEN_CONSOLE_SRV',
      );
    }
    this.#attached = domain;
  }

  /** Ctrl-] (xen-console-srv/src/xen_console.c); it counts only where it comes alone. */
  async #detach(signal: AbortSignal): Promise<void> {
    await this.#terminal.ready(signal);
    if (this.#attached === undefined) return;
    this.#attached = undefined;
    await this.#terminal.write('\x1d');
  }

  /** @returns what came between the command and the next prompt */
  async #ask(command: string, signal: AbortSignal): Promise<readonly string[]> {
    await this.#type(command, signal);
    const mark = this.#terminal.mark();
    await this.#terminal.write('\r');
    using patience = deadline(this.#clock, answerDeadline, `the prompt after \`${command}\``, signal);
    return this.#terminal.until(() => {
      const said = this.#terminal.since(mark);
      return said.length > 1 && isPrompt(said.at(-1)) ? said.slice(1, -1) : undefined;
    }, patience.signal);
  }

  /** Types a command, all of which has been echoed behind a prompt; nothing is executed that did not arrive whole. */
  async #type(command: string, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#typeOnce(command, signal);
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (attempt === attempts) {
          throw new DriverError(
            `type \`${command}\` on ${this.name}`,
            messageOf(error),
            'see what else writes to that console, and whether it loses input (charactersPerSecond in the lab file)',
            { cause: error },
          );
        }
      }
    }
  }

  async #typeOnce(command: string, signal: AbortSignal): Promise<void> {
    const mark = this.#terminal.mark();
    const echoed = async (text: string, shown: (tail: string) => boolean) => {
      using patience = deadline(this.#clock, echoDeadline, `the echo of \`${command}\``, signal);
      await this.#terminal.write(text);
      await this.#terminal.until(
        () => (shown(this.#terminal.since(mark).at(-1) ?? '') ? true : undefined),
        patience.signal,
      );
    };
    // Ctrl-C gives up what stands there, and brings a new prompt.
    await echoed('\x03', isPrompt);
    for (let end = 0; end < command.length; ) {
      const begin = end;
      end = Math.min(command.length, begin + this.#terminal.piece);
      await echoed(command.slice(begin, end), tail => tail.endsWith(`${prompt} ${command.slice(0, end)}`));
    }
  }

  #lost(domain: string): DriverError {
    return new DriverError(
      `type on the console of ${domain}`,
      'Dom0 has it no more',
      'see whether that domain runs',
    );
  }
}

/** Kconfig SHELL_PROMPT_UART. */
const { prompt } = zephyrText;

function isPrompt(text: string | undefined): boolean {
  return text?.trimEnd().endsWith(prompt) === true;
}

/** xen_cmds.c says so where it succeeds, or prints what was asked for. */
function statusInWords(said: readonly string[]): number {
  const failed = said.some(line => /not found|Invalid|not supported|^E: |[Ff]ailed/.test(line));
  return failed ? 1 : 0;
}

const attached = 'Attached to a domain console';
const attempts = 3;
const echoDeadline = 2000;
const answerDeadline = 20_000;
const farewell = 1000;
