import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { projectDirectory } from '../../../src/config/project-directory.ts';

const busybox = ['/usr/bin/busybox', '/bin/busybox'].find(file => {
  const { status, stdout } = spawnSync(file, ['--list'], { timeout: 60_000 });
  return status === 0 && /^init$/m.test(stdout.toString());
});
const namespaces = ['--user', '--map-root-user', '--pid', '--fork', '--mount'];
const canRun = busybox !== undefined && spawnSync('unshare', [...namespaces, 'true']).status === 0;
const titleEnd = canRun ? '' : ' (needs busybox and user namespaces)';

/** Paths of the libraries of a program; none where it is linked statically. */
function librariesOf(file: string): readonly string[] {
  const listed = spawnSync('ldd', [file]).stdout.toString();
  return [...listed.matchAll(/(\/\S+) \(0x/g)].map(([, library = '']) => library);
}

/** The guest image's first process as process 1 of a PID namespace; resolves once the script has become init. */
async function startGuest(root: string): Promise<{ readonly process: ChildProcess; readonly init: string }> {
  for (const name of ['bin', 'proc', 'sys', 'dev']) mkdirSync(path.join(root, name));
  copyFileSync(busybox ?? '', path.join(root, 'bin/busybox'));
  for (const library of librariesOf(busybox ?? '')) {
    mkdirSync(path.join(root, path.dirname(library)), { recursive: true });
    copyFileSync(library, path.join(root, library));
  }
  symlinkSync('busybox', path.join(root, 'bin/sh'));
  copyFileSync(path.join(projectDirectory, 'firmware/qemu-virt/dom0/guest-init'), path.join(root, 'init'));
  const guest = spawn('unshare', [...namespaces, `--root=${root}`, '/bin/sh', '/init'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  guest.stderr.resume();
  let said = '';
  for await (const part of guest.stdout) {
    said += String(part);
    if (said.includes('guest is up')) break;
  }
  const children = `/proc/${guest.pid}/task/${guest.pid}/children`;
  const init = readFileSync(children, 'utf8').trim();
  while (readFileSync(`/proc/${init}/cmdline`, 'utf8').split('\0')[1] !== 'init') {
    await new Promise(resolve => setTimeout(resolve, 10));
  }
  return { process: guest, init };
}

/** In a PID namespace the kernel ends process 1 with one signal for each kind of reboot(2). */
for (const [command, signal] of [
  ['poweroff', 'SIGINT'],
  ['halt', 'SIGINT'],
  ['reboot', 'SIGHUP'],
] as const) {
  (canRun ? test : test.skip)(`process 1 of the guest image acts on ${command}${titleEnd}`, async t => {
    const root = mkdtempSync(path.join(tmpdir(), 'scmi-hil-guest-'));
    t.teardown(() => rmSync(root, { recursive: true, force: true }));
    const { process: guest, init } = await startGuest(root);
    t.teardown(() => guest.kill('SIGKILL'));
    const ended = once(guest, 'exit');
    const entered = ['--target', init, '--user', '--pid', '--root', '--preserve-credentials'];
    // init masks its signals until it handles them: an early one is kept.
    t.is(spawnSync('nsenter', [...entered, '/bin/busybox', command], { timeout: 60_000 }).status, 0);
    const [, endedBy] = await ended;
    t.is(endedBy, signal);
  });
}
