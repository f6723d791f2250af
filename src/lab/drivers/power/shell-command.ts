import { type ChildProcess, spawn } from 'node:child_process';
import { abortable, cutShort } from '../abortable.ts';
import { DriverError } from '../driver-error.ts';
import { endGroup } from '../process-group.ts';

export interface ShellOutcome {
  /** null where a signal ended it. */
  readonly status: number | null;
  readonly killer: string | null;
  readonly stdout: string;
  /** The last of both streams, in the order in which it came. */
  readonly tail: string;
}

/** Milliseconds for the last output, where something that the command started still holds its pipes. */
const lastOutput = 200;
/** Characters kept of each output. */
const kept = 4096;

/**
 * Runs a command line in a process group of its own. When the signal ends the wait, the whole group is ended,
 * and the promise settles when its leader is gone.
 *
 * @param command for `/bin/sh -c`
 * @param attempt for the error: `power on by the command power.on`
 * @throws DriverError where it cannot be started or the signal ends it
 */
export async function runShell(
  command: string,
  attempt: string,
  signal: AbortSignal,
  env: NodeJS.ProcessEnv = process.env,
): Promise<ShellOutcome> {
  const expired = () => cutShort(attempt, 'its end', 'run the command by hand to see why it hangs', signal);
  if (signal.aborted) {
    throw expired();
  }

  const child = spawn('/bin/sh', ['-c', command], { detached: true, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = collect(child);
  const exit = new Promise<void>(resolve => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });

  try {
    return await abortable<ShellOutcome>(signal, expired, (resolve, reject) => {
      const settle = (status: number | null, killer: string | null) =>
        resolve({ status, killer, stdout: output.stdout(), tail: output.tail() });
      let patience: NodeJS.Timeout | undefined;
      child.once('error', error =>
        reject(new DriverError(attempt, error.message, 'see that /bin/sh is there', { cause: error })),
      );
      child.once('exit', (status, killer) => {
        // On a busy machine the time is over before what has come was read: that is read first.
        patience = setTimeout(
          () => setImmediate(() => setImmediate(() => settle(status, killer))),
          lastOutput,
        );
      });
      child.once('close', settle);
      return () => clearTimeout(patience);
    });
  } catch (error) {
    await endGroup(child, exit);
    throw error;
  } finally {
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

function collect(child: ChildProcess): { stdout(): string; tail(): string } {
  let stdout = '';
  let tail = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout = keep(stdout, text);
    tail = keep(tail, text);
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    tail = keep(tail, text);
  });
  return { stdout: () => stdout, tail: () => tail.trim() };
}

function keep(text: string, more: string): string {
  return (text + more).slice(-kept);
}
