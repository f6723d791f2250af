/** `-q`, `-v` and `-vv`: how much a command tells of a run. */
import type { Command } from 'commander';
import type { Detail } from '../verdict/report/terminal.ts';

export interface DetailOption {
  /** How often `-v` was given. */
  readonly verbose: number;
}

/** Adds `-v, --verbose`, which may be given twice. */
export function addDetailOption(command: Command): Command {
  return command.option(
    '-v, --verbose',
    'every expectation; twice (-vv): with its reason, its evidence, and all events',
    (_, before: number) => before + 1,
    0,
  );
}

/** The detail of a verdict with this many `-v`. */
export function detailOf({ verbose }: DetailOption): Detail {
  if (verbose === 0) return 'failures';
  return verbose === 1 ? 'expectations' : 'reasons';
}
