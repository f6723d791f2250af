/** When in a board's life the faults that it was given come about. */
import type { Milestone, VirtualFaults } from './faults.ts';

export class Mishaps {
  readonly faults: VirtualFaults;
  readonly #unplug: (milliseconds: number | undefined) => void;
  readonly #past = new Set<Milestone>();
  #powerOns = 0;
  #turns = 0;

  /** @param unplug takes the serial adapter away, for a time in milliseconds, if one is given */
  constructor(faults: VirtualFaults, unplug: (milliseconds: number | undefined) => void) {
    this.faults = faults;
    this.#unplug = unplug;
  }

  poweredOn(): void {
    this.#powerOns++;
  }

  /** Whether the board has been switched on once only: some faults are gone after a power cycle. */
  get isFirstPowerOn(): boolean {
    return this.#powerOns <= 1;
  }

  /**
   * The board has got this far; the adapter may vanish.
   * @returns whether the board is to start again by itself now
   */
  reached(milestone: Milestone): boolean {
    if (this.#past.has(milestone)) return false;
    this.#past.add(milestone);
    const { adapterGone, resetsAt } = this.faults;
    if (adapterGone?.at === milestone) this.#unplug(adapterGone.milliseconds);
    return resetsAt === milestone;
  }

  /** A prompt as it comes out; now and then, but never twice in a row, behind a line that has not ended. */
  prompt(text: string): string {
    const { prompt } = this.faults;
    if (prompt === 'escape-codes') return `\x1b[?2004h${text}`;
    if (prompt === 'in-a-log-line' && this.#turns++ % 5 === 3) return `NOTICE:  SCMI: agent 0${text}`;
    return text;
  }
}
