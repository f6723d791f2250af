/** World of a run's machines: its deadlines, its time, and its console. */
import type { Deadlines } from '../src/board/board-type.ts';

export interface World {
  /** Milliseconds that each part of a run has. */
  readonly deadlines: Deadlines;
  /** Milliseconds since the run began. */
  now(): number;
  /** When the console was heard last, in milliseconds since the run began; undefined: never. */
  readonly heard?: () => number | undefined;
  /** The last lines of the console, oldest first. */
  lastLines(): readonly string[];
  /** Result of the last attempt to log in to a domain; undefined if none has failed. */
  readonly refusal?: (domain: string) => Error | undefined;
  /** Why a boot stands still, by all that was seen of it, and what to do; undefined where that is not known. */
  readonly bootHint?: () => string | undefined;
  /** Fault of the serial line itself, in words; undefined if none is seen. */
  readonly lineTrouble?: () => string | undefined;
  /** Records a problem that does not end the run. */
  readonly note?: (text: string) => void;
}
