/** After a changing step that was not done, the board's state is not the predicted one. */
import { type Observations, orderOf } from './observation.ts';
import type { Judgement } from './verdict.ts';

/** Steps after which the board is another, for the prediction. */
const changes: ReadonlySet<string> = new Set([
  'guest-powers-off',
  'guest-reboots',
  'guest-crashes',
  'assign-device',
]);

/**
 * Whether what comes afterwards may be otherwise than predicted.
 * @param detail why the step was not done; of a guest that is not there it has changed nothing, and an SCMI message
 *   that only asks is none that was "not done"
 */
export function isMissed(what: string, detail: string): boolean {
  if (what === 'scmi') return detail.startsWith('not done: ');
  return changes.has(what) && !detail.endsWith('does not run');
}

/** Judgements in which what is not as predicted is blamed on the first such step, where there was one. */
export function afterPassedOver(
  judgements: readonly Judgement[],
  { passedOver }: Observations,
): readonly Judgement[] {
  if (passedOver === undefined) return judgements;
  const since = orderOf(passedOver.phase);
  return judgements.map(judgement => {
    const { expectation, outcome } = judgement;
    if (outcome !== 'missed' && outcome !== 'contradicted') return judgement;
    if (orderOf(expectation.phase) <= since) return judgement;
    return { ...judgement, outcome: 'not-observable', why: passedOver.why };
  });
}
