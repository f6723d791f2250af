import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { Prediction } from '../../../src/model/predict/prediction.ts';
import { predict } from '../../../src/model/predict/predict.ts';
import { loadCase } from '../../../src/scenario/case.ts';
import { judgeConsole } from '../../../src/verdict/verify/judge.ts';
import type { Verdict } from '../../../src/verdict/verify/verdict.ts';

const corpus = new URL('../../../../shared/corpus/', import.meta.url);
const names = existsSync(corpus)
  ? readdirSync(corpus).filter(name => existsSync(new URL(`${name}/case.json`, corpus)))
  : [];
const corpusTest = names.length === 0 ? test.skip : test;

const predictions = new Map<string, Prediction>();
function predictionOf(name: string): Prediction {
  const made = predictions.get(name) ?? predict(loadCase(fileURLToPath(new URL(name, corpus))));
  predictions.set(name, made);
  return made;
}
const logOf = (name: string) => new Uint8Array(readFileSync(new URL(`${name}/console.log`, corpus)));
const judged = (log: string, prediction: string) =>
  judgeConsole({ prediction: predictionOf(prediction), log: logOf(log) });

/** Logs that end otherwise than anything in their case says. */
const ending: Readonly<Record<string, Verdict['outcome']>> = {
  'z-dom0-sysrq-crash': 'failed',
};

corpusTest('corpus: each real log meets the prediction of its own case', t => {
  for (const name of names) {
    const { outcome, judgements } = judged(name, name);
    const bad = judgements.filter(
      judgement => judgement.outcome === 'missed' || judgement.outcome === 'contradicted',
    );
    const expected = name === 'z-dom0-sysrq-crash' ? ['unexpected.kernel-panic.1'] : [];
    t.deepEqual(
      bad.map(({ expectation }) => expectation.id),
      expected,
      name,
    );
    t.is(outcome, ending[name] ?? 'met', name);
  }
});

for (const [log, prediction, id] of [
  ['c-no-dom0-id', 'a-good', 'missed'],
  ['a-good', 'c-no-dom0-id', 'unexpected.xen.1'],
  ['a-good', 'g-dom0-is-mgmt', 'missed'],
  ['g-dom0-is-mgmt', 'a-good', 'unexpected.xen-panic.1'],
  ['h-cells4', 'a-good', 'boot.absent.mediator-error'],
  ['n-dup-id', 'a-good', 'boot.absent.mediator-error'],
  ['a-good', 'p-no-container', 'unexpected.xen.1'],
  ['u-firmware-disabled', 'a-good', 'missed'],
  ['a-good', 'u-firmware-disabled', 'unexpected.linux.1'],
  ['e-domu-unlisted', 'd-domu2', 'unexpected.xen-panic.1'],
  ['l6.1-good', 'l7.2-good', 'missed'],
  ['s-ac-denied', 's-ac-allowed', 'unexpected.xen-panic.1'],
  ['y-xl-inuse', 'y-xl-good', 'contradicted'],
  ['y-xl-fw-reset-denied', 'y-xl-good', 'contradicted'],
] as const) {
  corpusTest(`corpus: the log of ${log} does not pass for ${prediction}`, t => {
    const { outcome, judgements } = judged(log, prediction);
    t.is(outcome, 'failed');
    t.true(
      judgements.some(
        judgement =>
          judgement.outcome === id ||
          (judgement.expectation.id === id && judgement.outcome === 'contradicted'),
      ),
    );
  });
}

/** What Xen is to print, as one text. */
const said = (name: string) =>
  predictionOf(name)
    .expectations.flatMap(({ kind, source, pattern }) =>
      kind === 'line' && source === 'xen' ? [pattern] : [],
    )
    .join('\n');

corpusTest('corpus: no boot passes for one in which Xen has other things to say', t => {
  const boots = names.filter(name => !name.startsWith('y-') && ending[name] === undefined);
  for (const log of boots) {
    for (const other of boots) {
      if (said(log) !== said(other)) t.not(judged(log, other).outcome, 'met', `${log} for ${other}`);
    }
  }
});
