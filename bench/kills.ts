/**
 * Kills runs at random moments: `node bench/kills.ts [how many] [seed]`. A board of the lab is a switch that writes what
 * it is told to a file, behind a console that says nothing; after each kill it has to be off within 5 s, free, and its
 * recording readable and judged as interrupted, and no process of the run may be left. A run whose guard is killed goes
 * on, and is interrupted a moment later.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Writable } from 'node:stream';
import { main } from '../src/cli/main.ts';
import { projectDirectory } from '../src/config/project-directory.ts';
import { allHolders } from '../src/lab/reservation.ts';
import { readRun } from '../src/verdict/recording/reader.ts';

const bin = path.join(projectDirectory, 'bin/scmi-hil.js');
const launchers = ['/usr/bin/node', process.execPath].filter(file => existsSync(file));
const targets = ['launcher', 'child', 'group', 'guard'] as const;
const most = Number(process.argv[2] ?? 200);
const seed = Number(process.argv[3] ?? 1);
const random = numbers(seed);

const directory = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-kills-'));
const sockets = new Set<NodeJS.WritableStream>();
const silent = createServer(socket => void sockets.add(socket.on('error', () => undefined))).listen(
  0,
  '127.0.0.1',
);
await once(silent, 'listening');
writeFileSync(path.join(directory, 'image'), 'x');
writeFileSync(path.join(directory, 'lab.yaml'), labText((silent.address() as AddressInfo).port));

let slowest = 0;
let wrong = 0;
for (let number = 0; number < most; number++) {
  const board = number % 2 === 0 ? 'real' : 'virtual';
  const target = targets[Math.floor(random() * targets.length)] ?? 'group';
  const what = await killOne(board, target, launchers[Math.floor(random() * launchers.length)] ?? '');
  if (what === undefined) continue;
  wrong++;
  process.stdout.write(`${number}: ${board}, ${target}: ${what}\n`);
}
silent.close();
for (const socket of sockets) socket.end();
rmSync(directory, { recursive: true });
process.stdout.write(
  `${most} kills with seed ${seed}: ${wrong} left something; the slowest board was off after ${slowest} ms\n`,
);
process.exit(wrong > 0 ? 1 : 0);

/** @returns what was left */
async function killOne(
  board: string,
  target: (typeof targets)[number],
  node: string,
): Promise<string | undefined> {
  rmSync(path.join(directory, 'runs'), { recursive: true, force: true });
  rmSync(path.join(directory, 'told'), { force: true });
  const run = spawn(node, [bin, 'run', 'dom0-and-guest', '--board', board], {
    cwd: directory,
    stdio: 'ignore',
    detached: true,
  });
  const ended = once(run, 'exit');
  const group = run.pid ?? 0;
  await Promise.race([ended, until(() => existsSync(path.join(directory, 'runs')), 30_000)]);
  // A run on the virtual board is over after a second or two.
  await delay(random() * (board === 'virtual' ? 1200 : 3000));
  kill(victimOf(target, group));
  if (target === 'guard') {
    await delay(100);
    kill(-group, 'SIGTERM');
  }
  const killed = performance.now();
  const isOff = () => !existsSync(path.join(directory, 'told')) || last('told') === 'off';
  // One that has not been told yet may be told within a moment.
  if (!(await until(async () => isOff() && !(await isLeft(group)), 5000))) {
    return `after 5 s the switch was told ${last('told')}, left: ${JSON.stringify(await leftOf(group))}`;
  }
  slowest = Math.max(slowest, Math.round(performance.now() - killed));
  await ended;
  for (const name of existsSync(path.join(directory, 'runs'))
    ? readdirSync(path.join(directory, 'runs'))
    : []) {
    const file = path.join(directory, 'runs', name);
    if (!existsSync(path.join(file, 'recording.jsonl'))) continue;
    const { damaged, cut, events } = await readRun(file);
    // Before the board is taken, its guard knows of no recording: its last line may be cut.
    const isTaken = events.some(({ kind }) => kind === 'power');
    if (damaged.length > 0 || (isTaken && cut)) return `the recording is damaged: ${JSON.stringify(damaged)}`;
    const end = events.at(-1);
    if (isTaken && end?.kind !== 'run-finished') return 'the recording has no end';
    const isOver = end?.kind === 'run-finished' && end.data.outcome === 'completed';
    const verified = await verify(file);
    if (verified.code !== (isOver ? 0 : 130)) return `verify exits with ${verified.code}: ${verified.said}`;
  }
  return undefined;
}

/** The process that is killed; negative: its group. The launcher of a recent Node is the run itself. */
function victimOf(target: (typeof targets)[number], group: number): number {
  const all = processes();
  const child = all.find(({ parent, command }) => parent === group && command.includes('scmi-hil.js'));
  const guard = all.find(({ command, cwd }) => command.includes('guard/program') && cwd === directory);
  return { launcher: group, child: child?.pid ?? group, group: -group, guard: guard?.pid ?? group }[target];
}

function kill(victim: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(victim, signal);
  } catch {
    // It had ended.
  }
}

async function verify(run: string): Promise<{ readonly code: number; readonly said: string }> {
  let said = '';
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      said += String(chunk);
      done();
    },
  });
  const { signal } = new AbortController();
  const around = { stdout: stream, stderr: stream, stdin: process.stdin, cwd: directory, env: {}, signal };
  return { code: await main(['verify', run], around), said };
}

/** Numbers from 0 to 1 that follow from the seed (mulberry32). */
function numbers(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function isLeft(group: number): Promise<boolean> {
  const { held, alive } = await leftOf(group);
  return held.length + alive.length > 0;
}

async function leftOf(group: number) {
  const held = (await allHolders()).filter(({ board }) => board === 'real');
  const guards = processes().filter(
    ({ command, cwd }) => command.includes('guard/program') && cwd === directory,
  );
  const alive = [...processes().filter(each => each.group === group), ...guards];
  return { held, alive };
}

function processes() {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(pid => {
      try {
        const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const [state, parent, group] = text.slice(text.lastIndexOf(')') + 2).split(' ');
        if (state === 'Z') return [];
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        const cwd = readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`PWD=${directory}`)
          ? directory
          : '';
        return [{ pid: Number(pid), parent: Number(parent), group: Number(group), command, cwd }];
      } catch {
        return [];
      }
    });
}

function last(file: string): string {
  return readFileSync(path.join(directory, file), 'utf8').trim().split('\n').at(-1) ?? '';
}

async function until(isTrue: () => boolean | Promise<boolean>, milliseconds: number): Promise<boolean> {
  for (const end = performance.now() + milliseconds; performance.now() < end; await delay(20)) {
    if (await isTrue()) return true;
  }
  return false;
}

function labText(port: number): string {
  return `schema: 1
boards:
  virtual: { type: rcar-v4h-white-hawk, virtual: true }
  real:
    type: rcar-v4h-white-hawk
    serial: { kind: tcp, host: 127.0.0.1, port: ${port} }
    power:
      kind: command
      on: echo on >> ${directory}/told
      off: echo off >> ${directory}/told
      state: tail -n1 ${directory}/told
    network: { address: 127.0.0.7, server: 127.0.0.1, tftpPort: ${20_000 + (process.pid % 20_000)} }
    ssh: { identity: { kind: agent } }
    images: { xen: image, kernel: image, ramdisk: image }
`;
}
