/** A recorded run as a report shows it: its consoles by talker, and what happened when. */
import type { ConsoleTalker } from '../console/line.ts';
import { ConsoleReader } from '../console/reader.ts';
import { bytesOf } from '../recording/bytes.ts';
import type { RecordedEvent, RunHeader } from '../recording/event.ts';
import { eventWords } from './event-words.ts';
import type { RunReport } from './run-report.ts';

export interface RecordedRun {
  readonly report: RunReport;
  /** Absent where the recording has none. */
  readonly header: RunHeader | undefined;
  readonly consoles: readonly ReportedConsole[];
  readonly moments: readonly Moment[];
  /** States of the machines, in the order in which they were entered: `run: booting`. */
  readonly states: readonly string[];
}

export interface ReportedConsole {
  readonly name: string;
  readonly lines: readonly ReportedLine[];
  /** Lines that were left out in the middle, where the console was too long. */
  readonly leftOut: number;
}

export interface ReportedLine {
  /** Line of recording.jsonl that completed it: what a verdict names as evidence. */
  readonly event: number;
  /** Milliseconds since the run began. */
  readonly t: number;
  readonly talker: ConsoleTalker;
  readonly domid?: number | undefined;
  readonly text: string;
}

/** Something that happened, for a time line. */
export interface Moment {
  readonly t: number;
  readonly lane: 'power' | 'files' | 'boot' | 'steps' | 'faults';
  readonly text: string;
}

/** Lines of one console that are kept at its beginning, and as many at its end. */
const keptLines = 2000;

/** Reads the events of one recording, in their order, for a report. Its memory does not grow with the recording. */
export class RecordedRunReader {
  readonly #consoles = new Map<string, { readonly reader: ConsoleReader; readonly lines: KeptLines }>();
  readonly #moments: Moment[] = [];
  readonly #states: string[] = [];
  #header: RunHeader | undefined;
  #line = 1;
  #t = 0;

  /** @param line of recording.jsonl, counted from 1 */
  take(event: RecordedEvent, line: number): void {
    this.#line = line;
    this.#t = event.t;
    if (event.kind === 'run-started') this.#header ??= event.data;
    if (event.kind === 'received') {
      this.#console(event.data.console).feed(bytesOf(event.data), event.t);
    } else if (event.kind === 'state') {
      this.#states.push(`${event.data.machine}: ${event.data.state}`);
    } else {
      const lane = laneOf(event);
      const words = lane === undefined ? undefined : eventWords(event);
      if (lane !== undefined && words !== undefined) {
        this.#moments.push({ t: event.t, lane, text: words.text });
      }
    }
  }

  /** The run, all events of which were taken. */
  end(report: RunReport): RecordedRun {
    for (const { reader } of this.#consoles.values()) reader.end(this.#t);
    return {
      report,
      header: this.#header,
      consoles: [...this.#consoles].map(([name, { lines }]) => ({ name, ...lines.kept() })),
      moments: this.#moments,
      states: this.#states,
    };
  }

  #console(name: string): ConsoleReader {
    const known = this.#consoles.get(name);
    if (known !== undefined) return known.reader;
    const lines = new KeptLines();
    const reader = new ConsoleReader(
      { line: ({ t, talker, domid, text }) => lines.add({ event: this.#line, t, talker, domid, text }) },
      { history: 0 },
    );
    this.#consoles.set(name, { reader, lines });
    return reader;
  }
}

/** The first and the last lines of a console. */
class KeptLines {
  readonly #first: ReportedLine[] = [];
  #last: ReportedLine[] = [];
  #leftOut = 0;

  add(line: ReportedLine): void {
    if (this.#first.length < keptLines) {
      this.#first.push(line);
      return;
    }
    this.#last.push(line);
    if (this.#last.length < 2 * keptLines) return;
    this.#leftOut += keptLines;
    this.#last = this.#last.slice(keptLines);
  }

  kept(): Pick<ReportedConsole, 'lines' | 'leftOut'> {
    const surplus = Math.max(0, this.#last.length - keptLines);
    return { lines: [...this.#first, ...this.#last.slice(surplus)], leftOut: this.#leftOut + surplus };
  }
}

function laneOf({ kind }: RecordedEvent): Moment['lane'] | undefined {
  switch (kind) {
    case 'power':
      return 'power';
    case 'tftp':
    case 'file':
      return 'files';
    case 'milestone':
      return 'boot';
    case 'step':
    case 'answer':
      return 'steps';
    case 'fault':
    case 'line':
      return 'faults';
    default:
      return undefined;
  }
}
