/** A run's recording as observations. */
import { ConsoleReader } from '../console/reader.ts';
import type { Phase } from '../model/prediction.ts';
import { bytesOf } from '../recording/bytes.ts';
import type { RecordedEvent } from '../recording/event.ts';
import type {
  Observations,
  Place,
  SeenAnswer,
  SeenFault,
  SeenLine,
  SeenMilestone,
  SeenSign,
} from './observation.ts';
import { WithoutRepeats } from './repeats.ts';

/** @param lineOf line of recording.jsonl of the event at an index */
export function fromRecording(
  events: readonly RecordedEvent[],
  lineOf: (index: number) => number,
): Observations {
  const seen = new RunSeen();
  events.forEach((event, index) => seen.take(event, { line: lineOf(index), t: event.t }));
  return seen.observations();
}

class RunSeen {
  readonly #consoles = new Map<string, ConsoleReader>();
  readonly #lines: SeenLine[] = [];
  readonly #signs: SeenSign[] = [];
  readonly #milestones: SeenMilestone[] = [];
  readonly #answers: SeenAnswer[] = [];
  readonly #faults: SeenFault[] = [];
  readonly #begun = new Set<Phase>(['boot']);
  readonly #finished = new Set<Phase>();
  /** What was said of a step at its end. */
  readonly #details = new Map<Phase, string>();
  /** Steps in which something was asked. */
  readonly #asked = new Set<Phase>();
  readonly #repeats = new WithoutRepeats();
  #phase: Phase = 'boot';
  #place: Place = { line: 1 };
  #board = '';
  #scenario = '';
  #outcome: string | undefined;
  #startedAgain = false;

  take(event: RecordedEvent, place: Place): void {
    this.#place = place;
    const here = { ...place, phase: this.#phase };
    switch (event.kind) {
      case 'run-started':
        this.#board = event.data.board;
        this.#scenario = event.data.scenario;
        break;
      case 'received':
        this.#console(event.data.console).feed(bytesOf(event.data), event.t);
        break;
      case 'power':
        if (event.data.action === 'on') for (const reader of this.#consoles.values()) reader.powerOn(event.t);
        break;
      case 'milestone':
        this.#milestone(event.data, here);
        break;
      case 'step':
        this.#step(event.data.index, event.data.phase, event.data.detail);
        break;
      case 'answer':
        this.#answer(event.data, here);
        break;
      case 'command':
        this.#asked.add(this.#phase);
        break;
      case 'fault':
        this.#faults.push({ ...event.data, ...here });
        // A step that a fault ended tells so first; it did not come to its own end.
        if (event.data.class !== 'board' && this.#details.get(this.#phase) === event.data.what) {
          this.#finished.delete(this.#phase);
        }
        break;
      case 'run-finished':
        this.#outcome = event.data.outcome;
        break;
    }
  }

  observations(): Observations {
    for (const reader of this.#consoles.values()) reader.end(this.#place.t ?? 0);
    const ended = this.#ended();
    if (ended === null) this.#finished.add(this.#phase);
    return {
      form: 'recording',
      board: this.#board,
      scenario: this.#scenario,
      lines: this.#lines,
      signs: this.#signs,
      milestones: this.#milestones,
      answers: this.#answers,
      faults: this.#faults,
      begun: this.#begun,
      finished: this.#finished,
      notDone: this.#notDone(),
      ended,
      endedBy: this.#outcome === 'infrastructure' ? 'infrastructure' : 'interrupted',
    };
  }

  #console(name: string): ConsoleReader {
    const known = this.#consoles.get(name);
    if (known !== undefined) return known;
    const reader = new ConsoleReader(
      {
        line: ({ talker, domid, text, stamp, unterminated }) => {
          if (this.#startedAgain || this.#repeats.has(name, domid, stamp, text)) return;
          this.#lines.push({
            ...this.#place,
            talker,
            ...(domid !== undefined && { domid }),
            text,
            phase: this.#phase,
            ...(unterminated && { unterminated }),
          });
        },
        sign: sign => {
          if (this.#startedAgain) return;
          this.#startedAgain = sign.kind === 'reset';
          this.#signs.push({ ...this.#place, sign, phase: this.#phase });
        },
      },
      { history: 0 },
    );
    this.#consoles.set(name, reader);
    return reader;
  }

  #milestone(
    data: Extract<RecordedEvent, { kind: 'milestone' }>['data'],
    here: Place & { phase: Phase },
  ): void {
    const { name, domain, line } = data;
    this.#milestones.push({ ...here, name, text: line ?? name, ...(domain !== undefined && { domain }) });
    if (name === 'dom0-login' && ofDom0(domain)) this.#finished.add('boot');
  }

  #step(index: number, phase: 'started' | 'finished', detail: string | undefined): void {
    if (phase === 'finished') {
      this.#finished.add(index);
      if (detail !== undefined) this.#details.set(index, detail);
      return;
    }
    // A later step is only begun when the one before is over.
    this.#finished.add(this.#phase);
    this.#phase = index;
    this.#begun.add(index);
  }

  #answer(data: Extract<RecordedEvent, { kind: 'answer' }>['data'], here: Place & { phase: Phase }): void {
    this.#asked.add(here.phase);
    this.#answers.push({ ...here, ...data });
    if (/^\s*(?:sudo )?xl\b/.test(data.command)) {
      for (const text of linesOf(`${data.stdout}\n${data.stderr}`)) {
        this.#lines.push({ ...here, talker: 'xl', text });
      }
    }
  }

  /** A step that ended with a word but asked nothing, and that no fault ended, was passed over. */
  #notDone(): ReadonlyMap<Phase, string> {
    const faults = new Set(this.#faults.map(({ what }) => what));
    return new Map(
      [...this.#details].filter(([phase, detail]) => !this.#asked.has(phase) && !faults.has(detail)),
    );
  }

  #ended(): string | null {
    const fault = this.#faults.at(0);
    if (fault !== undefined) return fault.what;
    if (this.#outcome === undefined) return 'the recording has no end: the controller was killed';
    return this.#outcome === 'completed' ? null : `the run ended as ${this.#outcome}`;
  }
}

/** Domains of milestones are numbers where the console shows them, names where a machine does. */
function ofDom0(domain: string | undefined): boolean {
  return domain === undefined || domain === '0' || /^dom(?:ain-)?0$/i.test(domain);
}

function linesOf(text: string): string[] {
  return text.split(/\r*\n/).filter(line => line !== '');
}
