/** The logs of guests' consoles, in a directory of this machine that stands for Dom0's. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Recorder } from '../../src/verdict/recording/event.ts';
import { GuestLogs } from '../../src/run/guest-logs.ts';
import type { ShellPool } from '../../src/run/shells/pool.ts';

const soon = (): AbortSignal => AbortSignal.timeout(5000);

function dom0(t: ExecutionContext, way: 'ssh' | 'console' = 'ssh') {
  const directory = mkdtempSync(path.join(tmpdir(), 'scmi-hil-guest-logs-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const asked: string[] = [];
  const shells: Pick<ShellPool, 'read' | 'wayTo'> = {
    wayTo: () => way,
    read: async (_domain, command) => {
      asked.push(command);
      try {
        const stdout = execFileSync('sh', ['-c', command], { encoding: 'utf8', stdio: 'pipe' });
        return { status: 0, stdout, stderr: '' };
      } catch {
        return { status: 1, stdout: '', stderr: 'no such file' };
      }
    },
  };
  const events: Parameters<Recorder['record']>[1][] = [];
  const recorder: Recorder = { record: (_source, event) => void events.push(event) };
  const fileOf = (guest: string) => path.join(directory, `guest-${guest}.txt`);
  const logs = new GuestLogs(shells, { consoleLog: fileOf });
  return { directory, asked, events, recorder, fileOf, logs };
}

test('text of another run in the log of a guest of this name is not of this run', async t => {
  const { directory, events, recorder, fileOf, logs } = dom0(t);
  appendFileSync(fileOf('guest'), '[    0.000000] an older boot\n');
  await logs.begin('guest', soon());
  appendFileSync(fileOf('guest'), '[    0.000000] this boot\n');
  // The guest is made again in the same run.
  await logs.begin('guest', soon());
  appendFileSync(fileOf('guest'), '[    0.000000] and once more\n');
  await logs.collect(recorder, directory, soon());
  const text = '[    0.000000] this boot\n[    0.000000] and once more\n';
  t.like(events, [{ kind: 'log', data: { domain: 'guest', text } }]);
  t.is(readFileSync(path.join(directory, 'guest-guest.log'), 'utf8'), text);
});

test('a guest that never spoke, or was never made, has no log', async t => {
  const { directory, events, recorder, fileOf, logs } = dom0(t);
  appendFileSync(fileOf('other'), 'of another run\n');
  await logs.begin('guest', soon());
  await logs.collect(recorder, directory, soon());
  t.deepEqual(events, []);
  t.false(existsSync(path.join(directory, 'guest-guest.log')));
});

test('the end of a flooded log is read', async t => {
  const { directory, events, recorder, fileOf, logs } = dom0(t);
  await logs.begin('guest', soon());
  appendFileSync(fileOf('guest'), `${'x'.repeat(300_000)}\nthe end\n`);
  await logs.collect(recorder, directory, soon());
  const [event] = events;
  const text = event?.kind === 'log' ? event.data.text : '';
  t.is(text.length, 100_000);
  t.true(text.endsWith('\nthe end\n'));
});

test('a Dom0 that is reached over its serial line alone is not asked', async t => {
  const { directory, asked, recorder, logs } = dom0(t, 'console');
  await logs.begin('guest', soon());
  await logs.collect(recorder, directory, soon());
  t.deepEqual(asked, []);
});
