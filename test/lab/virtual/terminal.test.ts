/** The console of a virtual domain against the real busybox on a real terminal, and Xen's keys before it. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as nodePty from '@lydell/node-pty';
import test, { type ExecutionContext } from 'ava';
import { consoleShell } from '../../../src/lab/virtual/shell/console-shell.ts';
import { FileSystem } from '../../../src/lab/virtual/shell/file-system.ts';
import { programs } from '../../../src/lab/virtual/shell/programs.ts';
import { Tty } from '../../../src/lab/virtual/shell/tty.ts';
import { XenInput } from '../../../src/lab/virtual/xen-input.ts';

/** Empty where there is none. */
const busybox = spawnSync('sh', ['-c', 'command -v busybox']).stdout.toString().trim();

/** A terminal that keys are pressed at. */
interface Keyboard {
  press(keys: string): void;
  /** All that has been shown, without what a build says of itself when it starts. */
  shown(): string;
}

function virtualTerminal(t: ExecutionContext): Keyboard {
  let shown = '';
  const tty = new Tty(text => (shown += text));
  const power = new AbortController();
  const files = new FileSystem({ read: () => undefined, list: () => undefined });
  consoleShell(tty, { programs, files }, {}, power.signal).catch(() => undefined);
  t.teardown(() => power.abort());
  return { press: keys => tty.type(keys), shown: () => withoutBanner(shown) };
}

function busyboxTerminal(t: ExecutionContext): Keyboard {
  const scratch = mkdtempSync(join(tmpdir(), 'scmi-hil-busybox-'));
  mkdirSync(join(scratch, 'root'));
  spawnSync('busybox', ['--install', '-s', scratch]);
  const pty = nodePty.spawn(busybox, ['sh', '-i'], {
    cwd: join(scratch, 'root'),
    env: { PATH: scratch, PS1: '~ # ', HOME: '/', TERM: 'vt100' },
  });
  let shown = '';
  pty.onData(text => (shown += text));
  const gone = new Promise<void>(resolve => {
    pty.onExit(() => resolve());
  });
  t.teardown(async () => {
    pty.kill('SIGKILL');
    await gone;
    rmSync(scratch, { recursive: true });
  });
  return { press: keys => pty.write(keys), shown: () => withoutBanner(shown) };
}

function withoutBanner(text: string): string {
  return text.slice(Math.max(0, text.indexOf('~ # ')));
}

/** Waits until both have shown the same and nothing more comes; where they differ, until there is no hope. */
async function quiet(one: Keyboard, other: Keyboard): Promise<void> {
  let before = '';
  for (let [since, all] = [0, 0]; since < 10 && all < 250; since++, all++) {
    await new Promise(resolve => setTimeout(resolve, 20));
    const shown = one.shown();
    if (shown !== before || shown === '' || other.shown() !== shown) since = 0;
    before = shown;
  }
}

/** Pressed keys, in pieces: each after the answer to the one before. */
const sessions = [
  ['echo hello\r'],
  ['abc\x15echo $?\r'],
  ['ecko\b\bho x\r'],
  ['abc\x03', 'echo still\r'],
  ['sleep 100\r', '\x03', 'echo $?\r'],
  ["echo 'a\r", "b'\r"],
  ['bogus; echo $?\r'],
  ['set +o emacs; echo after\r'],
  ['PS1= X=1\r', 'echo $X\r'],
  ['\x1b[24;1Recho plain\r'],
];

const besideBusybox = busybox === '' ? test.skip : test;

for (const session of sessions) {
  besideBusybox(`keys at a virtual console show what busybox shows: ${JSON.stringify(session)}`, async t => {
    const [real, virtual] = [busyboxTerminal(t), virtualTerminal(t)];
    for (const keys of ['', ...session]) {
      for (const terminal of [real, virtual]) terminal.press(keys);
      await quiet(real, virtual);
    }
    t.is(virtual.shown(), real.shown());
  });
}

test('Xen passes keys on to who has the input, three Ctrl-a in a row switch it, fewer are keys', t => {
  const events: string[] = [];
  const input = new XenInput({
    domains: [0, 1],
    staysAtXen: false,
    announce: text => events.push(/to (\w+)/.exec(text)?.[1] ?? text),
    debugKey: key => events.push(`xen: ${key}`),
    toDomain: (domid, key) => events.push(`${domid}: ${key === '\x01' ? '^A' : key}`),
  });
  for (const key of 'a\x01\x01b\x01\x01\x01c\x01\x01\x01R\x01\x01\x01d') input.received(key);
  t.deepEqual(events, ['0: a', '0: ^A', '0: ^A', '0: b', 'DOM1', '1: c', 'Xen', 'xen: R', 'DOM0', '0: d']);
});
