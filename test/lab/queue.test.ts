import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { holderOfBoard } from '../../src/lab/holder.ts';
import { enterQueue, queueBefore, queueOf } from '../../src/lab/queue.ts';
import { BoardHeldError, reserve } from '../../src/lab/reservation.ts';
import { waitForTurn } from '../../src/lab/turn.ts';

/** A claim of no other test's. */
function claim(): string {
  return `serial port /dev/${randomUUID()}`;
}

const me = holderOfBoard('b1', 'scmi-hil run mine');
const { signal } = new AbortController();

/** Another process, which does something with a claim and says `ready`; on a line of standard input it goes on. */
async function another(t: ExecutionContext, code: string): Promise<ChildProcess> {
  const modules = ['queue', 'holder', 'reservation', 'turn'].map(name =>
    JSON.stringify(path.resolve(`src/lab/${name}.ts`)),
  );
  const text = `
    import { once } from 'node:events';
    const all = await Promise.all([${modules.join(', ')}].map(file => import(file)));
    const { enterQueue, holderOfBoard, reserve, waitForTurn } = Object.assign({}, ...all);
    const me = holderOfBoard('b1', 'scmi-hil run theirs');
    ${code}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', text], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

const waitsInQueue = (port: string) => `
  await enterQueue([${JSON.stringify(port)}], me);
  console.log('ready');
  setInterval(() => {}, 1000);`;

test('a queue is in the order of arrival, and told to everybody', async t => {
  const port = claim();
  const first = await another(t, waitsInQueue(port));
  await using _ = await enterQueue([claim(), port], me);
  const last = await another(t, waitsInQueue(port));
  t.deepEqual(
    (await queueOf([port])).map(({ pid }) => pid),
    [first.pid, process.pid, last.pid],
  );
  t.deepEqual(
    (await queueBefore([port], process.pid)).map(({ pid, command }) => [pid, command]),
    [[first.pid, 'scmi-hil run theirs']],
  );
});

test('a process that is killed has left the queue', async t => {
  const port = claim();
  const first = await another(t, waitsInQueue(port));
  first.kill('SIGKILL');
  await once(first, 'exit');
  t.deepEqual(await queueOf([port]), []);
});

test('a free board is the turn of the process that waits for it, not of the next that comes', async t => {
  const port = claim();
  const first = await another(t, waitsInQueue(port));
  const error = await t.throwsAsync(reserve([port], me), { instanceOf: BoardHeldError });
  t.regex(
    error.message,
    new RegExp(`^reserve b1: it is the turn of .*: process ${first.pid}, scmi-hil run theirs$`),
  );
  t.regex(error.hint, /run --wait/);
});

test('a process in the queue takes the board itself, while others wait behind it', async t => {
  const port = claim();
  await using _ = await enterQueue([port], me);
  await another(t, waitsInQueue(port));
  await using held = await reserve([port], me);
  t.truthy(held);
});

test('a process that waits has its turn when the one before leaves, and is told of whom it waits for', async t => {
  const port = claim();
  const first = await another(
    t,
    `const place = await enterQueue([${JSON.stringify(port)}], me);
    const hold = await reserve([${JSON.stringify(port)}], me);
    console.log('ready');
    await once(process.stdin, 'data');
    await hold.release();
    await place[Symbol.asyncDispose]();
    console.log('left');
    setInterval(() => {}, 1000);`,
  );
  const told: string[] = [];
  const waiting = (words: string) => {
    told.push(words);
    first.stdin?.write('go on\n');
  };
  const turn = await waitForTurn([{ name: 'b1', claims: [port] }], {
    holder: me,
    wait: 600_000,
    signal,
    waiting,
  });
  t.is(turn.board, 'b1');
  t.regex(told[0] ?? '', new RegExp(`: process ${first.pid}, scmi-hil run theirs$`));
  await turn.place[Symbol.asyncDispose]();
  t.deepEqual(await queueOf([port]), []);
});

test('of several boards, the one that is free is taken, and the queues of the others are left', async t => {
  const [taken, free] = [claim(), claim()];
  await another(t, waitsInQueue(taken));
  const candidates = [
    { name: 'b1', claims: [taken] },
    { name: 'b2', claims: [free] },
  ];
  const turn = await waitForTurn(candidates, { holder: me, wait: 0, signal, waiting: () => undefined });
  t.is(turn.board, 'b2');
  t.is((await queueOf([taken])).length, 1);
  t.is((await queueOf([free])).length, 1);
  await turn.place[Symbol.asyncDispose]();
});

test('a wait that is over says who has the board, and leaves the queue', async t => {
  const port = claim();
  const first = await another(t, waitsInQueue(port));
  const options = { holder: me, wait: 1, signal, waiting: () => undefined };
  const error = await t.throwsAsync(waitForTurn([{ name: 'b1', claims: [port] }], options), {
    instanceOf: BoardHeldError,
  });
  t.regex(
    error.message,
    new RegExp(`^wait for b1: still not free after 0.001 s: .*: process ${first.pid}, `),
  );
  t.deepEqual(
    (await queueOf([port])).map(({ pid }) => pid),
    [first.pid],
  );
});

test('an interrupted wait leaves the queue', async t => {
  const port = claim();
  await another(t, waitsInQueue(port));
  const abort = new AbortController();
  const waiting = () => abort.abort(new Error('Ctrl-C'));
  const options = { holder: me, wait: 600_000, signal: abort.signal, waiting };
  await t.throwsAsync(waitForTurn([{ name: 'b1', claims: [port] }], options), { message: 'Ctrl-C' });
  t.is((await queueOf([port])).length, 1);
});

test('of many processes that wait, each has the board once, one at a time', async t => {
  const port = claim();
  const names = Array.from({ length: 4 }, (_, index) => `waiter ${index}`);
  const directory = mkdtempSync(path.join(tmpdir(), 'scmi-hil-queue-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const log = path.join(directory, 'log');
  const children = await Promise.all(
    names.map(name =>
      another(
        t,
        `console.log('ready');
        const claims = [${JSON.stringify(port)}];
        const waiting = () => undefined;
        const { signal } = new AbortController();
        const turn = await waitForTurn([{ name: 'b1', claims }], { holder: me, wait: 600000, signal, waiting });
        const hold = await reserve(claims, me);
        const { appendFileSync } = await import('node:fs');
        appendFileSync('${log}', '+${name}\\n');
        await new Promise(done => setTimeout(done, 50));
        appendFileSync('${log}', '-${name}\\n');
        await hold.release();
        await turn.place[Symbol.asyncDispose]();`,
      ),
    ),
  );
  const running = children.filter(({ exitCode }) => exitCode === null);
  await Promise.all(running.map(child => once(child, 'exit')));
  const told = readFileSync(log, 'utf8').trim().split('\n');
  t.is(told.length, 8);
  for (let index = 0; index < told.length; index += 2) t.is(told[index + 1], told[index]?.replace('+', '-'));
});
