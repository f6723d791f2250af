import test from 'ava';
import { emptyPrediction, type Prediction } from '../../src/model/prediction.ts';
import { verdictOf } from '../../src/verify/judge.ts';
import type { Observations } from '../../src/verify/observation.ts';

const prediction: Prediction = {
  ...emptyPrediction,
  mediator: { kind: 'multi-agent', registered: true, errno: 0, node: null, agentId: 1 },
};

function saw(text: string, form: Observations['form']): Observations {
  return {
    form,
    board: 'qemu-virt',
    scenario: 'dom0-and-guest',
    lines: [{ line: 1, talker: 'xen', text, phase: 'boot' }],
    signs: [],
    milestones: [],
    answers: [],
    faults: [],
    gaps: [],
    begun: new Set(['boot']),
    finished: new Set(['boot']),
    notDone: new Map(),
    ended: null,
    endedBy: 'infrastructure',
  } as unknown as Observations;
}

const ready = 'Using SCMI with SMC ID: 0x82000002';

test('a run on a Xen without the multi-agent mediator judges nothing, and quotes how that was found', t => {
  const verdict = verdictOf(prediction, saw(ready, 'recording'), false);
  t.is(verdict.outcome, 'infrastructure');
  t.is(verdict.faults[0]?.what, `this Xen has no multi-agent mediator: it said "${ready}"`);
  t.regex(verdict.faults[0]?.mend ?? '', /--image xen=/);
});

test('a bare console log of such a Xen is held to the prediction', t => {
  t.is(verdictOf(prediction, saw(ready, 'console log'), false).faults.length, 0);
});

test('the same line is what a single-agent prediction waits for', t => {
  const single: Prediction = { ...prediction, mediator: { ...prediction.mediator, kind: 'single-agent' } };
  t.is(verdictOf(single, saw(ready, 'recording'), false).faults.length, 0);
});
