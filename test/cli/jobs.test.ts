import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { projectDirectory } from '../../src/config/project-directory.ts';
import { allHolders } from '../../src/lab/reservation.ts';
import { readRun } from '../../src/verdict/recording/reader.ts';
import type { RunReport } from '../../src/verdict/report/run-report.ts';
import { scmiHil } from './fake-process.ts';

function directoryOf(t: ExecutionContext): string {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-jobs-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Scenarios without Xen: their runs are the shortest. */
const short = [
  'firmware-alone-denies',
  'firmware-alone-base-protocol',
  'firmware-alone-without-messages',
  'firmware-alone-wrong-length',
];

/** Parts of a report that two runs of one scenario share. */
function lasting(text: string) {
  const { outcome, runs, leftOut } = JSON.parse(text) as {
    outcome: string;
    runs: RunReport[];
    leftOut: unknown[];
  };
  return {
    outcome,
    leftOut,
    runs: runs.map(({ title, claims, verdict, images }) => ({
      title,
      claims,
      images,
      board: verdict.board,
      scenario: verdict.scenario,
      counts: verdict.counts,
      judgements: verdict.judgements.map(each => [each.expectation.id, each.outcome, each.seen?.text]),
      faults: verdict.faults,
    })),
  };
}

test.serial('two at once: reports as one after the other makes them, each output in one piece', async t => {
  const cwd = directoryOf(t);
  const words = ['run', ...short, '--board', 'virtual-qemu', '-vv', '--json', '--report', 'json=report.json'];
  const alone = await scmiHil([...words, '--runs', 'alone', '--jobs', '1'], { cwd });
  t.is(alone.code, 0, alone.err);
  const alike = lasting(alone.out);
  t.deepEqual(lasting(readFileSync(path.join(cwd, 'report.json'), 'utf8')), alike);
  const both = await scmiHil([...words, '--runs', 'both', '--jobs', '2'], { cwd });
  t.is(both.code, 0, both.err);
  t.deepEqual(lasting(both.out), alike);
  t.deepEqual(lasting(readFileSync(path.join(cwd, 'report.json'), 'utf8')), alike);

  t.is(readdirSync(path.join(cwd, 'both')).length, short.length);
  for (const run of readdirSync(path.join(cwd, 'both'))) {
    const { events, damaged } = await readRun(path.join(cwd, 'both', run));
    t.deepEqual(damaged, []);
    t.is(events.filter(({ kind }) => kind === 'run-started').length, 1);
    t.is(events.at(-1)?.kind, 'run-finished');
    t.true(existsSync(path.join(cwd, 'both', run, 'verdict.json')));
  }
  // The lines of a run stand together.
  const told = [...both.err.matchAll(/ {2}run of (\S+)|^(\S+) on virtual-qemu: met/gm)];
  t.deepEqual(
    told.map(([, begun, judged]) => begun ?? judged),
    told.filter(([, begun]) => begun !== undefined).flatMap(([, begun]) => [begun, begun]),
  );
  t.is(told.length, 2 * short.length);
});

test.serial('exit codes are those of the worst run, wherever it ran', async t => {
  const cwd = directoryOf(t);
  const scenarios = ['dom0-and-guest', 'firmware-alone-denies'];
  const words = ['run', ...scenarios, '--board', 'virtual-qemu', '--jobs', '2'];
  const failed = await scmiHil([...words, '--mutant', 'keeps-channel'], { cwd });
  t.is(failed.code, 1, failed.out + failed.err);
  t.regex(failed.out, /2 runs: 1 met, 1 FAILED/);
  const infrastructure = await scmiHil([...words, '--fault', 'switch-refuses'], { cwd });
  t.is(infrastructure.code, 3, infrastructure.out + infrastructure.err);
  t.regex(infrastructure.out, /2 runs: 2 INFRASTRUCTURE/);
  const wrong = await scmiHil([...words, '--jobs', 'many'], { cwd });
  t.is(wrong.code, 2);
  t.regex(wrong.err, /--jobs many: a number from 1 on is expected/);
});

test.serial('a scenario that is wrong stops all of them before a board is touched', async t => {
  const cwd = directoryOf(t);
  writeFileSync(path.join(cwd, 'wrong.yaml'), waiting('wrong').replace('wait: 60m', 'wait: 60m, in: dom9'));
  const words = ['run', ...short, 'wrong.yaml', '--board', 'virtual-qemu'];
  const alone = await scmiHil([...words, '--jobs', '1'], { cwd });
  const both = await scmiHil([...words, '--jobs', '2'], { cwd });
  t.is(both.code, 2);
  t.regex(both.err, /wrong\.yaml:\d+/);
  t.deepEqual(both, alone);
  t.false(existsSync(path.join(cwd, 'runs')));
});

/** A scenario whose run goes on until it is ended. */
function waiting(name: string): string {
  return `schema: 1
name: ${name}
title: it waits
claims: []
boards: [qemu-virt]
payload: probe
steps: [ { wait: 60m } ]
`;
}

interface Command {
  readonly child: ChildProcess;
  readonly cwd: string;
  readonly out: () => string;
  /** The exit code, when all its output has come. */
  readonly ended: Promise<number>;
}

/** Two scenarios that wait, run by two workers, and a short one after them. */
async function waitingRuns(t: ExecutionContext): Promise<Command> {
  const cwd = directoryOf(t);
  for (const name of ['one', 'other']) writeFileSync(path.join(cwd, `${name}.yaml`), waiting(name));
  const program = path.join(projectDirectory, 'bin/scmi-hil.js');
  const words = ['run', 'one.yaml', 'other.yaml', 'firmware-alone-denies', '--board', 'virtual-qemu'];
  const child = spawn(process.execPath, [program, ...words, '--jobs', '2', '--report', 'json=report.json'], {
    cwd,
    env: { ...process.env, HOME: cwd },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  let out = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (out += String(chunk)));
  const ended = once(child, 'close').then(([code]) => code as number);
  let isOver = false;
  void ended.then(() => (isOver = true));
  while (waitingIn(cwd) < 2) {
    if (isOver) throw new Error(`it ended before both waited: ${out}`);
    await delay(50);
  }
  return { child, cwd, out: () => out, ended };
}

/** Runs that have come to their step. */
function waitingIn(cwd: string): number {
  const runs = path.join(cwd, 'runs');
  if (!existsSync(runs)) return 0;
  return readdirSync(runs).filter(run => {
    const file = path.join(runs, run, 'recording.jsonl');
    return existsSync(file) && /"do":"wait","phase":"started"/.test(readFileSync(file, 'utf8'));
  }).length;
}

/** Workers of a command, by their command lines. */
function workersOf({ child }: Command): number[] {
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
    .split(' ')
    .filter(Boolean);
  return children
    .map(Number)
    .filter(pid => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('worker-program'));
}

async function gone(pids: readonly number[]): Promise<void> {
  while (pids.some(pid => existsSync(`/proc/${pid}/fd`))) await delay(20);
}

async function outcomes(cwd: string): Promise<Readonly<Record<string, string | undefined>>> {
  const found: Record<string, string | undefined> = {};
  for (const run of readdirSync(path.join(cwd, 'runs'))) {
    const { events } = await readRun(path.join(cwd, 'runs', run));
    const [end] = events.flatMap(event => (event.kind === 'run-finished' ? [event.data.outcome] : []));
    found[run.replace(/.*virtual-qemu-/, '')] = end;
  }
  return found;
}

test.serial('killed workers: their runs are infrastructure errors, and the others run', async t => {
  const command = await waitingRuns(t);
  const workers = workersOf(command);
  t.is(workers.length, 2);
  for (const pid of workers) process.kill(pid, 'SIGKILL');
  t.is(await command.ended, 3, command.out());
  t.regex(command.out(), /one on virtual-qemu: INFRASTRUCTURE/);
  t.regex(command.out(), /its worker, process \d+, was killed by SIGKILL/);
  t.regex(command.out(), /3 runs: 1 met, 2 INFRASTRUCTURE/);
  t.deepEqual(await outcomes(command.cwd), {
    one: 'infrastructure',
    other: 'infrastructure',
    'firmware-alone-denies': 'completed',
  });
  const { runs } = JSON.parse(readFileSync(path.join(command.cwd, 'report.json'), 'utf8'));
  t.deepEqual(
    runs.map((run: { outcome: string; verdict: { scenario: string } }) => [
      run.verdict.scenario,
      run.outcome,
    ]),
    [
      ['firmware-alone-denies', 'met'],
      ['one', 'infrastructure'],
      ['other', 'infrastructure'],
    ],
  );
  for (const run of readdirSync(path.join(command.cwd, 'runs')))
    t.true(existsSync(path.join(command.cwd, 'runs', run, 'verdict.json')));
});

test.serial('Ctrl-C ends all runs, and nothing is left', async t => {
  const command = await waitingRuns(t);
  const workers = workersOf(command);
  command.child.kill('SIGINT');
  t.is(await command.ended, 130, command.out());
  t.regex(
    command.out(),
    /one on virtual-qemu: interrupted[^]*other on virtual-qemu: interrupted|other on virtual-qemu: interrupted[^]*one on virtual-qemu: interrupted/,
  );
  t.deepEqual(await outcomes(command.cwd), { one: 'interrupted', other: 'interrupted' });
  await gone(workers);
  t.deepEqual(holdersOf(await allHolders(), workers), []);
});

test.serial('where the command is killed, its workers end and its guard closes their recordings', async t => {
  const command = await waitingRuns(t);
  const workers = workersOf(command);
  command.child.kill('SIGKILL');
  await command.ended;
  await gone(workers);
  const both = { one: 'interrupted', other: 'interrupted' };
  // The guard writes when they are gone.
  while (Object.values(await outcomes(command.cwd)).includes(undefined)) await delay(50);
  t.deepEqual(await outcomes(command.cwd), both);
  t.deepEqual(holdersOf(await allHolders(), workers), []);
});

function holdersOf(all: readonly { readonly pid: number }[], pids: readonly number[]): number[] {
  return all.map(({ pid }) => pid).filter(pid => pids.includes(pid));
}
