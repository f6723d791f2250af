import test from 'ava';
import { emptyPrediction, type Expectation, type Prediction } from '../../../src/model/predict/prediction.ts';
import type { RecordedData } from '../../../src/verdict/recording/event.ts';
import { judge } from './judged.ts';

const expected: Expectation = {
  id: 'statement.1',
  kind: 'answer',
  phase: 0,
  source: 'linux',
  domid: 0,
  text: 'a word is printed',
  pattern: 'word',
  command: 'cat file',
  reason: { rule: 'test', because: 'the test says so' },
  claim: { ids: [], broken: null },
};
const prediction: Prediction = {
  ...emptyPrediction,
  domains: [
    { domid: 0, name: 'dom0', created: true, agentId: null, scmiNodes: 'none' },
    { domid: 1, name: 'guest', created: true, agentId: null, scmiNodes: 'none' },
  ],
  expectations: [expected],
};

function judgedWith(stdout: string, domain = 'dom0') {
  const answer: RecordedData = {
    kind: 'answer',
    data: { domain, command: 'cat file', status: 0, stdout, stderr: '' },
  };
  const events: readonly RecordedData[] = [
    { kind: 'step', data: { index: 0, do: 'command', phase: 'started' } },
    answer,
    { kind: 'step', data: { index: 0, do: 'command', phase: 'finished' } },
    { kind: 'run-finished', data: { outcome: 'completed' } },
  ];
  const recording = events.map((event, index) => ({ t: index, source: 'ssh', ...event }));
  return judge({ prediction, recording }).judgements[0];
}

for (const [what, stdout, why] of [
  ['two lines', 'one\r\ntwo\n', 'output mismatch: expected /word/, got "one", "two"'],
  ['nothing', '\n', 'output mismatch: expected /word/, got no output'],
  ['much', `${'a'.repeat(300)}\n`, `output mismatch: expected /word/, got "${'a'.repeat(199)}...`],
] as const) {
  test(`an output of ${what} that does not match is shown beside the pattern`, t => {
    const judgement = judgedWith(stdout);
    t.is(judgement?.outcome, 'contradicted');
    t.is(judgement?.why, why);
  });
}

test('the answer of another domain does not meet a statement', t => {
  t.is(judgedWith('a word\n')?.outcome, 'met');
  t.is(judgedWith('a word\n', 'guest')?.outcome, 'missed');
});
