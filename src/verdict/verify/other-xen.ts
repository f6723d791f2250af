/** Whether the Xen that ran could do what the scenario is about: its console tells. */
import { otherBuild } from '../../model/predict/other-build.ts';
import type { Prediction } from '../../model/predict/prediction.ts';
import type { Observations } from './observation.ts';
import type { Judgement } from './verdict.ts';
import { xenSeen } from './xen-seen.ts';

/** @returns in words why nothing was learned about the Xen that was predicted; undefined where it may have been */
export function otherXen({ xen }: Prediction, seen: Observations): string | undefined {
  // A log that somebody hands in with a configuration is held to it; a board boots what the lab has.
  return seen.form === 'recording' && xen !== undefined ? otherBuild(xen, xenSeen(seen)) : undefined;
}

/** What such a Xen did or did not says nothing about what was expected of another. */
export function notRun(judgements: readonly Judgement[], why: string): Judgement[] {
  return judgements.map(({ expectation }) => ({ expectation, outcome: 'not-run', why }));
}
