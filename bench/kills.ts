/**
 * Kills runs at random moments: `node bench/kills.ts [how many]`. A board of the lab is a switch that writes what it is
 * told to a file, behind a console that says nothing; after each kill it has to be off within 5 s, free, and its
 * recording readable, and no process of the run may be left.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { projectDirectory } from '../src/config/project-directory.ts';
import { allHolders } from '../src/lab/reservation.ts';
import { readRun } from '../src/verdict/recording/reader.ts';

const bin = path.join(projectDirectory, 'bin/scmi-hil.js');
const launchers = ['/usr/bin/node', process.execPath].filter(file => existsSync(file));
const targets = ['launcher', 'child', 'group'] as const;
const most = Number(process.argv[2] ?? 200);

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
  const what = await killOne(
    board,
    targets[number % 3] ?? 'group',
    launchers[number % launchers.length] ?? '',
  );
  if (what === undefined) continue;
  wrong++;
  process.stdout.write(`${number}: ${board}, ${targets[number % 3]}: ${what}\n`);
}
silent.close();
for (const socket of sockets) socket.end();
rmSync(directory, { recursive: true });
process.stdout.write(
  `${most} kills: ${wrong} left something; the slowest board was off after ${slowest} ms\n`,
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
  await delay(Math.random() * 3000);
  const children = processes().filter(({ parent }) => parent === group);
  const victim = target === 'child' ? (children[0]?.pid ?? group) : target === 'group' ? -group : group;
  try {
    process.kill(victim, 'SIGKILL');
  } catch {
    // It had ended.
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
    if (damaged.length > 0 || cut) return `the recording is damaged: ${JSON.stringify(damaged)}`;
    // Before the board is taken, its guard knows of no recording.
    const isTaken = events.some(({ kind }) => kind === 'power');
    if (isTaken && events.at(-1)?.kind !== 'run-finished') return 'the recording has no end';
  }
  return undefined;
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
