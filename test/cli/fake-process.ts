/** A process for commands that run inside a test. */
import { PassThrough } from 'node:stream';
import type { CliProcess } from '../../src/cli/command.ts';
import { main } from '../../src/cli/main.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface FakeOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly stdin?: NodeJS.ReadableStream;
}

/** Runs a command line and keeps what it prints. */
export async function scmiHil(argv: readonly string[], options: FakeOptions): Promise<Ran> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const stdin = options.stdin ?? new PassThrough().end();
  const process: CliProcess = {
    stdout,
    stderr,
    stdin,
    cwd: options.cwd,
    env: { HOME: options.cwd, ...options.env },
    signal: options.signal ?? new AbortController().signal,
  };
  const printed = Promise.all([textOf(stdout), textOf(stderr)]);
  const code = await main(argv, process);
  stdout.end();
  stderr.end();
  const [out, err] = await printed;
  return { code, out, err };
}

async function textOf(stream: PassThrough): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString();
}
