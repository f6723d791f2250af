import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { holderOfBoard } from '../../src/lab/holder.ts';
import { holderOf, reserve } from '../../src/lab/reservation.ts';
import { readRun } from '../../src/verdict/recording/reader.ts';

const started = { schema: 2, started: '2026-11-21T10:00:00.000Z', board: 'one', scenario: 'x' };
const first = `${JSON.stringify({ t: 0, source: 'run', kind: 'run-started', data: started })}\n`;

interface Controller {
  readonly child: ChildProcess;
  /** Commands that its switch was told. */
  readonly told: () => string[];
  readonly claim: string;
  readonly directory: string;
}

function lab(file: string): string {
  return JSON.stringify(path.resolve('src/lab', file));
}

/** A process that takes a board, says so, and then does what is given. */
async function controller(t: ExecutionContext, then: string, off = 'echo off >> told'): Promise<Controller> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-guard-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  writeFileSync(path.join(directory, 'recording.jsonl'), first);
  const claim = `serial port ${directory}`;
  const code = `
    import { Guard } from ${lab('guard/guard.ts')};
    import { holderOfBoard } from ${lab('holder.ts')};
    const guard = Guard.start();
    const setup = { kind: 'command', on: 'true', off: ${JSON.stringify(off)}, secrets: {} };
    const reservation = await guard.take({
      claims: [${JSON.stringify(claim)}],
      holder: holderOfBoard('one', 'a test'),
      power: { setup, deadline: 5000 },
      directory: ${JSON.stringify(directory)},
    });
    ${then}
    console.log('ready');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const told = () => {
    const file = path.join(directory, 'told');
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  };
  return { child, told, claim, directory };
}

const wait = 'setInterval(() => {}, 1000);';

async function freed(claim: string): Promise<void> {
  for (;;) {
    const reservation = await reserve([claim], holderOfBoard('one', 'a test')).catch(() => undefined);
    if (reservation !== undefined) return reservation.release();
    await delay(20);
  }
}

for (const [what, kill] of Object.entries<(pid: number) => void>({
  'a controller': pid => process.kill(pid, 'SIGKILL'),
  'the process group of a controller': pid => process.kill(-pid, 'SIGKILL'),
})) {
  test(`where ${what} is killed, its guard switches the board off, records it and gives the board back`, async t => {
    const { child, told, claim, directory } = await controller(t, wait);
    t.like(await holderOf([claim]), { pid: child.pid, board: 'one', command: 'a test' });
    appendFileSync(path.join(directory, 'recording.jsonl'), '{"t":1,"source":"con');
    kill(child.pid ?? 0);
    await freed(claim);
    t.deepEqual(told(), ['off']);
    const { events, damaged, cut } = await readRun(directory);
    t.deepEqual([damaged, cut], [[], false]);
    t.like(events, [
      { kind: 'run-started' },
      {
        kind: 'fault',
        data: {
          class: 'interrupted',
          what: `process ${child.pid} was killed during the run; its guard switched one off (commands of the lab file)`,
        },
      },
      { kind: 'run-finished', data: { outcome: 'interrupted' } },
    ]);
  });
}

test('a guard whose controller gives the board back does not switch it', async t => {
  const { child, told, claim, directory } = await controller(
    t,
    'await reservation.release(); await guard[Symbol.asyncDispose]();',
  );
  await once(child, 'exit');
  t.is(child.exitCode, 0);
  await freed(claim);
  t.deepEqual(told(), []);
  t.is(readFileSync(path.join(directory, 'recording.jsonl'), 'utf8'), first);
});

test('a guard tries three times, and records why the board stays on', async t => {
  const { child, told, claim, directory } = await controller(t, wait, 'echo off >> told; exit 7');
  child.kill('SIGKILL');
  await freed(claim);
  t.is(told().length, 3);
  t.regex(readFileSync(path.join(directory, 'recording.jsonl'), 'utf8'), /could not switch one off: .*\b7\b/);
});

test('a guard is not ended by the signals of its controller', async t => {
  const { child, told, claim } = await controller(
    t,
    `process.on('SIGTERM', async () => {
       await reservation.release();
       await guard[Symbol.asyncDispose]();
       process.exit(0);
     });
     ${wait}`,
  );
  process.kill(-(child.pid ?? 0), 'SIGTERM');
  await once(child, 'exit');
  t.is(child.exitCode, 0);
  await freed(claim);
  t.deepEqual(told(), []);
});
