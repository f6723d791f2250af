/** One TFTP port for all runs of a machine: each in a process of its own, as runs are. */
import { type ChildProcess, fork } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { holderOfUdpPort } from '../../../src/lab/drivers/tftp/port-holder.ts';
import { DriverError } from '../../../src/lab/drivers/driver-error.ts';
import { acquireTftp } from '../../../src/lab/drivers/tftp/shared.ts';
import type { TftpEvent } from '../../../src/lab/drivers/tftp/tftp.ts';
import { openRawClient, request } from './boot-loader-client.ts';

const host = '127.0.0.1';
const directory = mkdtempSync(path.join(tmpdir(), 'shared-port-'));
test.after.always(() => rmSync(directory, { recursive: true }));

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, host);
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

const program = path.join(directory, 'run.mts');
writeFileSync(
  program,
  `import { acquireTftp } from ${JSON.stringify(path.join(import.meta.dirname, '../../../src/lab/drivers/tftp/shared.ts'))};
const [port, client, text] = process.argv.slice(2);
try {
  const server = await acquireTftp('${host}', Number(port));
  await server.serve({ name: text, clients: [client], files: new Map([['Image', Buffer.from(text)]]),
    onEvent: event => process.send(event), onStranger: event => process.send({ ...event, stranger: true }) });
  process.send('ready');
  process.once('message', async () => { await server.close(); process.disconnect(); });
} catch (error) { process.send({ failed: error.message }); process.disconnect(); }
`,
);

interface Run {
  readonly child: ChildProcess;
  readonly said: unknown[];
  end(): Promise<void>;
}

async function startRun(t: ExecutionContext, port: number, client: string, text: string): Promise<Run> {
  const child = fork(program, [String(port), client, text]);
  const said: unknown[] = [];
  const gone = once(child, 'exit');
  t.teardown(() => child.kill('SIGKILL'));
  const ready = new Promise<void>(resolve => {
    child.on('message', message => {
      said.push(message);
      resolve();
    });
  });
  await Promise.race([ready, gone]);
  return {
    child,
    said,
    end: async () => {
      child.send('end');
      await gone;
    },
  };
}

/** The answer to a board at an address; undefined: none. */
async function fetched(port: number, from: string): Promise<string | undefined> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const client = await openRawClient(from);
    client.send(request('Image'), port);
    const answer = await client.next(500);
    await client.close();
    if (answer !== undefined) return answer.rest.toString();
  }
  return undefined;
}

async function untilFree(port: number): Promise<boolean> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if ((await holderOfUdpPort(port)) === undefined) return true;
    await delay(50);
  }
  return false;
}

test('two runs serve two boards on one port, and the port is free after the last', async t => {
  const port = await freePort();
  const [one, two] = await Promise.all([
    startRun(t, port, '127.0.0.1', 'one'),
    startRun(t, port, '127.0.0.2', 'two'),
  ]);
  t.deepEqual([one.said[0], two.said[0]], ['ready', 'ready']);
  t.is(await fetched(port, '127.0.0.1'), 'one');
  t.is(await fetched(port, '127.0.0.2'), 'two');
  t.is((await holderOfUdpPort(port))?.command, 'scmi-hil-tftp');
  await one.end();
  t.is(await fetched(port, '127.0.0.2'), 'two');
  await two.end();
  t.is(await holderOfUdpPort(port), undefined);
});

test('the board of another run is refused, and a stranger is told to every run', async t => {
  const port = await freePort();
  const one = await startRun(t, port, '127.0.0.1', 'one');
  const rival = await startRun(t, port, '127.0.0.1', 'rival');
  t.regex(JSON.stringify(rival.said), /one \(process \d+, since \S+\) of another run has its address/);
  const other = await startRun(t, port, '127.0.0.2', 'two');
  const stranger = await openRawClient('127.0.0.3');
  stranger.send(request('Image'), port);
  for (const run of [one, other]) {
    while (!JSON.stringify(run.said).includes('"stranger":true')) await once(run.child, 'message');
  }
  t.is(await stranger.next(200), undefined);
  await stranger.close();
  await Promise.all([one.end(), other.end()]);
});

test('a run on another address is named as a run, with its board, and nobody is told to kill it', async t => {
  const port = await freePort();
  const one = await startRun(t, port, '127.0.0.1', 'one');
  const thrown = await t.throwsAsync(acquireTftp('0.0.0.0', port), { instanceOf: DriverError });
  t.regex(
    thrown.message,
    new RegExp(
      `runs on this machine have it, on ${host}, for one \\(process ${one.child.pid}, since \\S+Z\\)$`,
    ),
  );
  t.regex(
    thrown.hint,
    /^wait until they have finished, or give all boards of this machine one network\.server$/,
  );
  await one.end();
  t.true(await untilFree(port));
});

test('a run that is killed takes its files with it, and nothing stays behind', async t => {
  const port = await freePort();
  const one = await startRun(t, port, '127.0.0.1', 'one');
  const two = await startRun(t, port, '127.0.0.2', 'two');
  t.is(await fetched(port, '127.0.0.1'), 'one');
  one.child.kill('SIGKILL');
  await once(one.child, 'exit');
  const again = await startRun(t, port, '127.0.0.1', 'again');
  t.is(await fetched(port, '127.0.0.1'), 'again');
  two.child.kill('SIGKILL');
  again.child.kill('SIGKILL');
  t.true(await untilFree(port));
});

test('the process of the port, when it is killed, is started again by the runs', async t => {
  const port = await freePort();
  const runs = [await startRun(t, port, '127.0.0.1', 'one'), await startRun(t, port, '127.0.0.2', 'two')];
  const before = await holderOfUdpPort(port);
  process.kill(before?.pid ?? process.pid, 'SIGKILL');
  t.is(await fetched(port, '127.0.0.1'), 'one');
  t.is(await fetched(port, '127.0.0.2'), 'two');
  for (const run of runs) await run.end();
  t.true(await untilFree(port));
});

test('another program that has the port is named, and a server of one run is not in the way of itself', async t => {
  const socket = createSocket('udp4').bind(0, host);
  await once(socket, 'listening');
  const { port } = socket.address();
  const thrown = await t.throwsAsync(acquireTftp(host, port));
  const { comm } = { comm: readFileSync('/proc/self/comm', 'utf8').trim() };
  t.true(
    thrown.message.includes(`another server has this port: ${comm} (process ${process.pid})`),
    thrown.message,
  );
  socket.close();
  await once(socket, 'close');
  const events: TftpEvent[] = [];
  await using server = await acquireTftp(host, port);
  await server.serve({
    name: 'b1',
    clients: [host],
    files: new Map([['Image', Buffer.from('mine')]]),
    onEvent: event => events.push(event),
  });
  t.is(await fetched(port, host), 'mine');
  t.like(events, [{ kind: 'request', file: 'Image' }]);
});
