import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import type { BoardEntry } from '../../src/lab/load-lab.ts';
import { retriesOf, selectedFiles, shardOf } from '../../src/cli/job-selection.ts';
import { runAll } from '../../src/cli/jobs/side-by-side.ts';
import type { FinishedJob } from '../../src/cli/jobs/job-runner.ts';
import type { Job } from '../../src/cli/run-plan.ts';
import { listScenarios } from '../../src/scenario/load.ts';
import { scmiHil } from './fake-process.ts';
import { sampleRun } from '../verdict/report/sample-report.ts';

const directory = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-selection-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

const all = listScenarios();
const names = (options: Parameters<typeof selectedFiles>[1]) =>
  selectedFiles(all, options).map(({ name }) => name);

test('--match takes names as a shell does, and says what it may have meant', t => {
  t.deepEqual(names({ match: 'dom0-and-guest' }), ['dom0-and-guest']);
  t.true(names({ match: 'agent-id-25?' }).includes('agent-id-254'));
  t.true(names({ match: '*' }).length === all.length);
  t.false(names({ match: 'guest-*' }).some(name => !name.startsWith('guest-')));
  t.throws(() => names({ match: 'dom0-and-gest' }), { message: /--match dom0-and-gest: no scenario/ });
});

test('--claims takes the scenarios that test one of them', t => {
  const testing = names({ claims: 'D4,D8' });
  t.true(testing.includes('dom0-and-guest'));
  t.true(testing.length < all.length);
  t.throws(() => names({ claims: 'D999' }), { message: /--claims D999: no scenario tests it/ });
});

test('the parts of --shard are all runs, none twice', t => {
  const jobs = Array.from({ length: 10 }, (_, index) => jobNamed(`s${index}`));
  const parts = ['1/3', '2/3', '3/3'].map(shard => shardOf(jobs, shard));
  t.deepEqual(
    parts
      .flat()
      .map(({ scenario }) => scenario)
      .toSorted(),
    jobs.map(({ scenario }) => scenario),
  );
  t.deepEqual(
    parts.map(({ length }) => length),
    [4, 3, 3],
  );
  for (const wrong of ['0/3', '4/3', '1', '1/0', 'a/b', '1/3x']) {
    t.throws(() => shardOf(jobs, wrong), { message: /a part of the runs is expected/ }, wrong);
  }
  t.throws(() => shardOf(jobs, '11/20'), { message: /it has no run/ });
});

test('--retry takes a number', t => {
  t.is(retriesOf(undefined), 0);
  t.is(retriesOf('2'), 2);
  t.throws(() => retriesOf('-1'), { message: /--retry -1: a number/ });
});

test('an infrastructure error is run again, and the verdict names the runs before', async t => {
  const outcomes = ['infrastructure', 'infrastructure', 'met', 'failed'] as const;
  let ran = 0;
  const finished: FinishedJob[] = [];
  await runSome(
    2,
    () => outcomes[ran++] ?? 'met',
    done => finished.push(done),
  );
  t.is(ran, 3);
  t.is(finished[0]?.report.verdict.outcome, 'met');
  t.deepEqual(finished[0]?.report.verdict.notes, [
    'run 1 was made again: no power (runs/x)',
    'run 2 was made again: no power (runs/x)',
  ]);
});

test('a failed run is not made again, and no more often than asked', async t => {
  let ran = 0;
  const count = (outcome: 'failed' | 'infrastructure') => () => {
    ran += 1;
    return outcome;
  };
  const finished: FinishedJob[] = [];
  await runSome(5, count('failed'), done => finished.push(done));
  t.is(ran, 1);
  ran = 0;
  await runSome(2, count('infrastructure'), done => finished.push(done));
  t.is(ran, 3);
  t.deepEqual(
    finished.map(({ report }) => report.verdict.outcome),
    ['failed', 'infrastructure'],
  );
});

test('--fail-fast starts nothing after a failure, and says what it left out', async t => {
  const cwd = path.join(directory, 'fail-fast');
  mkdirSync(cwd);
  const argv = ['run', 'dom0-and-guest', 'destroy-and-create-again', '--board', 'virtual-v4h'];
  const { code, out, err } = await scmiHil(
    [...argv, '--mutant', 'keeps-channel', '--fail-fast', '--report', 'json=report.json'],
    { cwd },
  );
  t.is(code, 1, out + err);
  t.regex(
    out,
    /left out on virtual-v4h: destroy-and-create-again: --fail-fast: dom0-and-guest on virtual-v4h has failed/,
  );
  t.like(JSON.parse(readFileSync(path.join(cwd, 'report.json'), 'utf8')), { runs: { length: 1 } });
});

function jobNamed(scenario: string): Job {
  return { board: { name: 'b' } as BoardEntry, scenario, file: `${scenario}.yaml` };
}

/** Runs one job on a runner that ends as it is told. */
async function runSome(
  retries: number,
  outcome: () => 'met' | 'failed' | 'infrastructure',
  finished: (done: FinishedJob) => void,
): Promise<void> {
  const job = jobNamed('s');
  const { report } = sampleRun();
  const faults = [{ class: 'infrastructure', what: 'no power\nmore' }];
  const runner = {
    prepare: () => Promise.reject(new Error('it is prepared')),
    run: () =>
      Promise.resolve({
        xen: {},
        report: { ...report, verdict: { ...report.verdict, faults, outcome: outcome() } },
      }),
  };
  const watch = { event: () => {}, note: () => {}, over: () => {} };
  await runAll([job], [{ runner, queue: [job] }], new Map(), {
    signal: new AbortController().signal,
    show: { watch: () => watch },
    retries,
    isWanted: () => Promise.resolve(true),
    leave: () => Promise.resolve(),
    finished: (_, done) => finished(done),
  });
}
