/** Parameters of every command of the command line, and its endings. */
import type { Command } from 'commander';

/** The process around a command, passed in so that tests can run commands in their own process. */
export interface CliProcess {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly stdin: NodeJS.ReadableStream;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C and SIGTERM; a second Ctrl-C ends the process at once. */
  readonly signal: AbortSignal;
}

/** Exit codes of `scmi-hil`. */
export const exitCode = {
  /** All expectations met. */
  met: 0,
  /** At least one expectation missed or contradicted. */
  failed: 1,
  /** The command, a file or the configuration is wrong. */
  usage: 2,
  /** The lab failed: nothing was learned about the software under test. */
  infrastructure: 3,
  /** In place of the two above, with `--bisect`. */
  skip: 125,
  interrupted: 130,
} as const;

/** Adds one command to the program; `done` takes the exit code when its action is over. */
export type AddCommand = (program: Command, process: CliProcess, done: (code: number) => void) => void;

/** A mistake of the user: printed as one line with what to do, without a stack trace. Exit code 2. */
export class UsageError extends Error {
  /** Hint for the user. */
  readonly hint?: string;

  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UsageError';
    if (hint !== undefined) this.hint = hint;
  }
}
