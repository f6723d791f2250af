/**
 * Which step of its boot a board is stuck in, from what the power switch, the console and the TFTP server saw.
 * Live events and those of a recording give the same answer.
 */
import type { RecordedEvent } from '../recording/event.ts';
import { rpiSteps, xenAfterEeprom } from './boot-rpi-steps.ts';
import { BootSeen, type Sighting } from './boot-seen.ts';
import { anywhere, type BootStep, type BootSubject, type Cause } from './boot-step.ts';
import { fetching, starting, toFirstOutput, toPrompt } from './boot-u-boot-steps.ts';

export type { BootSubject } from './boot-step.ts';

export interface ReachedStep extends Sighting {
  readonly name: string;
  /** `the link is up` */
  readonly title: string;
}

export interface StuckStep extends Cause {
  /** The step that was not reached. */
  readonly name: string;
  readonly title: string;
}

export interface BootDiagnosis {
  /** Steps that were seen, in the order of the boot; a console may leave out steps that must have been. */
  readonly reached: readonly ReachedStep[];
  /** Null: Xen speaks. */
  readonly stuck: StuckStep | null;
  /** Times that the power was switched on; the steps are those of the last. */
  readonly attempts: number;
}

/**
 * The way of a board from power on to Xen.
 *
 * @example
 * const boot = new BootProgress(subject, step => show(step.title));
 * events.forEach((event, index) => boot.take(event, index + 1));
 * const { stuck } = boot.diagnosis();
 */
export class BootProgress {
  readonly #subject: BootSubject;
  readonly #steps: readonly BootStep[];
  readonly #told: (step: ReachedStep) => void;
  readonly #seen = new BootSeen();
  #reached = new Map<string, ReachedStep>();
  #attempts = 0;

  /** @param told called for each step when it is reached, in each attempt anew */
  constructor(subject: BootSubject, told: (step: ReachedStep) => void = () => undefined) {
    this.#subject = subject;
    this.#steps = stepsOf(subject);
    this.#told = told;
  }

  /** The last thing that the power switch did was to fail. */
  get powerFailed(): boolean {
    return this.#seen.powerFailed !== undefined;
  }

  /** Whether a step was reached, or one that comes after it. */
  has(name: string): boolean {
    return this.#steps.findLastIndex(step => this.#reached.has(step.name)) >= this.#indexOf(name);
  }

  /** @param place where the event is: its line in a recording, or its number */
  take(event: RecordedEvent, place: number): void {
    // Lines of Xen and its domains are no part of it.
    if (event.kind === 'received' && this.has('xen')) return;
    this.#seen.take(event, place);
    if (event.kind === 'power' && event.data.action === 'on') {
      this.#attempts += 1;
      this.#reached = new Map();
    }
    if (!changing.has(event.kind)) return;
    for (const step of this.#steps) {
      if (this.#reached.has(step.name)) continue;
      const sighting = step.reached(this.#seen, this.#subject);
      if (sighting === undefined) continue;
      const { name, title } = step;
      const { text, t, place: where } = sighting;
      const reached = { name, title, text, t, place: where };
      this.#reached.set(name, reached);
      this.#told(reached);
    }
  }

  diagnosis(): BootDiagnosis {
    const last = this.#steps.findLastIndex(({ name }) => this.#reached.has(name));
    const next = this.#steps[last + 1];
    return {
      reached: this.#steps.flatMap(({ name }) => this.#reached.get(name) ?? []),
      stuck: next === undefined ? null : this.#stuckAt(next),
      attempts: this.#attempts,
    };
  }

  #stuckAt({ name, title, causes }: BootStep): StuckStep {
    for (const causeOf of [...anywhere, ...causes]) {
      const cause = causeOf(this.#seen, this.#subject);
      if (cause !== undefined) return { name, title, ...cause };
    }
    throw new Error(`no cause for the step ${name}`);
  }

  #indexOf(name: string): number {
    return this.#steps.findIndex(step => step.name === name);
  }
}

/**
 * The diagnosis of a whole recording.
 * @param lineOf line of recording.jsonl of the event at an index
 */
export function diagnoseBoot(
  subject: BootSubject,
  events: readonly RecordedEvent[],
  lineOf: (index: number) => number,
): BootDiagnosis {
  const boot = new BootProgress(subject);
  events.forEach((event, index) => boot.take(event, lineOf(index)));
  return boot.diagnosis();
}

/** A stuck boot in one line: what, what shows it, what to do. */
export function stuckWords({ what, evidence, hint }: StuckStep): string {
  const shown = evidence === undefined ? '' : ` (${evidence.text.trim()})`;
  return `${what}${shown}: ${hint}`;
}

function stepsOf({ eeprom, uBoot }: BootSubject): readonly BootStep[] {
  const first = eeprom === undefined ? toFirstOutput : rpiSteps;
  if (uBoot === undefined) return [...first, xenAfterEeprom];
  return [...first, ...toPrompt, ...(uBoot.files.length === 0 ? [] : fetching), ...starting];
}

/** Kinds of events that can show a step. */
const changing: ReadonlySet<RecordedEvent['kind']> = new Set(['received', 'power', 'tftp']);
