/** Commands over a console, against the shells that real boards have, each on a real terminal. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as nodePty from '@lydell/node-pty';
import test, { type ExecutionContext } from 'ava';
import { ConsoleReader } from '../../../src/verdict/console/reader.ts';
import { Broadcast } from '../../../src/run/broadcast.ts';
import { systemClock } from '../../../src/run/clock.ts';
import { consoleLogin, type ConsoleUser } from '../../../src/run/shells/console-login.ts';
import { framedShell, printfPieces } from '../../../src/run/shells/framed-shell.ts';
import { spokenSince, type Terminal, untilSeen } from '../../../src/run/shells/terminal.ts';

const root: ConsoleUser = { user: 'root', password: 'pass word', field: 'dom0' };
const soon = () => AbortSignal.timeout(60_000);

/** Text between a shell and a controller. */
interface Wire {
  /** Changes what the shell wrote on its way. */
  readonly out?: (text: string) => string;
  /** Changes what is typed on its way. */
  readonly in?: (text: string) => string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Content of /proc/sys/kernel/printk, which writes do not change: this machine's own stays as it is. */
  readonly printk?: string;
}

interface PtyTerminal extends Terminal {
  readonly typed: string[];
  readonly secrets: string[];
}

function ptyTerminal(t: ExecutionContext, command: readonly string[], wire: Wire = {}): PtyTerminal {
  const home = mkdtempSync(path.join(tmpdir(), 'scmi-hil-home-'));
  const startup = path.join(home, 'startup');
  writeFileSync(startup, kernelOf(wire.printk ?? '1 4 1 7'));
  const [file = '', ...words] = command.map(word => (word === 'STARTUP' ? startup : word));
  const pty = nodePty.spawn(file, words, {
    name: 'vt100',
    cols: 80,
    rows: 24,
    env: { PATH: process.env['PATH'] ?? '', HOME: home, TERM: 'vt100', ENV: startup, ...wire.environment },
  });
  const arrived = new Broadcast<void>();
  const reader = new ConsoleReader({ query: ({ answer }) => pty.write(answer) });
  pty.onData(data => {
    const text = wire.out?.(data) ?? data;
    reader.feed(Buffer.from(text, 'utf8'), 0);
    arrived.send();
  });
  const gone = new Promise<void>(resolve => {
    pty.onExit(() => resolve());
  });
  t.teardown(async () => {
    pty.kill('SIGKILL');
    await gone;
    rmSync(home, { recursive: true });
  });
  const typed: string[] = [];
  const secrets: string[] = [];
  return {
    name: `a terminal with ${file}`,
    piece: 64,
    typed,
    secrets,
    ready: () => Promise.resolve(),
    write: async (text, { secret = false } = {}) => {
      (secret ? secrets : typed).push(text);
      pty.write(wire.in?.(text) ?? text);
    },
    mark: () => reader.mark(),
    since: mark => spokenSince(reader, mark, 0),
    until: (seen, signal) => untilSeen(seen, look => arrived.listen(look), signal),
  };
}

/** Shell functions in place of the programs that would change how the kernel of this machine logs. */
const kernelOf = (printk: string) => `
dmesg() { :; }
cat() { if [ "$1" = /proc/sys/kernel/printk ]; then echo '${printk}'; else command cat "$@"; fi; }
`;

async function shellOn(t: ExecutionContext, terminal: Terminal, notes: string[] = [], who = root) {
  const line = await consoleLogin(terminal, who, systemClock(), text => notes.push(text), soon());
  const shell = await framedShell(terminal, line, soon());
  t.teardown(() => shell.close());
  return shell;
}

const shells: Readonly<Record<string, readonly string[]>> = {
  'bash with readline': ['/bin/bash', '--noprofile', '--rcfile', 'STARTUP', '-i'],
  'bash as sh': ['/bin/bash', '--posix', '--noprofile', '--rcfile', 'STARTUP', '-i'],
  dash: ['/bin/dash', '-i'],
  'busybox ash': ['busybox', 'sh', '-i'],
};

