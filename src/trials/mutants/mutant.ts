import type { Deviations } from '../../model/predict/deviations.ts';

/** A machine with one bug in it that somebody could write. */
export interface Mutant {
  /** The name that `--mutant` takes. */
  readonly name: string;
  /** The part that has the bug. */
  readonly part: MutatedPart;
  /** One sentence: what it does, where the right one does otherwise. */
  readonly words: string;
  readonly deviations: Deviations;
}

export type MutatedPart = 'mediator' | 'xen' | 'toolstack' | 'firmware' | 'linux';
