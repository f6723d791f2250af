/** Answers of the server: board-states.ts, live-run.ts, started-commands.ts and chart-outline.ts make it. */

export interface Board {
  readonly name: string;
  readonly type: string | null;
  readonly title: string | null;
  readonly virtual: boolean;
  readonly heldBy: {
    readonly user: string;
    readonly host: string;
    readonly pid: number;
    readonly since: string;
    readonly command: string;
  } | null;
  readonly error: string | null;
}

export interface Lab {
  readonly lab: string;
  readonly control: boolean;
  readonly scenarios: readonly string[];
  readonly boards: readonly Board[];
}

export interface Run {
  readonly name: string;
  readonly scenario: string;
  readonly board: string;
  readonly started: string;
  readonly outcome?: string;
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

export interface Command {
  readonly id: number;
  readonly commandLine: string;
  readonly exitCode: number | null;
  readonly output: string;
}

export interface State {
  readonly name: string;
  readonly path: string;
  readonly states: readonly State[];
}

export interface Chart {
  readonly name: string;
  readonly title: string;
  readonly states: readonly State[];
}

export interface Row {
  readonly source: string;
  readonly text: string;
  readonly outcome: string;
  readonly because: string;
  readonly seen?: string;
}

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
