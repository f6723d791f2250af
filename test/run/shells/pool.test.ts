import test from 'ava';
import type { OpenBoard } from '../../../src/lab/open-board.ts';
import { DriverError } from '../../../src/lab/drivers/driver-error.ts';
import { HostUnreachable } from '../../../src/lab/drivers/ssh/client.ts';
import type { SshSession } from '../../../src/lab/drivers/ssh/ssh.ts';
import type { RecordedData } from '../../../src/verdict/recording/event.ts';
import { systemClock } from '../../../src/run/clock.ts';
import type { ConsoleShells } from '../../../src/run/shells/console-shells.ts';
import { dom0, ShellPool } from '../../../src/run/shells/pool.ts';
import { frameOf, quickType } from '../scripted-board.ts';

/** A Dom0 whose connections come as they are given, one after the other. */
function poolWith(...connections: readonly (SshSession | Error)[]) {
  return poolOf(connections);
}

function poolOf(connections: readonly (SshSession | Error)[], consoles?: ConsoleShells) {
  const left = connections.values();
  const recorded: RecordedData[] = [];
  const board = {
    type: quickType('rpi5', { firstOutput: 20, command: 5000, domain: 900 }),
    dom0: { host: 'dom0', port: 22, user: 'root' },
    guest: () => undefined,
    guestConsoles: true,
    ssh: {
      connect: async () => {
        const next = left.next().value ?? new HostUnreachable('log in', 'nothing listens there', 'wait');
        if (next instanceof Error) throw next;
        return next;
      },
    },
  } as unknown as OpenBoard;
  const recorder = { record: (_source: string, event: RecordedData) => void recorded.push(event) };
  return { shells: new ShellPool(board, recorder, systemClock(), consoles), recorded };
}

const lost = new DriverError('run "true" as root@dom0', 'the connection was lost', 'see the network');

function session(answer: 'lost' | 'fine'): SshSession {
  return {
    name: 'root@dom0',
    exec: async (text: string) => {
      if (answer === 'lost') throw lost;
      return frameOf(text).framed({ status: 0, stdout: '', stderr: '' });
    },
    close: async () => undefined,
  } as unknown as SshSession;
}

const soon = () => AbortSignal.timeout(10_000);

test('a connection that breaks under a Dom0 that answers a new one is the lab’s failure', async t => {
  const { shells } = poolWith(session('lost'), session('fine'));
  const error = await t.throwsAsync(shells.run(dom0, 'true', { signal: soon() }), {
    message: /^run "true" as root@dom0: the connection broke, and Dom0 answers a new one$/,
  });
  t.like(error, { blames: 'lab', hint: 'look at the network between here and the board' });
  await shells.close();
});

test('a Dom0 that answers no new connection keeps what broke the old one', async t => {
  const { shells } = poolWith(session('lost'));
  t.is(await t.throwsAsync(shells.run(dom0, 'true', { signal: soon() })), lost);
});

test('a step that ends while its connection is explained ends at once, with the reason of its end', async t => {
  const { shells } = poolWith(session('lost'), session('fine'));
  const over = new AbortController();
  const running = shells.run(dom0, 'true', { signal: over.signal });
  setTimeout(() => over.abort(new Error('the board started again')), 5);
  await t.throwsAsync(running, { message: 'the board started again' });
});

test('the result of the last attempt to log in is known until one succeeds', async t => {
  const refused = new HostUnreachable('log in', 'there is no way to that host', 'wait');
  const { shells, recorded } = poolWith(refused, session('fine'));
  t.is(shells.refusal(dom0), undefined);
  const reaching = shells.reach(dom0, soon());
  while (recorded.length === 0) await new Promise(resolve => setTimeout(resolve, 1));
  t.is(shells.refusal(dom0), refused);
  await reaching;
  t.is(shells.refusal(dom0), undefined);
  await shells.close();
});

test('shells close without a wait for a guest on a board that is off', async t => {
  let isOff = false;
  let closed = 0;
  const never = new Promise<never>(() => undefined);
  const untilOff = async () => (isOff ? never : { status: 0, stdout: '', stderr: '' });
  const ofDom0 = { ...session('fine'), close: async () => void closed++ } as SshSession;
  const { shells } = poolOf([ofDom0], {
    dom0: () => never,
    guest: async (name, inDom0) => {
      await inDom0();
      return { name, exec: untilOff, close: async () => void (await untilOff()) };
    },
  });
  t.is((await shells.read('guest', 'true', { signal: soon() })).status, 0);
  isOff = true;
  await shells.close();
  t.is(closed, 1);
});
