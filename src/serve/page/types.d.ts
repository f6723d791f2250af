/** Messages between the server and its page, for both. */
import type { Outcome } from '../../verdict/verify/verdict.ts';

/** A board of the lab as it is now. */
export interface Board {
  readonly name: string;
  readonly type: string | null;
  readonly title: string | null;
  /** Whether it exists only while a command uses it. */
  readonly virtual: boolean;
  readonly heldBy: {
    readonly user: string;
    readonly host: string;
    readonly pid: number;
    readonly since: string;
    readonly command: string;
  } | null;
  /** Mistake of the lab file that keeps it from being used. */
  readonly error: string | null;
}

export interface Lab {
  readonly lab: string;
  readonly control: boolean;
  readonly scenarios: readonly string[];
  readonly boards: readonly Board[];
}

/** A run that is over, or one without a verdict. */
export interface Run {
  readonly name: string;
  readonly scenario: string;
  readonly board: string;
  readonly started: string;
  readonly outcome?: string;
  /** Its recording grew lately, or its board is held; else its controller was killed. Absent: it is over. */
  readonly running?: boolean;
  readonly milliseconds?: number | null;
  readonly cause?: string | null;
}

export interface Runs {
  readonly directory: string;
  readonly total: number;
  readonly past: readonly Run[];
  readonly open: readonly Run[];
}

/** A command that the page has started. */
export interface Command {
  readonly id: number;
  /** Without the program: `run dom0-and-guest --board rpi5-01`. */
  readonly commandLine: string;
  /** ISO 8601. */
  readonly started: string;
  /** Null while it runs. */
  readonly exitCode: number | null;
  /** The end of what it printed. */
  readonly output: string;
}

/** A state of a chart, with those inside it. */
export interface State {
  readonly name: string;
  /** As recordings have it: `attended.working.booting`. */
  readonly path: string;
  readonly states: readonly State[];
}

export interface Chart {
  readonly name: string;
  readonly title: string;
  readonly states: readonly State[];
}

/** An expectation; `open` while the run may still meet it. */
export interface Row {
  readonly source: string;
  readonly text: string;
  readonly outcome: Outcome | 'open';
  readonly because: string;
  readonly seen?: string | undefined;
}

/** One line of a run's stream. Bytes are base64: a console's output is no text before a terminal has read it. */
export type Message =
  | { readonly kind: 'console'; readonly console: string; readonly base64: string }
  | { readonly kind: 'cut'; readonly console: string; readonly bytes: number }
  | { readonly kind: 'event'; readonly t: number; readonly text: string }
  | { readonly kind: 'state'; readonly machine: string; readonly state: string }
  | {
      readonly kind: 'verdict';
      readonly rows: readonly Row[];
      readonly outcome: string;
      readonly over: boolean;
    }
  | { readonly kind: 'end' };
