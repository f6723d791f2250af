/** Outcome of each expectation of a run. */
import type { Expectation } from '../../model/predict/prediction.ts';

/**
 * - `met`, `missed`: as expected, or not seen though it could have been.
 * - `contradicted`: something was seen that the model forbids.
 * - `broken-as-predicted`: a claim of the series that the model predicted to break here, and that did.
 * - `not-observable`: nothing in the recording could have shown it (`why`).
 * - `not-run`: the run ended, as it had to or not, before its turn (`why`).
 * - `infrastructure`: the lab failed before its turn.
 */
export type Outcome =
  | 'met'
  | 'missed'
  | 'contradicted'
  | 'broken-as-predicted'
  | 'not-observable'
  | 'not-run'
  | 'infrastructure';

export interface Judgement {
  readonly expectation: Expectation;
  readonly outcome: Outcome;
  /** In words, where the outcome does not speak for itself. */
  readonly why?: string;
  /** Evidence: the line or answer that met or contradicted it, or the nearest one to a missed line. */
  readonly seen?: Evidence;
}

export interface Evidence {
  readonly text: string;
  /** Line of recording.jsonl (counted from 1), or line of the console log. */
  readonly line: number;
  /** Milliseconds since the run began; absent for a bare log. */
  readonly t?: number;
}

export interface Verdict {
  readonly schema: 3;
  readonly board: string;
  readonly scenario: string;
  /** `infrastructure` where the lab failed, so that nothing was learned from what was not seen. */
  readonly outcome: 'met' | 'failed' | 'infrastructure' | 'interrupted';
  readonly counts: Readonly<Record<Outcome, number>>;
  readonly judgements: readonly Judgement[];
  /** Problems of the lab that the run got over; absent: none. */
  readonly notes?: readonly string[];
  readonly faults: readonly { readonly class: string; readonly what: string; readonly hint?: string }[];
}
