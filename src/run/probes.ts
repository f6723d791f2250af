/** The probes of a run: asked in words, recorded as commands are. */
import type { BoardType } from '../board/board-type.ts';
import { DriverError } from '../lab/drivers/driver-error.ts';
import { isWhole, type ProbeAnswer, probeOutcomes } from '../model/probe/answer.ts';
import type { Recorder } from '../verdict/recording/event.ts';
import type { BoardConsole } from './board-console.ts';
import { deadline, type RunClock } from './clock.ts';
import { boardLink, guestLink, type ProbeLink } from './probe-link.ts';
import type { ShellPool } from './shells/pool.ts';

export interface ProbesOptions {
  readonly type: BoardType;
  readonly console: BoardConsole;
  readonly shells: ShellPool;
  readonly recorder: Recorder;
  readonly clock: RunClock;
  /** Name of the probe that has the board for itself. */
  readonly payload: string | undefined;
}

export class Probes {
  readonly #options: ProbesOptions;
  readonly #links = new Map<string, ProbeLink>();
  #lastTag = 0;

  constructor(options: ProbesOptions) {
    this.#options = options;
  }

  /**
   * Asks a probe, recorded with its answer.
   * @param domain a guest as the toolstack calls it, or the payload
   * @throws DriverError where no whole answer comes; the command's deadline
   */
  async ask(domain: string, command: string, signal: AbortSignal): Promise<ProbeAnswer> {
    const { recorder, clock, type } = this.#options;
    recorder.record('probe', { kind: 'command', data: { domain, command } });
    using patience = deadline(
      clock,
      type.deadlines.command,
      `the probe in ${domain} to answer \`${command}\``,
      signal,
    );
    const answer = await this.#answer(domain, command, patience.signal);
    if (!isWhole(answer, command)) {
      throw new TornAnswer(
        `ask the probe in ${domain}`,
        `its answer to \`${command}\` is torn: ${answer.text}`,
        'let nobody else write to that console; see that its line loses no characters',
      );
    }
    const status = probeOutcomes.indexOf(answer.outcome);
    recorder.record('probe', {
      kind: 'answer',
      data: { domain, command, status, stdout: answer.text, stderr: '' },
    });
    return answer;
  }

  /** Gives a line up: the guest is gone, or about to go. */
  async forget(domain: string): Promise<void> {
    const link = this.#links.get(domain);
    this.#links.delete(domain);
    await link?.close().catch(() => undefined);
  }

  async close(): Promise<void> {
    for (const domain of this.#links.keys()) await this.forget(domain);
  }

  /** A line that was lost is made anew, once; only what leaves everything as it is, is asked again. */
  async #answer(domain: string, command: string, signal: AbortSignal): Promise<ProbeAnswer> {
    const link = await this.#link(domain, signal);
    try {
      return await link.ask(++this.#lastTag, command, signal);
    } catch (error) {
      signal.throwIfAborted();
      await this.forget(domain);
      if (!command.startsWith('read ')) throw error;
      return (await this.#link(domain, signal)).ask(++this.#lastTag, command, signal);
    }
  }

  async #link(domain: string, signal: AbortSignal): Promise<ProbeLink> {
    const known = this.#links.get(domain);
    if (known?.isOpen === true) return known;
    const { console, payload } = this.#options;
    const link = domain === payload ? boardLink(console) : await this.#openGuest(domain, signal);
    this.#links.set(domain, link);
    return link;
  }

  async #openGuest(domain: string, signal: AbortSignal): Promise<ProbeLink> {
    try {
      return await guestLink(domain, this.#options, signal);
    } catch {
      signal.throwIfAborted();
      return guestLink(domain, this.#options, signal);
    }
  }
}

/** An answer came, and not as the probe writes it: somebody wrote into it, or the line lost a character. */
class TornAnswer extends DriverError {
  readonly blames = 'lab';
}
