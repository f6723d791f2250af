import test from 'ava';
import { emptyPrediction, type Prediction } from '../../src/model/prediction.ts';
import { verdictOf } from '../../src/verify/judge.ts';
import type { Observations } from '../../src/verify/observation.ts';

const prediction: Prediction = {
  ...emptyPrediction,
  xen: { mediator: 'multi-agent', debug: true },
  mediator: { kind: 'multi-agent', registered: true, errno: 0, node: null, agentId: 1 },
};

const line = (text: string) => ({ line: 1, talker: 'xen', text, phase: 'boot' }) as const;

function saw(text: string, form: Observations['form']): Observations {
  return {
    form,
    board: 'qemu-virt',
    scenario: 'dom0-and-guest',
    lines: [line(text)],
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

const debian = 'Xen version 4.20.4-pre (Debian 4.20.3) (gcc) debug=n Fri Jul 31 21:59:26 UTC 2026';
const later = 'Xen version 4.22-unstable (me) (gcc) debug=y Fri Jul 31 21:59:26 UTC 2026';
const multi = 'scmi: Got agent count 4';

for (const [what, xen, lines, why] of [
  ['the forwarder of 4.20', { mediator: 'single-agent', version: '4.20' }, [debian, ready], undefined],
  ['the mediator for a single agent', { mediator: 'single-agent' }, [later, ready], undefined],
  [
    'the same, and boots 4.20',
    { mediator: 'single-agent' },
    [debian, ready],
    /^this Xen is 4\.20, before the SCI/,
  ],
  [
    '4.20, and boots a later one',
    { mediator: 'single-agent', version: '4.20' },
    [later, ready],
    /^this Xen is 4\.22, with/,
  ],
  [
    'a single agent, and boots several',
    { mediator: 'single-agent' },
    [later, multi],
    /^this Xen has the multi-agent/,
  ],
  ['no mediator, and boots one', { mediator: 'none' }, [debian, ready], /^this Xen has a mediator/],
  ['no mediator', { mediator: 'none' }, [debian], undefined],
  ['several agents', { mediator: 'multi-agent' }, [later, multi], undefined],
  ['several agents, and Xen says nothing', { mediator: 'multi-agent' }, [debian], undefined],
] as const) {
  test(`a run that wants ${what} is ${why === undefined ? 'judged' : 'not'}`, t => {
    const seen = { ...saw('', 'recording'), lines: lines.map(line) };
    const { faults } = verdictOf({ ...prediction, xen: { debug: true, ...xen } }, seen, false);
    if (why === undefined) t.deepEqual(faults, []);
    else t.regex(faults[0]?.what ?? '', why);
  });
}
