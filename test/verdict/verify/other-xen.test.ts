import test from 'ava';
import { emptyPrediction, type Prediction } from '../../../src/model/predict/prediction.ts';
import { verdictOf } from '../../../src/verdict/verify/judge.ts';
import type { Observations } from '../../../src/verdict/verify/observation.ts';

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
  t.regex(verdict.faults[0]?.hint ?? '', /--image xen=/);
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
  [
    'several agents, and boots 4.20',
    { mediator: 'multi-agent' },
    [debian],
    /^this Xen is 4\.20, the prediction is for 4\.22/,
  ],
  ['several agents, and Xen says nothing', { mediator: 'multi-agent' }, [later], undefined],
  [
    'several agents of a debug build, and boots a release build',
    { mediator: 'multi-agent' },
    [later.replace('debug=y', 'debug=n'), multi],
    /^this Xen was built with debug=n, the prediction is for debug=y/,
  ],
  [
    'a release build, and boots one',
    { mediator: 'multi-agent', debug: false },
    [later.replace('debug=y', 'debug=n')],
    undefined,
  ],
] as const) {
  test(`a run that wants ${what} is ${why === undefined ? 'judged' : 'not'}`, t => {
    const seen = { ...saw('', 'recording'), lines: lines.map(line) };
    const { faults } = verdictOf({ ...prediction, xen: { debug: true, ...xen } }, seen, false);
    if (why === undefined) t.deepEqual(faults, []);
    else t.regex(faults[0]?.what ?? '', why);
  });
}

const deployedXen = { sha256: 'f'.repeat(64), version: 'Xen 4.20.4-pre', buildId: 'd5b6' };

for (const [what, file, lines, note] of [
  ['the same build', deployedXen, [debian, 'build-id: d5b6'], undefined],
  [
    'another build of the same version',
    deployedXen,
    [debian, 'build-id: 0a1b'],
    'booted another Xen than was deployed: its console says Xen 4.20.4-pre with build-id 0a1b, the file is Xen 4.20.4-pre with build-id d5b6',
  ],
  [
    'another version, where no build-id is told',
    deployedXen,
    [later],
    'booted another Xen than was deployed: its console says Xen 4.22-unstable, the file is Xen 4.20.4-pre with build-id d5b6',
  ],
  [
    'a version of which the file tells the first part',
    { ...deployedXen, version: 'Xen 4.20' },
    [debian],
    undefined,
  ],
  ['nothing of itself', deployedXen, [], undefined],
  ['a version, and the file tells none', { sha256: 'f'.repeat(64) }, [later], undefined],
  [
    'a version, and what was deployed is no Xen',
    { sha256: 'f'.repeat(64), version: 'U-Boot 2023.01' },
    [later],
    undefined,
  ],
] as const) {
  test(`of a Xen that says ${what} the verdict notes ${note === undefined ? 'nothing' : 'that it is another'}`, t => {
    const seen = { ...saw('', 'recording'), lines: lines.map(line), deployed: { xen: file } };
    const { notes = [] } = verdictOf(
      { ...prediction, xen: { mediator: 'multi-agent', debug: true } },
      seen,
      false,
    );
    t.deepEqual(notes, note === undefined ? [] : [note]);
  });
}

test('a run on a Xen without the mediator notes too that it is not the one that was deployed', t => {
  const seen = { ...saw('', 'recording'), lines: [line(debian), line('build-id: 1'), line(ready)] };
  const { outcome, notes } = verdictOf(prediction, { ...seen, deployed: { xen: deployedXen } }, false);
  t.is(outcome, 'infrastructure');
  t.regex(notes?.[0] ?? '', /^booted another Xen than was deployed/);
});
