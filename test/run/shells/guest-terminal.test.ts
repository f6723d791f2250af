/** A guest's console through a real shell as Dom0, real pipes and a real terminal as the guest. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../../src/run/clock.ts';
import { consoleLogin } from '../../../src/run/shells/console-login.ts';
import { type DomainShell, framedShell } from '../../../src/run/shells/framed-shell.ts';
import { GuestPanicked, GuestTerminal } from '../../../src/run/shells/guest-terminal.ts';

const soon = () => AbortSignal.timeout(30_000);
const isSocatThere = spawnSync('socat', ['-V']).status === 0;
const on = isSocatThere ? test : test.skip;

const xl = `#!/bin/sh
[ "$1 $2" = 'domid guest' ] || { echo "$2 is an invalid domain identifier (rc=-6)" >&2; exit 1; }
echo 7
`;
/** A guest: the log of a kernel, then a shell on a terminal. It ends with Ctrl-], as the real one does. */
const xenconsole = `#!/bin/sh
[ "$*" = '--interactive 7' ] || exec sleep 1000
exec socat -,escape=0x1d "EXEC:dash -i,pty,setsid,ctty,stderr"
`;
const startup = `
dmesg() { :; }
cat() { if [ "$1" = /proc/sys/kernel/printk ]; then echo '1 4 1 7'; else command cat "$@"; fi; }
echo '[    0.000000] Booting Linux on physical CPU 0x0'
`;

/** This machine's shell in the place of Dom0's, with an `xl` and a `xenconsole` of its own. */
function dom0(
  t: ExecutionContext,
): DomainShell & { readonly left: () => string[]; readonly program: (name: string) => string } {
  const home = mkdtempSync(join(tmpdir(), 'scmi-hil-dom0-'));
  t.teardown(() => rmSync(home, { recursive: true }));
  mkdirSync(join(home, 'bin'));
  for (const [name, text] of Object.entries({ xl, xenconsole })) {
    writeFileSync(join(home, 'bin', name), text);
    chmodSync(join(home, 'bin', name), 0o755);
  }
  writeFileSync(join(home, 'startup'), startup);
  const env = { PATH: `${join(home, 'bin')}:${process.env['PATH'] ?? ''}`, ENV: join(home, 'startup') };
  const made = new Set<string>();
  return {
    name: 'this machine',
    exec: (command, { signal }) =>
      new Promise((resolve, reject) => {
        const [directory] = /\/tmp\/\.scmi-hil-\w+(?=\/in\b)/.exec(command) ?? [];
        if (directory !== undefined) made.add(directory);
        const child = spawn('/bin/sh', ['-c', command], { env, signal, stdio: ['ignore', 'pipe', 'pipe'] });
        let [stdout, stderr] = ['', ''];
        child.stdout.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
        child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
        child.on('error', reject);
        child.on('close', status => resolve({ status: status ?? -1, stdout, stderr }));
      }),
    close: () => Promise.resolve(),
    program: name => join(home, 'bin', name),
    left: () => [...made].filter(each => readdirSync('/tmp').includes(each.slice('/tmp/'.length))),
  };
}

on('commands in a guest go over its console, and nothing is left of it in Dom0', async t => {
  const inDom0 = dom0(t);
  const terminal = await GuestTerminal.open('guest', inDom0, systemClock(), soon());
  const who = { user: 'root', field: 'guests.guest' };
  const line = await consoleLogin(terminal, who, systemClock(), note => t.fail(note), soon());
  const shell = await framedShell(terminal, line, soon());
  t.is(shell.name, 'the console of guest');
  t.deepEqual(await shell.exec('echo out; echo "it\'s err" >&2; exit 3', { signal: soon() }), {
    status: 3,
    stdout: 'out\n',
    stderr: "it's err\n",
  });
  const stdin = Buffer.from('name = "ä"\n');
  t.is((await shell.exec('cat', { signal: soon(), stdin })).stdout, stdin.toString());
  t.is((await shell.exec('seq 1 2000', { signal: soon() })).stdout.length, 8893);
  await shell.close();
  await terminal.close();
  t.deepEqual(inDom0.left(), []);
});

on('a guest that ends, and one that is not there, are errors that say so, not answers of Dom0', async t => {
  const inDom0 = dom0(t);
  await t.throwsAsync(GuestTerminal.open('stranger', inDom0, systemClock(), soon()), {
    message: 'open the console of stranger: stranger is an invalid domain identifier (rc=-6)',
  });

  const who = { user: 'root', field: 'guests.guest' };
  const terminal = await GuestTerminal.open('guest', inDom0, systemClock(), soon());
  const line = await consoleLogin(terminal, who, systemClock(), () => {}, soon());
  const shell = await framedShell(terminal, line, soon());
  const killItself = 'rm -rf "${0%/c}"; kill -9 $PPID';
  await t.throwsAsync(shell.exec(killItself, { signal: soon() }), {
    message: /the console of guest: it has ended/,
  });
  await terminal.close();
  t.deepEqual(inDom0.left(), []);
});

on('a guest whose kernel panics ends the login at once, with the line in which it says so', async t => {
  const inDom0 = dom0(t);
  const kernel = String.raw`sh -c 'printf "[    1.5] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n"; sleep 1000'`;
  writeFileSync(inDom0.program('xenconsole'), `#!/bin/sh\n${kernel}\n`);
  const terminal = await GuestTerminal.open('guest', inDom0, systemClock(), soon());
  const who = { user: 'root', field: 'guests.guest' };
  // It would wait for a prompt until `soon`.
  const error = await t.throwsAsync(
    consoleLogin(terminal, who, systemClock(), () => {}, soon()),
    {
      instanceOf: GuestPanicked,
    },
  );
  t.regex(error?.message ?? '', /^talk to the console of guest: "Kernel panic - not syncing: VFS: Unable/);
  await terminal.close();
});
