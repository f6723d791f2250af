/** Whether the events of a recording are those of one run, in the order and the time in which they happened. */
import type { RecordedEvent } from '../recording/event.ts';

type Kind = 'begin' | 'second' | 'after' | 'time' | 'twice' | 'command' | 'step' | 'power';

const isOfToday: ReadonlySet<Kind> = new Set(['begin', 'twice', 'command', 'step', 'power']);

/** Watches the events of a recording go by. */
export class OneRun {
  /** The first of each kind. */
  readonly #flaws = new Map<Kind, string>();
  readonly #time = new Time();
  readonly #commands = new Commands();
  readonly #steps = new Steps();
  #before: RecordedEvent | undefined;
  #header = false;
  #finished = false;
  #hasFault = false;
  /** Last command of the power switch. */
  #power: 'on' | 'off' | undefined;

  take(event: RecordedEvent, line: number): void {
    this.#tell('time', line, this.#time.take(event.t));
    this.#tell('begin', line, this.#header || event.kind === 'run-started' ? undefined : 'no run has begun');
    this.#tell('twice', line, this.#twice(event));
    this.#tell('command', line, this.#commands.take(event));
    this.#tell('step', line, this.#steps.take(event));
    if (event.kind === 'power') this.#tell('power', line, this.#powered(event.data));
    if (event.kind === 'fault') this.#hasFault = true;
    if (event.kind === 'run-started') {
      if (this.#header) this.#tell('second', line, 'a second run begins');
      this.#header = true;
    } else if (this.#finished && !mayFollow.has(event.kind)) {
      this.#tell('after', line, 'the recording goes on after the end of the run');
    }
    if (event.kind !== 'run-finished') return;
    this.#finished = true;
    const isWhole = event.data.outcome === 'completed' && !this.#hasFault;
    if (isWhole) this.#tell('step', line, this.#steps.end());
  }

  /** In words, what shows that these are not the events of one run as they happened. */
  flaws(): readonly string[] {
    const flaws = [...this.#flaws].flatMap(([kind, what]) => {
      // Recordings in whole milliseconds are older than what these are held to.
      if (!this.#time.isFine && isOfToday.has(kind)) return [];
      return kind === 'begin' && !this.#header ? [] : [what];
    });
    const stands = this.#time.stands(this.#power !== undefined);
    return [...(this.#header ? [] : ['it has no header']), ...flaws, ...stands];
  }

  /** In microseconds no two events are the same in all. */
  #twice(event: RecordedEvent): string | undefined {
    const before = this.#before;
    this.#before = event;
    return before !== undefined &&
      before.t === event.t &&
      before.kind === event.kind &&
      JSON.stringify(before) === JSON.stringify(event)
      ? 'the same event as the one before'
      : undefined;
  }

  /** A switch is only asked for what it was told last. */
  #powered({ action, detail }: Extract<RecordedEvent, { kind: 'power' }>['data']): string | undefined {
    if (action === 'on' || action === 'off') this.#power = action;
    const isState = action === 'confirmed' && (detail === 'on' || detail === 'off');
    return isState && this.#power !== undefined && detail !== this.#power
      ? `the switch says "${detail}", and was last told "${this.#power}"`
      : undefined;
  }

  #tell(kind: Kind, line: number, what: string | undefined): void {
    if (what !== undefined && !this.#flaws.has(kind)) this.#flaws.set(kind, `line ${line}: ${what}`);
  }
}

/** Commands and answers: one answer for each command, by the domain that was asked. */
class Commands {
  /** The last command that each domain was given; answered: undefined. */
  readonly #open = new Map<string, string | undefined>();
  /** By command: the domain that it was last given to. */
  readonly #asked = new Map<string, string>();
  /** The domain that answered before there was a command: older recordings have none. */
  #early: string | undefined;

  take(event: RecordedEvent): string | undefined {
    // A guest that was told to reboot answers no more, and is asked again in a later step.
    if (event.kind === 'step' || event.kind === 'fault') this.#open.clear();
    if (event.kind === 'command') {
      const { domain, command } = event.data;
      const isOpen = this.#open.get(domain) === command;
      this.#open.set(domain, command);
      this.#asked.set(command, domain);
      const early = this.#early;
      this.#early = undefined;
      if (early !== undefined) return `${early} gave an answer before anything was asked`;
      return isOpen ? `${domain} is asked \`${command}\` again before it has answered` : undefined;
    }
    if (event.kind !== 'answer') return undefined;
    const { domain, command } = event.data;
    if (this.#asked.size === 0) {
      this.#early ??= domain;
      return undefined;
    }
    const [asked, open] = [this.#asked.get(command), this.#open.get(domain)];
    this.#open.set(domain, undefined);
    if (asked !== undefined && asked !== domain) return `${domain} answers what ${asked} was asked`;
    return open === command ? undefined : `${domain} answers \`${command}\`, which it was not asked`;
  }
}

/** Steps: one after the other, each begun and ended. */
class Steps {
  #next = 0;
  #open: number | undefined;

  take(event: RecordedEvent): string | undefined {
    if (event.kind !== 'step') return undefined;
    const { index, phase } = event.data;
    const open = this.#open;
    if (phase === 'finished') {
      this.#open = undefined;
      this.#next = index + 1;
      return open === index ? undefined : `step ${index + 1} ends without having begun`;
    }
    const next = this.#next;
    this.#open = index;
    if (open !== undefined) return `step ${index + 1} begins before step ${open + 1} has ended`;
    return index === next ? undefined : `step ${index + 1} begins where step ${next + 1} is due`;
  }

  end(): string | undefined {
    return this.#open === undefined ? undefined : `the run ends before step ${this.#open + 1} has ended`;
  }
}

class Time {
  #first: number | undefined;
  #last = 0;
  /** Times have parts of a millisecond: writers of today give microseconds. */
  isFine = false;
  /** Events in a row with the same time. */
  #still = 0;
  #isStanding = false;

  take(t: number): string | undefined {
    const [first, last] = [this.#first, this.#last];
    this.#still = first !== undefined && t === last ? this.#still + 1 : 0;
    this.isFine ||= !Number.isInteger(t);
    if (this.#still >= (this.isFine ? mostInMicrosecond : mostInMillisecond)) this.#isStanding = true;
    this.#first ??= t;
    this.#last = t;
    if (!(t >= 0)) return `time is ${t} ms`;
    return first !== undefined && t < last ? `time runs backwards, from ${last} ms to ${t} ms` : undefined;
  }

  /** @param isPowered the board was switched, which takes time */
  stands(isPowered: boolean): readonly string[] {
    return this.#isStanding || (isPowered && this.#first === this.#last) ? ['its time stands still'] : [];
  }
}

/** Events more than the first that have its time; to write one takes microseconds. */
const mostInMicrosecond = 3;
const mostInMillisecond = 200;

/** A writer writes its held-back text when it is closed. */
const mayFollow: ReadonlySet<RecordedEvent['kind']> = new Set(['received', 'sent']);
