import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type { Prediction } from '../../../src/model/predict/prediction.ts';
import { predict } from '../../../src/model/predict/predict.ts';
import { loadCase } from '../../../src/scenario/case.ts';
import { judgeConsole } from '../../../src/verdict/verify/judge.ts';
import type { Verdict } from '../../../src/verdict/verify/verdict.ts';
import { caseDirectories } from '../../corpus/cases.ts';

const directories = new Map(caseDirectories().map(({ name, directory }) => [name, directory]));
const names = [...directories.keys()];
const directoryOf = (name: string) => directories.get(name) ?? name;
const corpusTest = names.length === 0 ? test.skip : test;

const predictions = new Map<string, Prediction>();
function predictionOf(name: string): Prediction {
  const made = predictions.get(name) ?? predict(loadCase(directoryOf(name)));
  predictions.set(name, made);
  return made;
}
const logOf = (name: string) => new Uint8Array(readFileSync(path.join(directoryOf(name), 'console.log')));
const judged = (log: string, prediction: string) =>
  judgeConsole({ prediction: predictionOf(prediction), log: logOf(log) });

/** Logs that end otherwise than anything in their case says. */
const ending: Readonly<Record<string, Verdict['outcome']>> = {
  'z-dom0-sysrq-crash': 'failed',
};

for (const name of names) {
  test(`corpus: the real log of ${name} meets the prediction of its own case`, t => {
    const { outcome, judgements } = judged(name, name);
    const bad = judgements.filter(
      judgement => judgement.outcome === 'missed' || judgement.outcome === 'contradicted',
    );
    const expected = name === 'z-dom0-sysrq-crash' ? ['unexpected.kernel-panic.1'] : [];
    t.deepEqual(
      bad.map(({ expectation }) => expectation.id),
      expected,
    );
    t.is(outcome, ending[name] ?? 'met');
  });
}

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

/** Expected lines of Xen. */
const said = (name: string) =>
  predictionOf(name).expectations.flatMap(({ kind, source, pattern, optional }) =>
    kind === 'line' && source === 'xen' && optional === undefined ? [pattern] : [],
  );

/** The boots in which Xen has other things to say, those first in which they are nearly the same. */
function othersLike(log: string, boots: readonly string[]): readonly string[] {
  const own = new Set(said(log));
  const differing = boots.flatMap(name => {
    const other = new Set(said(name));
    const difference = [...own, ...other].filter(line => !(own.has(line) && other.has(line))).length;
    return difference === 0 ? [] : [{ name, difference }];
  });
  return differing.toSorted((one, other) => one.difference - other.difference).map(({ name }) => name);
}

const boots = names.filter(name => !/^(?:y|xl)-/.test(name) && ending[name] === undefined);
for (const log of boots) {
  test(`corpus: the log of ${log} passes for no boot in which Xen has other things to say`, t => {
    for (const other of othersLike(log, boots).slice(0, 12)) t.not(judged(log, other).outcome, 'met', other);
  });
}
if (names.length === 0)
  test.skip('corpus: real logs meet their own predictions only (no corpus)', t => t.pass());
