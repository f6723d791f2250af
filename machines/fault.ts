import type { World } from './world.ts';

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
  readonly hint?: string;
}

/** The event that a state waits for, and the class of the fault if it times out. */
export interface Wait {
  readonly for: string;
  readonly class: Fault['class'];
  readonly hint?: string;
  /** Result of the last attempt. */
  readonly refusal?: Error | undefined;
}

/**
 * The fault of a state whose deadline has passed.
 * @param since when the state was entered, in milliseconds since the run began
 */
export function expired(wait: Wait, since: number, world: World): Fault {
  const waited = seconds(world.now() - since);
  const why = wait.refusal === undefined ? '' : ` (${wait.refusal.message})`;
  return withHint(
    {
      class: blamed(wait.refusal, wait.class),
      what: `waited ${waited} for ${wait.for}${why}, since ${seconds(since)} into the run${lastLines(world)}`,
    },
    wait.hint ?? hintOf(wait.refusal),
  );
}

/** The fault of an actor that failed: its own message, and its hint (a DriverError has one). */
export function failure(attempt: string, error: unknown, kind: Fault['class'] = 'infrastructure'): Fault {
  const why = error instanceof Error ? error.message : String(error);
  return withHint({ class: blamed(error, kind), what: `${attempt}: ${why}` }, hintOf(error));
}

/** An actor that failed: what it attempted, and its error. */
export interface Failing {
  readonly attempt: string;
  readonly error: unknown;
  /** Class of the fault; infrastructure unless told. */
  readonly class?: Fault['class'] | undefined;
}

/** A line that the console showed and that ends what was going on. */
export function shown(what: string, line: string, kind: Fault['class'], hint?: string): Fault {
  return withHint({ class: kind, what: `${what}: ${line.trim()}` }, hint);
}

/** An error knows at times that it is the lab's, whatever it broke. */
function blamed(error: unknown, otherwise: Fault['class']): Fault['class'] {
  const isLab = error instanceof Error && 'blames' in error && error.blames === 'lab';
  return isLab && otherwise === 'board' ? 'infrastructure' : otherwise;
}

function hintOf(error: unknown): string | undefined {
  return error instanceof Error && 'hint' in error && typeof error.hint === 'string' ? error.hint : undefined;
}

function withHint(fault: Fault, hint: string | undefined): Fault {
  return hint === undefined ? fault : { ...fault, hint };
}

function lastLines(world: World): string {
  const trouble = world.lineTrouble?.();
  if (trouble !== undefined) return `; ${trouble}`;
  const lines = world.lastLines();
  if (lines.length === 0) return '; the console was silent';
  // Where a fault has room for one line, it is the last one.
  const last = inShort(lines.at(-1) ?? '').trim();
  return `; the console's last line: ${last}${lines.map(line => `\n    ${inShort(line)}`).join('')}`;
}

/** A console that never ends its line is quoted by that line's end. */
function inShort(line: string): string {
  return line.length <= longestQuote ? line : `...${line.slice(-longestQuote)}`;
}

const longestQuote = 200;

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
