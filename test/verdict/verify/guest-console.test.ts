import test from 'ava';
import { emptyPrediction, type Expectation, type Prediction } from '../../../src/model/predict/prediction.ts';
import type { RecordedData } from '../../../src/verdict/recording/event.ts';
import { judge } from './judged.ts';

const expected: Expectation = {
  id: 'step0.linux.1',
  kind: 'line',
  phase: 0,
  source: 'linux',
  domid: 1,
  text: 'scmi_core: SCMI protocol bus registered',
  pattern: '^scmi_core: SCMI protocol bus registered$',
  reason: { rule: 'test', because: 'because the test says so' },
};
const prediction: Prediction = {
  ...emptyPrediction,
  domains: [{ domid: 1, name: 'guest', created: true, agentId: null, scmiNodes: 'none' }],
  expectations: [expected],
};
const command = 'tail -c +1 /var/log/xen/console/guest-guest.log';
const bus = '[    0.496145] scmi_core: SCMI protocol bus registered\r\r\n';
const init = '[    3.1] Run /init as init process\r\n';

const log = (text: string, domain = 'guest'): RecordedData => ({
  kind: 'log',
  data: { domain, command, text },
});

const whole: readonly RecordedData[] = [
  { kind: 'step', data: { index: 0, do: 'create', phase: 'started' } },
  { kind: 'command', data: { domain: 'dom0', command: 'xl create guest.cfg' } },
  { kind: 'step', data: { index: 0, do: 'create', phase: 'finished' } },
];

for (const [what, logs, outcome, why] of [
  ['has the line', [log(bus)], 'met', undefined],
  ['has the line and more', [log(bus + init)], 'met', undefined],
  [
    'ends while the kernel boots',
    [log('[    0.1] x\n')],
    'not-observable',
    /ends before its kernel had started/,
  ],
  ['goes on without the line', [log(init)], 'missed', /not found in the console log/],
  ['is of another guest', [log(bus, 'other')], 'not-observable', /its log was not read/],
  ['nobody kept', [], 'not-observable', /its log was not read/],
] as const) {
  test(`a line of a guest whose console's log ${what} is ${outcome}`, t => {
    const events = [...whole, ...logs, { kind: 'run-finished', data: { outcome: 'completed' } } as const];
    const recording = events.map((event, index) => ({
      t: index,
      source: event.kind === 'log' ? 'ssh' : 'run',
      ...event,
    }));
    const [judgement] = judge({ prediction, recording }).judgements;
    t.is(judgement?.outcome, outcome);
    if (why !== undefined) t.regex(judgement?.why ?? '', why);
  });
}

for (const [what, text, contradicted] of [
  ['an exception', '[    9.5] Internal error: Oops: 0000000096000004 [#1] SMP\r\n', ['kernel-oops']],
  [
    'a panic and its end',
    '[    9.5] Kernel panic - not syncing: x\r\n[    9.6] ---[ end Kernel panic - not syncing: x ]---\r\n',
    ['kernel-panic'],
  ],
  ['a stall', '[   99.5] rcu: INFO: rcu_sched self-detected stall on CPU\r\n', ['kernel-stall']],
  ['a program that prints such a word', 'BUG: in a program\r\n', []],
  ['a predicted line', '[    9.5] WARNING: CPU: 0 PID: 1 at drivers/x.c:1\r\n', []],
] as const) {
  test(`trouble in the log of a guest's console is judged: ${what}`, t => {
    const predicted = {
      ...expected,
      text: 'WARNING',
      pattern: '^WARNING: CPU: 0 PID: 1 at drivers/x\\.c:1$',
    };
    const events = [
      ...whole,
      log(bus + init + text),
      { kind: 'run-finished', data: { outcome: 'completed' } } as const,
    ];
    const recording = events.map((event, index) => ({ t: index, source: 'ssh', ...event }));
    const { judgements } = judge({
      prediction: { ...prediction, expectations: [expected, { ...predicted, optional: 'in this test' }] },
      recording,
    });
    t.deepEqual(
      judgements.flatMap(({ outcome, expectation: { id } }) => (outcome === 'contradicted' ? [id] : [])),
      contradicted.map((name, index) => `unexpected.log.${name}.${index + 1}`),
    );
  });
}
