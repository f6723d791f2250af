/** Dom0 by its serial console: a real shell on a real terminal behind the board's serial line. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as nodePty from '@lydell/node-pty';
import test, { type ExecutionContext } from 'ava';
import { sshClient } from '../../../src/lab/drivers/ssh/client.ts';
import type { SerialDriver, SerialEvents } from '../../../src/lab/drivers/serial/serial.ts';
import type { RecordedData } from '../../../src/verdict/recording/event.ts';
import { BoardConsole } from '../../../src/run/board-console.ts';
import { systemClock } from '../../../src/run/clock.ts';
import { consoleShells } from '../../../src/run/shells/console-shells.ts';
import { switchInput } from '../../../src/run/shells/input-switch.ts';
import { dom0, ShellPool } from '../../../src/run/shells/pool.ts';
import { quickType, ScriptedBoard } from '../scripted-board.ts';

const close = () => Promise.resolve();
const soon = () => AbortSignal.timeout(30_000);
const type = quickType('rcar-v4h-white-hawk', { domain: 300, command: 10_000 });

/** The user's shell, which asks for a password first. */
function shellLine(t: ExecutionContext): SerialDriver {
  const home = mkdtempSync(path.join(tmpdir(), 'scmi-hil-home-'));
  const startup = path.join(home, 'startup');
  writeFileSync(
    startup,
    `dmesg() { :; }; cat() { [ "$1" != /proc/sys/kernel/printk ] || { echo 1 4 1 7; return; }; command cat "$@"; }`,
  );
  const login = `
    while [ -z "$user" ]; do printf 'board login: '; read -r user; done; stty -echo; printf 'Password: '; read -r word; stty echo; echo
    [ "$user $word" = 'root hunter two' ] && exec dash -i`;
  return {
    name: 'a terminal',
    open: async events => {
      const pty = nodePty.spawn('/bin/dash', ['-c', login], {
        env: { PATH: process.env['PATH'] ?? '', ENV: startup, HOME: home },
      });
      pty.onData(text => events.data(Buffer.from(text)));
      const gone = new Promise<void>(resolve => {
        pty.onExit(() => resolve());
      });
      t.teardown(async () => {
        pty.kill('SIGKILL');
        await gone;
        rmSync(home, { recursive: true });
      });
      return {
        write: async bytes => pty.write(Buffer.from(bytes).toString()),
        close,
        [Symbol.asyncDispose]: close,
      };
    },
  };
}

for (const only of [false, true]) {
  const why = only ? 'that the lab wants reached so' : 'without a network';
  test(`a Dom0 ${why} is reached over its console, which the recording says without the password`, async t => {
    const events: RecordedData[] = [];
    const recorder = { record: (_: string, event: RecordedData) => void events.push(event) };
    const clock = systemClock();
    const identity = { kind: 'agent' as const, socket: '/nowhere' };
    const board = Object.assign(new ScriptedBoard({ type, life: wires => wires.hang() }), {
      ssh: only ? { connect: () => t.fail('SSH was tried') } : sshClient(),
      dom0: { host: '127.0.0.1', port: 1, user: 'nobody', identity },
      consoleLogin: { user: 'root', password: 'hunter two', only },
    });
    const console = new BoardConsole(shellLine(t), type, recorder, clock);
    await console.open(() => t.fail('the line was lost'), soon());
    const shells = new ShellPool(
      board,
      recorder,
      clock,
      consoleShells({ console, board, dom0less: [], recorder, clock }),
    );

    await shells.reach(dom0, soon());
    const answer = await shells.run(dom0, 'echo out; echo err >&2; exit 4', { signal: soon() });
    t.deepEqual(answer, { status: 4, stdout: 'out\n', stderr: 'err\n' });
    const stdin = Buffer.from('name = "domu"\n');
    t.is((await shells.run(dom0, 'cat', { signal: soon(), stdin })).stdout, stdin.toString());
    await shells.forget(dom0);
    t.is((await shells.read(dom0, 'echo again', { signal: soon() })).stdout, 'again\n');
    await shells.close();
    await console.close();

    const notes = events.flatMap(event => (event.kind === 'note' ? event.data.text : []));
    t.is(
      notes.some(text =>
        /^Dom0 is not on the network \(.*(?:nothing listens there|until the deadline)\)/.test(text),
      ),
      !only,
      notes.join(),
    );
    const reached = events.find(event => event.kind === 'milestone' && event.data.name === 'reachable');
    t.is(reached?.kind === 'milestone' ? reached.data.line : '', 'on the serial console (a terminal)');
    t.false(JSON.stringify(events).includes('hunter'));
  });
}

/** Xen's side of its console: Ctrl-a three times in a row, and debug keys. */
function xenLine(targets: readonly string[]): SerialDriver & { readonly pressed: string[] } {
  const pressed: string[] = [];
  let at = 0;
  let line: SerialEvents | undefined;
  const say = (target = '') =>
    line?.data(
      Buffer.from(`(XEN) *** Serial input to ${target} (type 'CTRL-a' three times to switch input)\r\n`),
    );
  return {
    name: "Xen's line",
    pressed,
    open: async events => {
      line = events;
      say(targets[0]);
      return {
        write: async bytes => {
          const text = Buffer.from(bytes).toString();
          pressed.push(text);
          if (text !== '\u0001\u0001\u0001') return;
          at = (at + 1) % targets.length;
          say(targets[at]);
        },
        close,
        [Symbol.asyncDispose]: close,
      };
    },
  };
}

async function xenConsole(t: ExecutionContext, driver: SerialDriver) {
  const console = new BoardConsole(driver, type, { record: () => undefined }, systemClock());
  await console.open(() => t.fail('the line was lost'), soon());
  t.teardown(() => console.close());
  return console;
}

test('input is switched until Xen says that it is where it is wanted', async t => {
  const line = xenLine(['Xen', 'DOM0', 'DOM1']);
  const console = await xenConsole(t, line);
  await switchInput(console, 'DOM1', systemClock(), soon());
  t.is(console.input, 'DOM1');
  await switchInput(console, 'dom0', systemClock(), soon());
  t.is(console.input, 'dom0');
  t.deepEqual(new Set(line.pressed), new Set(['\u0001\u0001\u0001']));
  t.is(line.pressed.length, 4);
});

test('a domain that never gets the input is an error that names who does', async t => {
  const console = await xenConsole(t, xenLine(['Xen', 'DOM0']));
  await t.throwsAsync(switchInput(console, 'DOM7', systemClock(), soon()), {
    message: "switch the input of Xen's line to DOM7: Xen sent it to dom0, xen and never there",
  });
});

test('nothing is typed while each character would be a debug key of Xen', async t => {
  const line = xenLine(['Xen', 'DOM0']);
  const console = await xenConsole(t, line);
  await t.throwsAsync(console.write('Reboot\r'), { message: /its input is at Xen/ });
  t.deepEqual(line.pressed, []);
  await switchInput(console, 'dom0', systemClock(), soon());
  await console.write('ls\r');
  t.is(line.pressed.at(-1), 'ls\r');
});
