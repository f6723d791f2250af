/** Commands at Zephyr's shell, against one that answers as zephyr-dom0-xt does. */
import test, { type ExecutionContext } from 'ava';
import { ConsoleReader } from '../../../src/verdict/console/reader.ts';
import { Broadcast } from '../../../src/run/broadcast.ts';
import { systemClock } from '../../../src/run/clock.ts';
import { spokenSince, type Terminal, untilSeen } from '../../../src/run/shells/terminal.ts';
import { ZephyrShell } from '../../../src/run/shells/zephyr-shell.ts';
import { Tty } from '../../../src/lab/virtual/shell/tty.ts';
import { Zephyr } from '../../../src/lab/virtual/zephyr.ts';

const soon = () => AbortSignal.timeout(20_000);

interface Wire {
  /** Changes what is typed on its way. */
  readonly in?: (text: string) => string;
  /** Changes what Zephyr says on its way. */
  readonly out?: (text: string) => string;
}

/** A line to a Zephyr that has made no domain. */
function zephyrLine(t: ExecutionContext, wire: Wire = {}): Terminal & { readonly typed: string[] } {
  const arrived = new Broadcast<void>();
  const reader = new ConsoleReader({});
  const tty = new Tty(text => {
    reader.feed(Buffer.from(wire.out?.(text) ?? text), 0);
    arrived.send();
  });
  const platform = {
    domains: () => [{ domid: 0, name: 'Domain-0', agentId: null, tree: null, state: 'running' as const }],
    xlCreate: () => ({ rc: 3 }),
    xlDestroy: () => ({ rc: 3 }),
  };
  const domains = { consoleOf: () => undefined, closeEnded: () => undefined };
  const power = new AbortController();
  const parts = {
    platform,
    domains,
    kernel: '/kernel',
    kernelBytes: new Uint8Array(),
    onXu: () => undefined,
  };
  new Zephyr(tty, parts).run(power.signal).catch(() => undefined);
  // The clock of a run keeps no process alive.
  const alive = setInterval(() => undefined, 1000);
  t.teardown(() => {
    clearInterval(alive);
    power.abort();
  });
  const typed: string[] = [];
  return {
    name: 'a line',
    piece: 16,
    typed,
    ready: () => Promise.resolve(),
    write: async text => {
      typed.push(text);
      tty.type(wire.in?.(text) ?? text);
    },
    mark: () => reader.mark(),
    since: mark => spokenSince(reader, mark, 0),
    until: (seen, signal) => untilSeen(seen, look => arrived.listen(look), signal),
  };
}

const header = 'Name                                        ID   Mem VCPUs\tState\tTime(s)\n';
const dom0 = `${'Domain-0'.padEnd(40)}     0   128     1      r----       0.1\n`;
const commands = [
  ['xu list', 0, header + dom0],
  ['xu create nobody', 22, 'Config nobody not found\n'],
  ['xu destroy 7', 22, 'Invalid domid passed to destroy cmd\n'],
  ['ls /sys', 8, 'ls: command not found\n'],
  ['kernel version', 0, 'Zephyr version 3.6.0\n'],
] as const;

test('a command at the shell of Zephyr ends with what it returned, and its output', async t => {
  const shell = new ZephyrShell(zephyrLine(t), systemClock());
  for (const [command, status, stdout] of commands) {
    t.deepEqual(await shell.exec(command, { signal: soon() }), { status, stdout, stderr: '' }, command);
  }
});

const withoutRetval: Wire = {
  out: text => text.replace(/^-?\d+\r\n$/, 'retval: command not found\r\n'),
};

test('a build that does not tell what a command returned is taken at the words of xu', async t => {
  const shell = new ZephyrShell(zephyrLine(t, withoutRetval), systemClock());
  t.is((await shell.exec('xu list', { signal: soon() })).status, 0);
  t.is((await shell.exec('xu create nobody', { signal: soon() })).status, 1);
});

test('a command that lost a character on its way is typed again, and runs once', async t => {
  let writes = 0;
  const line = zephyrLine(t, { in: text => (++writes === 2 ? text.slice(1) : text) });
  const shell = new ZephyrShell(line, systemClock());
  t.is((await shell.exec('xu create nobody', { signal: soon() })).stdout, 'Config nobody not found\n');
  t.is(line.typed.filter(text => text === '\r').length, 2);
});

test('a domain without a console is an error in the words of Zephyr, and its shell goes on', async t => {
  const shell = new ZephyrShell(zephyrLine(t), systemClock());
  const console = shell.consoleOf('domu');
  await t.throwsAsync(console.ready(soon()), { message: /console of domu in Dom0: .*domid#0 is not found/ });
  await t.throwsAsync(console.write('rm -rf /\r'), { message: /Dom0 has it no more/ });
  t.is((await shell.exec('xu list', { signal: soon() })).status, 0);
});
