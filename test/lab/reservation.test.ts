import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { DriverError } from '../../src/lab/drivers/driver-error.ts';
import { holderOf, reserve, stateDirectory } from '../../src/lab/reservation.ts';

async function state(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'scmi-hil-hold-'));
  t.teardown(() => rm(directory, { recursive: true }));
  return directory;
}

/** A hold as another process left it. */
async function leave(directory: string, board: string, holder: object | string): Promise<void> {
  await mkdir(path.join(directory, 'boards'), { recursive: true });
  const text = typeof holder === 'string' ? holder : JSON.stringify(holder);
  await writeFile(path.join(directory, 'boards', `${board}.hold`), text);
}

const other = { host: hostname(), user: 'ada', since: '2026-11-21T10:00:00.000Z', command: 'scmi-hil run x' };

test('the second who wants a board is told who holds it, since when and for what', async t => {
  const directory = await state(t);
  await using _ = await reserve('rpi5-01', { directory, command: 'scmi-hil run good' });
  const error = await t.throwsAsync(reserve('rpi5-01', { directory, command: 'scmi-hil run other' }), {
    instanceOf: DriverError,
  });
  t.regex(
    error.message,
    /^reserve rpi5-01: \S+@\S+ holds it since \d{4}-.*: process \d+, scmi-hil run good$/,
  );
  t.regex(error.hint, /wait until it has finished/);
});

test('another board is free, and a board is free again once it was given back', async t => {
  const directory = await state(t);
  const first = await reserve('rpi5-01', { directory, command: 'a' });
  await using _ = await reserve('rpi5-02', { directory, command: 'b' });
  await first.release();
  await first.release();
  await using again = await reserve('rpi5-01', { directory, command: 'c' });
  t.is(again.tookOver, undefined);
  t.deepEqual((await readdir(path.join(directory, 'boards'))).toSorted(), ['rpi5-01.hold', 'rpi5-02.hold']);
});

test('the hold of a killed controller is taken over', async t => {
  const directory = await state(t);
  const code = `import { reserve } from ${JSON.stringify(path.resolve('src/lab/reservation.ts'))};
    await reserve('v4h-01', { directory: ${JSON.stringify(directory)}, command: 'doomed' });
    console.log('held'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  t.is((await holderOf('v4h-01', directory))?.pid, child.pid);
  await t.throwsAsync(reserve('v4h-01', { directory, command: 'too early' }), { message: /doomed/ });
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.is(await holderOf('v4h-01', directory), undefined);
  await using mine = await reserve('v4h-01', { directory, command: 'next' });
  t.is(mine.tookOver?.pid, child.pid);
  t.is(mine.tookOver?.command, 'doomed');
});

test('a process that merely has the number of the one that is gone does not hold the board', async t => {
  const directory = await state(t);
  await leave(directory, 'v4h-01', { ...other, pid: process.pid, processStart: '1' });
  await using mine = await reserve('v4h-01', { directory, command: 'next' });
  t.is(mine.tookOver?.user, 'ada');
});

test('a holder on another machine is believed to live, and the file that says so is named', async t => {
  const directory = await state(t);
  await leave(directory, 'v4h-01', { ...other, host: 'elsewhere', pid: 1, processStart: '1' });
  const error = await t.throwsAsync(reserve('v4h-01', { directory, command: 'next' }), {
    instanceOf: DriverError,
  });
  t.regex(error.hint, /if it is gone, remove .*v4h-01\.hold$/);
});

for (const [what, text] of Object.entries({
  'nothing at all': '',
  'no JSON': '{"pid":',
  'another thing': '[1]',
})) {
  test(`a hold file with ${what} in it holds nothing`, async t => {
    const directory = await state(t);
    await leave(directory, 'v4h-01', text);
    await using _ = await reserve('v4h-01', { directory, command: 'next' });
    t.regex(await readFile(path.join(directory, 'boards', 'v4h-01.hold'), 'utf8'), /"command": "next"/);
  });
}

test('one of many processes that find the same stale hold gets the board', async t => {
  const directory = await state(t);
  for (let round = 0; round < 10; round++) {
    await leave(directory, 'v4h-01', { ...other, pid: 2 ** 22 + 1, processStart: '1' });
    const all = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => reserve('v4h-01', { directory, command: `${index}` })),
    );
    const got = all.filter(each => each.status === 'fulfilled');
    t.is(got.length, 1);
    for (const { value } of got) await value.release();
  }
  t.deepEqual(await readdir(path.join(directory, 'boards')), []);
});

test('a board may be called anything', async t => {
  const directory = await state(t);
  await using _ = await reserve('../../etc/passwd', { directory, command: 'x' });
  t.deepEqual(await readdir(path.join(directory, 'boards')), ['..%2F..%2Fetc%2Fpasswd.hold']);
});

test('holds are kept in the state directory of the user', t => {
  t.is(stateDirectory({ XDG_STATE_HOME: '/var/state' }), '/var/state/scmi-hil');
  t.regex(stateDirectory({}), /\/\.local\/state\/scmi-hil$/);
  t.regex(stateDirectory({ XDG_STATE_HOME: 'relative' }), /\/\.local\/state\/scmi-hil$/);
});
