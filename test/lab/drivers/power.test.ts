import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { DriverError } from '../../../src/lab/drivers/driver-error.ts';
import { powerCommand } from '../../../src/lab/drivers/power/command.ts';

const soon = () => AbortSignal.timeout(10_000);

test('power goes on and off by the commands, and is as the state command prints it', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'power-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const file = join(directory, 'relay');
  const power = powerCommand({ on: `echo ON > ${file}`, off: `echo off > ${file}`, state: `cat ${file}` });
  await power.on(soon());
  t.is(await power.state(soon()), 'on');
  await power.off(soon());
  t.is(await power.state(soon()), 'off');
  t.is((await readFile(file, 'utf8')).trim(), 'off');
});

test('without a state command the power is unknown', async t => {
  t.is(await powerCommand({ on: 'true', off: 'true' }).state(soon()), 'unknown');
});

for (const [title, command, message] of [
  [
    'a command that fails',
    'echo to stdout; echo no such relay >&2; exit 7',
    /exit status 7, output:[^]*no such relay/,
  ],
  ['a command that is not there', 'no-such-command-anywhere', /exit status 127/],
  ['a command that is killed', 'kill -9 $$', /ended by SIGKILL, without output/],
] as const) {
  test(`${title} is an error with its end and its last output`, async t => {
    const thrown = await t.throwsAsync(powerCommand({ on: command, off: 'true' }).on(soon()), {
      instanceOf: DriverError,
      message,
    });
    t.true(thrown.message.startsWith('power on by the command power.on: '));
  });
}

test('a state that is neither on nor off is an error that shows it', async t => {
  await t.throwsAsync(powerCommand({ on: '', off: '', state: 'echo 1' }).state(soon()), {
    instanceOf: DriverError,
    message: /it printed "1"/,
  });
});

test('a command past its deadline is ended with all that it started', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'power-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const file = join(directory, 'pids');
  const script = join(directory, 'hang');
  await writeFile(
    script,
    `trap '' TERM\n(trap '' TERM; echo started; sleep 60) &\necho $! $$ > ${file}\nwait\nsleep 60\n`,
  );
  const power = powerCommand({ on: `sh ${script}`, off: 'true' });
  const started = performance.now();
  await t.throwsAsync(power.on(AbortSignal.timeout(500)), {
    instanceOf: DriverError,
    message: /waited for its end until the deadline/,
  });
  t.true(performance.now() - started < 5000);
  for (const pid of (await readFile(file, 'utf8')).trim().split(' ').map(Number)) {
    await gone(pid);
  }

  t.pass();
});

test('a command that leaves something running behind is done when it itself is', async t => {
  const started = performance.now();
  await powerCommand({ on: 'sleep 2 & exit 0', off: 'true' }).on(soon());
  t.true(performance.now() - started < 1500);
});

test('a command is not started when the deadline has already passed', async t => {
  const file = join(tmpdir(), `power-never-${process.pid}`);
  await t.throwsAsync(powerCommand({ on: `touch ${file}`, off: 'true' }).on(AbortSignal.abort()), {
    instanceOf: DriverError,
  });
  await t.throwsAsync(readFile(file), { code: 'ENOENT' });
});

/** Waits until a process is no more, or only a zombie that its new parent has yet to collect. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    if (status === '' || / Z /.test(status)) {
      return;
    }

    await new Promise(resolve => setTimeout(resolve, 10));
  }
}
