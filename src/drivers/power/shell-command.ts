import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { abortable, cutShort } from '../abortable.ts';
import { DriverError } from '../driver-error.ts';

export interface ShellOutcome {
  /** null where a signal ended it. */
  readonly status: number | null;
  readonly killer: string | null;
  readonly stdout: string;
  /** The last of both streams, in the order in which it came. */
  readonly tail: string;
}

/** Milliseconds between asking a process to end and ending it. */
const grace = 1000;
/** Milliseconds for the last output, where something that the command started still holds its pipes. */
const lastOutput = 200;
/** Characters kept of each output. */
const kept = 4096;

/**
 * Runs a command line in a process group of its own. When the signal ends the wait, the whole group is ended,
 * and the promise settles when its leader is gone.
 *
 * @param command for `/bin/sh -c`
 * @param attempt for the error: `power on by "..."`
 * @throws DriverError where it cannot be started or the signal ends it
 */
export async function runShell(command: string, attempt: string, signal: AbortSignal): Promise<ShellOutcome> {
  const expired = () => cutShort(attempt, 'its end', 'run the command by hand to see why it hangs', signal);
  if (signal.aborted) {
    throw expired();
  }

  const child = spawn('/bin/sh', ['-c', command], { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
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
        patience = setTimeout(() => settle(status, killer), lastOutput);
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

async function endGroup(child: ChildProcess, exit: Promise<void>): Promise<void> {
  const { pid } = child;
  if (pid === undefined) {
    return;
  }

  signalGroup(pid, 'SIGTERM');
  const patience = setTimeout(() => signalGroup(pid, 'SIGKILL'), grace);
  await exit;
  clearTimeout(patience);
  // Those of the group that outlived their leader.
  signalGroup(pid, 'SIGKILL');
}

/** @param leader process id of a group's leader, never 0 or 1: those would be groups of others */
function signalGroup(leader: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    if (leader > 1) {
      process.kill(-leader, name);
    }
  } catch {
    // The group is gone already.
  }
}
