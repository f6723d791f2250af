/** The program as its users start it: what ends it, and how it then ends. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { projectDirectory } from '../../src/config/project-directory.ts';
import { readRun } from '../../src/verdict/recording/reader.ts';

const bin = path.join(projectDirectory, 'bin/scmi-hil.js');

/** A Node that starts another one (bin/scmi-hil.js), where this machine has one. */
const oldNode = ['/usr/bin/node', '/usr/local/bin/node'].find(
  file =>
    existsSync(file) &&
    /^v(?:1\d|2[0-3])\./.test(spawnSync(file, ['--version'], { encoding: 'utf8' }).stdout),
);
const nodes: Readonly<Record<string, string>> = {
  'a recent Node': process.execPath,
  ...(oldNode !== undefined && { 'the launcher, on an old Node': oldNode }),
};

function directory(t: ExecutionContext): string {
  const made = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-signals-'));
  t.teardown(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

interface Started {
  readonly child: ChildProcess;
  readonly cwd: string;
  readonly out: () => string;
}

/** In a process group of its own. Resolves when it has printed something that matches. */
async function start(
  t: ExecutionContext,
  node: string,
  argv: readonly string[],
  until?: RegExp,
): Promise<Started> {
  const cwd = directory(t);
  const child = spawn(node, [bin, ...argv], {
    cwd,
    env: { ...process.env, HOME: cwd },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  t.teardown(() => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL');
    } catch {
      // It has ended.
    }
  });
  let out = '';
  const reached = Promise.withResolvers<void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => {
      out += String(chunk);
      if (until?.test(out) === true) reached.resolve();
    });
  }
  child.on('exit', () => reached.resolve());
  if (until === undefined) reached.resolve();
  await reached.promise;
  return { child, cwd, out: () => out };
}

const running = ['run', 'dom0-and-guest', '--board', 'virtual-v4h'] as const;

for (const [what, node] of Object.entries(nodes)) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    test.serial(`${signal} to ${what} alone: the board is off, the verdict written, exit 130`, async t => {
      const { child, cwd, out } = await start(t, node, running, /U-Boot/);
      child.kill(signal);
      const [code] = (await once(child, 'close')) as [number];
      t.is(code, 130, out());
      t.regex(out(), /power confirmed \(off\)/);
      const [run = ''] = readdirSync(path.join(cwd, 'runs'));
      t.true(existsSync(path.join(cwd, 'runs', run, 'verdict.json')));
    });
  }

  test.serial(`Ctrl-C to the process group of ${what} counts once`, async t => {
    const { child, out } = await start(t, node, running, /U-Boot/);
    process.kill(-(child.pid ?? 0), 'SIGINT');
    const [code] = (await once(child, 'close')) as [number];
    t.is(code, 130, out());
    t.regex(out(), /power confirmed \(off\)/);
  });

  test.serial(`kill -9 of ${what}: nothing of it is left, and the recording has an end`, async t => {
    const { child, cwd } = await start(t, node, running, /U-Boot/);
    const group = child.pid ?? 0;
    child.kill('SIGKILL');
    await once(child, 'close');
    while (isThere(group)) await delay(20);
    const [run = ''] = readdirSync(path.join(cwd, 'runs'));
    for (;;) {
      const { events, damaged } = await readRun(path.join(cwd, 'runs', run));
      t.deepEqual(damaged, []);
      const last = events.at(-1);
      if (last?.kind === 'run-finished') {
        t.is(last.data.outcome, 'interrupted');
        break;
      }
      await delay(20);
    }
  });

  test.serial(`a full disk under the standard output of ${what} is told in one line, exit 3`, async t => {
    const cwd = directory(t);
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(node, [bin, 'scenarios'], {
      cwd,
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    });
    t.is(status, 3);
    t.is(
      stderr,
      'scmi-hil: write the output: ENOSPC: no space left on device, write\n  make room where the output goes, or send it elsewhere\n',
    );
  });
}

/** Says whether a process group has a process that is no zombie. */
function isThere(group: number): boolean {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .some(pid => {
      try {
        const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const [state, , its] = text.slice(text.lastIndexOf(')') + 2).split(' ');
        return Number(its) === group && state !== 'Z';
      } catch {
        return false;
      }
    });
}

const busy: readonly (readonly string[])[] = [
  ['explore', '--board-type', 'rpi5', '--depth', '12', '--guests', '3', '--states', '1000000'],
  ['lint'],
  ['mutants', '--every'],
];

for (const argv of busy) {
  test.serial(`${argv[0]} hears Ctrl-C while it computes, and exits 130`, async t => {
    const { child, out } = await start(t, process.execPath, argv);
    // Until its signals are handled, a signal ends it too.
    while (child.exitCode === null && !handlesInterrupts(child.pid ?? 0)) await delay(20);
    child.kill('SIGINT');
    const [code] = (await once(child, 'close')) as [number];
    t.is(code, 130, out());
    t.regex(out(), /scmi-hil: interrupted by SIGINT/);
  });
}

/** By the mask of caught signals, proc(5): Node itself catches SIGINT and SIGTERM, and leaves SIGHUP. */
function handlesInterrupts(pid: number): boolean {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mask = /^SigCgt:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0';
  return (BigInt(`0x${mask}`) & 1n) !== 0n;
}
