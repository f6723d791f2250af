/** The expectation that failed first: the cause of the others, as a rule. */
import type { Judgement, Verdict } from '../verify/verdict.ts';
import { isFailure, type Strictness } from './run-report.ts';

/**
 * The failed expectation whose turn came first. A contradiction has its place in the recording; a missed line has
 * none, and stands where the last line before it in the prediction was seen.
 *
 * @param judgements of one run, in the order of the prediction
 * @returns undefined where none failed
 */
export function firstFailure(
  judgements: readonly Judgement[],
  strictness: Strictness,
): Judgement | undefined {
  let first: { readonly judgement: Judgement; readonly line: number } | undefined;
  let reached = 0;
  for (const judgement of judgements) {
    const { outcome, seen } = judgement;
    if (isFailure(judgement, strictness)) {
      const line = outcome !== 'missed' && seen !== undefined ? seen.line : reached;
      if (first === undefined || line < first.line) first = { judgement, line };
    }
    // The nearest line to a missed one is not where it should have been.
    if (seen !== undefined && outcome !== 'missed') reached = Math.max(reached, seen.line);
  }
  return first?.judgement;
}

/** The cause of a run that did not pass, in a line: the lab's failure, else the first expectation that failed. */
export function firstCause({ faults, judgements }: Verdict, strictness: Strictness): string | undefined {
  const first = firstFailure(judgements, strictness);
  const cause = faults[0]?.what ?? (first && `${first.outcome}: ${first.expectation.text}`);
  return cause?.split('\n', 1)[0];
}
