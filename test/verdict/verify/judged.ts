/** Judges the events of a recording that a test has made. */
import type { Prediction } from '../../../src/model/predict/prediction.ts';
import type { RecordedEvent } from '../../../src/verdict/recording/event.ts';
import { RunJudge } from '../../../src/verdict/verify/judge.ts';
import type { Verdict } from '../../../src/verdict/verify/verdict.ts';

/** @param given `lines`: line of recording.jsonl of each event; absent: they are consecutive from 1 */
export function judge(given: {
  readonly prediction: Prediction;
  readonly recording: readonly RecordedEvent[];
  readonly lines?: readonly number[];
  readonly strict?: boolean;
}): Verdict {
  const judging = new RunJudge(given.prediction);
  for (const [index, event] of given.recording.entries())
    judging.take(event, given.lines?.[index] ?? index + 1);
  return judging.judge(given.strict).verdict;
}
