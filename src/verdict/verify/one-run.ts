/** Whether the events of a recording are those of one run, in the time in which they happened. */
import type { RecordedEvent } from '../recording/event.ts';

/** Watches the events of a recording go by. */
export class OneRun {
  readonly #flaws = new Map<'second' | 'after' | 'time' | 'domain', string>();
  #first: number | undefined;
  #last = 0;
  #header = false;
  #finished = false;
  /** Whether times have parts of a millisecond: writers of today give microseconds. */
  #isFine = false;
  /** Events in a row with the same time. */
  #still = 0;
  #isStanding = false;
  #isPowered = false;
  /** By command: the domain that it was last given to. */
  readonly #asked = new Map<string, string>();

  take(event: RecordedEvent, line: number): void {
    this.#time(event.t, line);
    if (event.kind === 'power') this.#isPowered = true;
    if (event.kind === 'command') this.#asked.set(event.data.command, event.data.domain);
    if (event.kind === 'answer') {
      const asked = this.#asked.get(event.data.command);
      if (asked !== undefined && asked !== event.data.domain)
        this.#tell('domain', `line ${line}: ${event.data.domain} answers what ${asked} was asked`);
    }
    if (event.kind === 'run-started') {
      if (this.#header) this.#tell('second', `line ${line}: a second run begins`);
      this.#header = true;
    } else if (this.#finished && !mayFollow.has(event.kind)) {
      this.#tell('after', `line ${line}: the recording goes on after the end of the run`);
    }
    if (event.kind === 'run-finished') this.#finished = true;
  }

  /** In words, what shows that these are not the events of one run as they happened. */
  flaws(): readonly string[] {
    const stands = this.#isStanding || (this.#isPowered && this.#first === this.#last);
    const noHeader = this.#header ? [] : ['it has no header'];
    return [...noHeader, ...this.#flaws.values(), ...(stands ? ['its time stands still'] : [])];
  }

  #time(t: number, line: number): void {
    if (this.#first !== undefined && t < this.#last)
      this.#tell('time', `line ${line}: time runs backwards, from ${this.#last} ms to ${t} ms`);
    this.#still = this.#first !== undefined && t === this.#last ? this.#still + 1 : 0;
    this.#isFine ||= !Number.isInteger(t);
    if (this.#still >= (this.#isFine ? mostInMicrosecond : mostInMillisecond)) this.#isStanding = true;
    this.#first ??= t;
    this.#last = t;
  }

  #tell(kind: 'second' | 'after' | 'time' | 'domain', what: string): void {
    if (!this.#flaws.has(kind)) this.#flaws.set(kind, what);
  }
}

/** Events more than the first that have its time; to write one takes microseconds. */
const mostInMicrosecond = 3;
const mostInMillisecond = 200;

/** A writer writes its held-back text when it is closed. */
const mayFollow: ReadonlySet<RecordedEvent['kind']> = new Set(['received', 'sent']);