/** Everything that a byte can be. */
const allBytes = Uint8Array.from({ length: 512 }, (_, index) => index % 256);

for (const [name, command] of Object.entries(shells)) {
  const isThere = spawnSync(command[0] ?? '', ['--help'], { stdio: 'ignore' }).error === undefined;
  const on = isThere ? test.serial : test.serial.skip;

  on(`${name}: a command on a console gives its status, its outputs apart, and gets its input`, async t => {
    const shell = await shellOn(t, ptyTerminal(t, command));
    t.deepEqual(await shell.exec('echo out; echo "it\'s err" >&2; exit 3', { signal: soon() }), {
      status: 3,
      stdout: 'out\n',
      stderr: "it's err\n",
    });
    t.deepEqual(await shell.exec('true', { signal: soon() }), { status: 0, stdout: '', stderr: '' });
    const long = `echo ${'0123456789 '.repeat(90)}| tr -d " " | wc -c`;
    t.is((await shell.exec(long, { signal: soon() })).stdout.trim(), '901');
    const sum = await shell.exec('cat | od -An -v -tx1 | tr -d " \\n"', { stdin: allBytes, signal: soon() });
    t.is(sum.stdout, Buffer.from(allBytes).toString('hex'));
    const odd = 'printf "\\033[2J\\rlogin: \\n# (XEN) Xen version 4.22\\n"; echo "100% äöü \\$HOME"';
    t.is(
      (await shell.exec(odd, { signal: soon() })).stdout,
      '\u001B[2J\rlogin: \n# (XEN) Xen version 4.22\n100% äöü $HOME\n',
    );
    const { stdout } = await shell.exec('seq 1 4000', { signal: soon() });
    t.is(stdout.split('\n').length, 4001);
    t.is(stdout.slice(-10), '3999\n4000\n');
  });
}

test.serial('a kernel that tears lines on the console costs repetitions, and nothing else', async t => {
  let random = 1;
  const often = (share: number) => {
    random = (random * 48_271) % 0x7f_ff_ff_ff;
    return random / 0x7f_ff_ff_ff < share;
  };
  let torn = 0;
  const noise = '[   12.345678] usb 1-1: new device\r\n';
  const terminal = ptyTerminal(t, ['/bin/dash', '-i'], {
    out: text => {
      if (!often(0.1)) return text;
      torn++;
      const at = Math.floor(text.length / 2);
      return `${text.slice(0, at)}${noise}${text.slice(at)}`;
    },
  });
  const shell = await shellOn(t, terminal);
  const counter = path.join(mkdtempSync(path.join(tmpdir(), 'scmi-hil-')), 'runs');
  t.teardown(() => rmSync(path.dirname(counter), { recursive: true }));
  for (let run = 1; run <= 6; run++) {
    const { stdout, status } = await shell.exec(`echo x >>${counter}; seq 1 600; exit ${run}`, {
      signal: soon(),
    });
    t.is(status, run);
    t.is(stdout, Array.from({ length: 600 }, (_, index) => `${index + 1}\n`).join(''));
  }
  t.true(torn > 5, `only ${torn} lines were torn`);
  t.is((await shell.exec(`wc -l <${counter}`, { signal: soon() })).stdout.trim(), '6');
});

test.serial('typed characters that are lost are noticed before the line is executed', async t => {
  let writes = 0;
  const terminal = ptyTerminal(t, ['/bin/dash', '-i'], {
    in: text => (++writes % 23 === 0 && text.length > 10 ? text.slice(0, 5) + text.slice(6) : text),
  });
  const shell = await shellOn(t, terminal);
  const stdin = Buffer.from('name = "domu"\nmemory = 128\n'.repeat(10));
  t.is((await shell.exec('cat', { stdin, signal: soon() })).stdout, stdin.toString());
});

