/** Whether the Xen that ran could do what the scenario is about: its console tells. */
import type { Prediction } from '../model/prediction.ts';
import type { Observations } from './observation.ts';
import type { Judgement } from './verdict.ts';

/** What the mediator for a single agent says when it is ready (xen/arch/arm/firmware/scmi-smc.c). */
const singleAgent = /^(SCMI: )?Using SCMI with SMC ID: 0x[0-9a-f]+$/;

/** @returns in words why nothing was learned about the multi-agent mediator; undefined where it may have been */
export function otherXen(prediction: Prediction, { form, lines }: Observations): string | undefined {
  // A log that somebody hands in with a configuration is held to it; a board boots what the lab has.
  if (form !== 'recording') return undefined;
  const ready = lines.find(({ talker, text }) => talker === 'xen' && singleAgent.test(text));
  if (ready === undefined || prediction.mediator.kind !== 'multi-agent') return undefined;
  return `this Xen has no multi-agent mediator: it said "${ready.text}"`;
}

/** What such a Xen did or did not says nothing about what was expected of another. */
export function notRun(judgements: readonly Judgement[], why: string): Judgement[] {
  return judgements.map(({ expectation }) => ({ expectation, outcome: 'not-run', why }));
}
