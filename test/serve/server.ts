/** `scmi-hil serve` as a process, for tests of its page. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import path from 'node:path';
import { projectDirectory } from '../../src/config/project-directory.ts';

export interface PageServer extends AsyncDisposable {
  /** With the token in it, where there is one. */
  readonly address: string;
  /** Without it, and without a slash at the end. */
  readonly origin: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly process: ChildProcess;
}

const bin = path.join(projectDirectory, 'bin/scmi-hil.js');

/** Starts the server on a free port and waits for the address that it prints. */
export async function startServer(cwd: string, ...argv: readonly string[]): Promise<PageServer> {
  const child = spawn(process.execPath, [bin, 'serve', '--port', '0', ...argv], {
    cwd,
    env: { ...process.env, HOME: cwd },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const [address] = (await once(createInterface(child.stdout), 'line')) as [string];
  const url = new URL(address);
  const token = url.searchParams.get('token');
  return {
    address,
    origin: url.origin,
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    process: child,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

const started = { schema: 2, started: '2026-02-16T10:20:30Z', board: 'b', boardType: 'rpi5', virtual: false };

/** Begins a recording in runs/NAME of a directory. @returns what adds an event to it */
export function aRecording(cwd: string, name: string): (event: object) => void {
  mkdirSync(path.join(cwd, 'runs', name), { recursive: true });
  const file = path.join(cwd, 'runs', name, 'recording.jsonl');
  const add = (event: object) =>
    appendFileSync(file, `${JSON.stringify({ t: 1, source: 'test', ...event })}\n`);
  add({ kind: 'run-started', data: { ...started, scenario: 's', controller: 'test', files: {} } });
  return add;
}
