import { writeSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { BoardType } from '../../src/board/board-type.ts';
import { DriverError } from '../../src/lab/drivers/driver-error.ts';
import type { RecordedEvent } from '../../src/verdict/recording/event.ts';
import { readRun } from '../../src/verdict/recording/reader.ts';
import { oldEepromWords } from '../../src/run/deploy/eeprom-limit.ts';
import { runOnBoard, type JudgedRun } from '../../src/run/run.ts';
import { findScenario, loadScenario } from '../../src/scenario/load.ts';
import { openVirtualBoard } from '../../src/lab/virtual/open.ts';
import { quickType } from './scripted-board.ts';

const patient = Object.fromEntries(
  Object.keys(quickType('rpi5').deadlines).map(name => [name, 20_000]),
) as BoardType['deadlines'];

interface Given {
  readonly scenario?: string;
  readonly deadlines?: Partial<BoardType['deadlines']>;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: RecordedEvent) => void;
  readonly write?: (file: number, bytes: Uint8Array) => number;
  readonly mutant?: string;
  readonly faults?: readonly string[];
}

async function run(t: ExecutionContext, boardType: string, given: Given = {}): Promise<JudgedRun> {
  const directory = await mkdtemp(path.join(tmpdir(), 'scmi-hil-run-'));
  t.teardown(() => rm(directory, { recursive: true }));
  // Waits that a test does not look at have time, also on a busy machine.
  const type = quickType(boardType, { ...patient, ...given.deadlines });
  const scenario = loadScenario(findScenario(given.scenario ?? 'dom0-and-guest', '/').file, type);
  await using board = await openVirtualBoard(type, {
    name: 'virtual',
    firmware: scenario.firmware,
  });
  const ran = await runOnBoard({
    board,
    scenario,
    runs: path.join(directory, 'runs'),
    signal: given.signal ?? new AbortController().signal,
    controller: 'test',
    command: 'a test',
    onEvent: given.onEvent,
    write: given.write,
    mutant: given.mutant,
    faults: given.faults,
  });
  t.is(await board.power.state(AbortSignal.timeout(1000)), 'off');
  return ran;
}

for (const boardType of ['rcar-v4h-white-hawk', 'rpi5']) {
  test(`${boardType}: a scenario is predicted, run, recorded and judged, and all its files are there`, async t => {
    const { verdict, outcome, directory, prediction, cpu, images } = await run(t, boardType);
    t.is(outcome, 'completed', JSON.stringify(verdict.faults));
    t.is(verdict.outcome, 'met', JSON.stringify(verdict.judgements.filter(each => each.outcome !== 'met')));
    t.true(verdict.counts.met > 40);
    t.deepEqual((await readdir(directory)).toSorted(), [
      'collected',
      'console-main.log',
      'files.sha256',
      'prediction.json',
      'recording.jsonl',
      'verdict.json',
    ]);
    t.deepEqual(JSON.parse(await readFile(path.join(directory, 'verdict.json'), 'utf8')), verdict);
    t.deepEqual(JSON.parse(await readFile(path.join(directory, 'prediction.json'), 'utf8')), prediction);
    const { events, damaged } = await readRun(directory);
    t.is(damaged.length, 0);
    const [first] = events;
    t.is(first?.kind, 'run-started');
    const recorded = first?.kind === 'run-started' ? first.data.images : {};
    t.deepEqual(recorded, images);
    t.regex(images['xen']?.sha256 ?? '', /^[0-9a-f]{64}$/);
    t.true('kernel' in images && 'ramdisk' in images);
    const last = events.at(-1);
    t.deepEqual(last?.kind === 'run-finished' && last.data, { outcome: 'completed', cpu });
    t.true(cpu.user > 0);
  });

  for (const state of ['attended.working.on.deploying', 'attended.working.on.stepping']) {
    test(`${boardType}: Ctrl-C in ${state} ends in power off, release and a verdict`, async t => {
      const controller = new AbortController();
      const ran = await run(t, boardType, {
        signal: controller.signal,
        onEvent: event => {
          if (event.kind === 'state' && event.data.machine === 'run' && event.data.state.startsWith(state))
            controller.abort();
        },
      });
      t.is(ran.outcome, 'interrupted');
      t.is(ran.verdict.outcome, 'interrupted');
    });
  }
}

/** A disk that is full once something has been written. */
function fullAfter(text: string): (file: number, bytes: Uint8Array) => number {
  let isFull = false;
  return (file, bytes) => {
    if (isFull) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    isFull = Buffer.from(bytes).includes(text);
    return writeSync(file, bytes);
  };
}

