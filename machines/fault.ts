import type { Witness } from './witness.ts';

/**
 * Why a run did not go as it should.
 *
 * - `infrastructure`: the lab failed, nothing was learned about the software under test.
 * - `board`: the software on the board did it (a panic, a reset, a silent Dom0): the verdict judges that.
 * - `interrupted`: somebody ended the run.
 * - `controller`: a mistake of this program.
 */
export interface Fault {
  readonly class: 'infrastructure' | 'board' | 'interrupted' | 'controller';
  /** One line, then details on lines of their own. */
  readonly what: string;
  readonly mend?: string;
}

/** What a waiting state waits for, and whose fault it is when it does not come. */
export interface Wait {
  readonly for: string;
  readonly class: Fault['class'];
  readonly mend?: string;
}

/**
 * The fault of a state whose deadline has passed.
 * @param since when the state was entered, in milliseconds since the run began
 */
export function expired(wait: Wait, since: number, witness: Witness): Fault {
  const waited = seconds(witness.now() - since);
  return withMend(
    {
      class: wait.class,
      what: `waited ${waited} for ${wait.for}, since ${seconds(since)} into the run${lastLines(witness)}`,
    },
    wait.mend,
  );
}

/** The fault of an actor that failed: its own words, and what to do where it says so (a DriverError does). */
export function failure(attempt: string, error: unknown, kind: Fault['class'] = 'infrastructure'): Fault {
  const why = error instanceof Error ? error.message : String(error);
  const mend =
    error instanceof Error && 'mend' in error && typeof error.mend === 'string' ? error.mend : undefined;
  return withMend({ class: kind, what: `${attempt}: ${why}` }, mend);
}

/** A line that the console showed and that ends what was going on. */
export function shown(what: string, line: string, kind: Fault['class'], mend?: string): Fault {
  return withMend({ class: kind, what: `${what}: ${line.trim()}` }, mend);
}

function withMend(fault: Fault, mend: string | undefined): Fault {
  return mend === undefined ? fault : { ...fault, mend };
}

function lastLines(witness: Witness): string {
  const lines = witness.lastLines();
  if (lines.length === 0) return '; the console was silent';
  return `; the console's last lines:\n${lines.map(line => `    ${line}`).join('\n')}`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
