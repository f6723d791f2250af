/** Runs a program of the system to its end. */
import { spawn } from 'node:child_process';
import { ConfigurationError } from '../../config/configuration-error.ts';

export interface ProgramOptions {
  readonly signal: AbortSignal;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The Debian package that has it. */
  readonly package: string;
}

/**
 * @returns what it printed on its standard output
 * @throws ConfigurationError with its last words, where it is not there or fails
 */
export async function runProgram(
  program: string,
  words: readonly string[],
  { signal, cwd, env, package: from }: ProgramOptions,
): Promise<string> {
  signal.throwIfAborted();
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
    ...(cwd !== undefined && { cwd }),
    ...(env !== undefined && { env: { ...env } }),
  });
  let stdout = '';
  let last = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    last = (last + text).slice(-kept);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    last = (last + text).slice(-kept);
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', error => {
      const install = new ConfigurationError(
        `${program} cannot be started: ${error.message}`,
        `install the package ${from}`,
        { cause: error },
      );
      reject(signal.aborted ? (signal.reason as Error) : install);
    });
    child.once('close', resolve);
  });
  signal.throwIfAborted();
  if (status === 0) return stdout;
  throw new ConfigurationError(`${program} ${words.join(' ')}: exit status ${status}\n${last.trim()}`);
}

const kept = 2000;