test('a disk that fills in the middle ends the run as a failure of the lab, judged by what is on it', async t => {
  const states: string[] = [];
  const { outcome, verdict, directory } = await run(t, 'rcar-v4h-white-hawk', {
    write: fullAfter('"name":"xen-banner"'),
    onEvent: ({ kind, data }) => kind === 'state' && data.machine === 'run' && states.push(data.state),
  });
  t.is(outcome, 'infrastructure');
  t.is(verdict.outcome, 'infrastructure', JSON.stringify(verdict.judgements));
  t.regex(verdict.faults[0]?.what ?? '', /^the recording can no longer be written: .*: no space left/);
  t.regex(verdict.faults[0]?.hint ?? '', /make room/);
  t.false(states.includes('attended.working.on.stepping'));
  const { events } = await readRun(directory);
  t.is(events.filter(({ kind }) => kind === 'run-finished').length, 0);
});

test('the recording names the bug and the faults that a run has on purpose', async t => {
  const given = { mutant: 'keeps-channel', faults: ['torn-lines', 'slow-switch'] };
  const { directory } = await run(t, 'rcar-v4h-white-hawk', { ...given, signal: AbortSignal.abort() });
  const [first] = (await readRun(directory)).events;
  t.like(first, { kind: 'run-started', data: given });
});

test('a run that cannot have a directory does not touch the board', async t => {
  const directory = await mkdtemp(path.join(tmpdir(), 'scmi-hil-run-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const runs = path.join(directory, 'runs');
  await writeFile(runs, 'a file');
  const type = quickType('rcar-v4h-white-hawk');
  const scenario = loadScenario(findScenario('dom0-and-guest', '/').file, type);
  await using board = await openVirtualBoard(type, { name: 'virtual', firmware: scenario.firmware });
  const events: RecordedEvent[] = [];
  await t.throwsAsync(
    runOnBoard({
      board,
      scenario,
      runs,
      signal: new AbortController().signal,
      controller: 'test',
      command: 'a test',
      onEvent: event => events.push(event),
    }),
    { instanceOf: DriverError, message: /^make a directory for the run in .*runs: E/ },
  );
  t.deepEqual(events, []);
});

test('a verdict that cannot be written is told, and is not met', async t => {
  const { outcome, verdict, directory } = await run(t, 'rcar-v4h-white-hawk', {
    write: fullAfter('"kind":"run-finished"'),
  });
  t.is(outcome, 'completed');
  t.is(verdict.outcome, 'infrastructure');
  t.true(verdict.counts.met > 40);
  t.regex(verdict.faults[0]?.what ?? '', /verdict\.json: ENOSPC: no space left/);
  t.is((await readRun(directory)).damaged.length, 0);
});

test('a board that somebody else has is told in the verdict, and not touched', async t => {
  const directory = await mkdtemp(path.join(tmpdir(), 'scmi-hil-run-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const type = quickType('rcar-v4h-white-hawk');
  const scenario = loadScenario(findScenario('dom0-and-guest', '/').file, type);
  await using board = await openVirtualBoard(type, { name: 'virtual', firmware: scenario.firmware });
  const options = {
    // As a board of a lab, which is held by what it shares.
    board: {
      ...board,
      shared: { claims: [`serial port ${directory}`], power: { kind: 'ask' as const } },
    },
    scenario,
    runs: path.join(directory, 'runs'),
    signal: new AbortController().signal,
    controller: 'test',
  };
  let second: Promise<JudgedRun> | undefined;
  const first = await runOnBoard({
    ...options,
    command: 'the first',
    onEvent: ({ kind, data }) => {
      if (kind === 'state' && data.state === 'predicting')
        second = runOnBoard({ ...options, command: 'the second' });
    },
  });
  const verdict = (await second)?.verdict;
  t.is(verdict?.outcome, 'infrastructure');
  t.regex(
    verdict?.faults[0]?.what ?? '',
    /^reserve the board: reserve virtual: .* holds its serial port .* since .*the first/,
  );
  t.is(first.verdict.outcome, 'met');
});

test('a file that an EEPROM from before 2025-09-23 cannot fetch is told before the board is switched on', async t => {
  const { boot } = quickType('rpi5');
  const most = 65_535 * 1468 - 1;
  const words = (bytes: number) => oldEepromWords(boot, new Map([['ramdisk', new Uint8Array(bytes)]]));
  t.deepEqual(await words(most), []);
  t.deepEqual(await words(most + 1), [
    'ramdisk has 96205380 bytes: an EEPROM from before 2025-09-23 stops after 65535 blocks of 1468 bytes',
  ]);
  t.deepEqual(await oldEepromWords(quickType('rcar-v4h-white-hawk').boot, new Map()), []);
});