test.serial('busybox without base64 answers in hexadecimal', async t => {
  const directory = mkdtempSync(path.join(tmpdir(), 'scmi-hil-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  writeFileSync(path.join(directory, 'base64'), '#!/bin/sh\nexit 127\n', { mode: 0o755 });
  const terminal = ptyTerminal(t, ['/bin/dash', '-i'], {
    environment: { PATH: `${directory}:${process.env['PATH'] ?? ''}` },
  });
  const shell = await shellOn(t, terminal);
  t.is((await shell.exec('seq 1 2000', { signal: soon() })).stdout.length, 8893);
  t.true(terminal.typed.some(text => text.includes('od -An')));
});

test.serial('a command past its deadline is ended with Ctrl-C, and the shell goes on', async t => {
  const shell = await shellOn(t, ptyTerminal(t, ['/bin/dash', '-i']));
  const hung = shell.exec('sleep 1000', { signal: AbortSignal.timeout(500) });
  await t.throwsAsync(hung, { name: 'TimeoutError' });
  t.is((await shell.exec('echo again', { signal: soon() })).stdout, 'again\n');
});

/** A prompt that does not come in time is taken for a shell without one: other tests keep this machine busy. */
const patience = 5;

/** getty and login, as far as a person at the console sees them. */
const getty = (password: string) => `
trap '' INT
while :; do
  printf '\\r\\nDebian GNU/Linux 12 board ttyAMA0\\r\\n\\r\\nboard login: '
  read -r user
  [ -n "$user" ] || continue
  stty -echo; printf 'Password: '; read -r word; stty echo; echo
  if [ "$user" = root ] && [ "$word" = '${password}' ]; then trap - INT; exec dash -i; fi
  sleep 0.1; echo; echo 'Login incorrect'
done`;

test.serial('a login with a password is gone through, and the password is typed as a secret', async t => {
  const terminal = { ...ptyTerminal(t, ['/bin/bash', '-c', getty('pass word')]), patience };
  const shell = await shellOn(t, terminal);
  t.is((await shell.exec('echo in', { signal: soon() })).stdout, 'in\n');
  t.deepEqual(terminal.secrets, ['pass word\r']);
  t.false(terminal.typed.join('').includes('pass word'));
});

test.serial(
  'a login prompt that is written again, for an Enter that came early, is answered once',
  async t => {
    const twice = `printf '\\r\\nboard login: '; sleep 0.1; ${getty('pass word')}`;
    const terminal = { ...ptyTerminal(t, ['/bin/bash', '-c', twice]), patience };
    const shell = await shellOn(t, terminal);
    t.is((await shell.exec('echo in', { signal: soon() })).stdout, 'in\n');
    t.is(terminal.typed.filter(text => text === 'root\r').length, 1);
    t.deepEqual(terminal.secrets, ['pass word\r']);
  },
);

test.serial('a login that is refused says what to do, and so does one without a password', async t => {
  await t.throwsAsync(shellOn(t, { ...ptyTerminal(t, ['/bin/bash', '-c', getty('another')]), patience }), {
    message: /^log in on a terminal with .*: the login was refused/,
  });
  await t.throwsAsync(
    shellOn(t, { ...ptyTerminal(t, ['/bin/bash', '-c', getty('x')]), patience }, [], {
      user: 'root',
      field: 'dom0',
    }),
    {
      message: /a password is asked for, and none is known for root/,
    },
  );
});

test.serial('a kernel that cannot be kept quiet is a note, and no reason to give up', async t => {
  const notes: string[] = [];
  const shell = await shellOn(t, ptyTerminal(t, ['/bin/dash', '-i'], { printk: '7 4 1 7' }), notes);
  t.is((await shell.exec('echo on', { signal: soon() })).stdout, 'on\n');
  t.regex(notes[0] ?? '', /could not be kept off the console/);
});

test('printf pieces are as long as they may be, and have all bytes', t => {
  const pieces = printfPieces(allBytes, 100);
  t.true(pieces.every(({ text }) => text.length <= 100));
  t.deepEqual(
    printfPieces(new Uint8Array(), 100).map(({ text }) => text),
    [''],
  );
});
