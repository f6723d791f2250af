/** `scmi-hil console --watch`: the console of a board while runs of other processes use it. */
import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from '../config/text.ts';
import { claimsOf } from '../lab/claims.ts';
import { DriverError } from '../lab/drivers/driver-error.ts';
import { type Holder, userName } from '../lab/holder.ts';
import type { WiredBoard } from '../lab/load-lab.ts';
import { holderOf, holderWords } from '../lab/reservation.ts';
import { mainConsole } from '../verdict/recording/event.ts';
import { runFiles } from '../verdict/recording/run-directory.ts';
import { abilitiesOf } from '../lab/abilities.ts';
import { type CliProcess, UsageError } from './command.ts';
import { pause } from './signals.ts';

/** Milliseconds between two looks at what came. */
const interval = 200;

/**
 * Prints what the console says in each run on the board, from the run's beginning, until the signal.
 * @param uart of the board; undefined: its console
 * @throws the signal's reason; DriverError where this user may not read a run's files; UsageError for a board that no
 *   other process can use
 */
export async function watchConsole(
  entry: WiredBoard,
  uart: string | undefined,
  { stdout, stderr }: CliProcess,
  signal: AbortSignal,
): Promise<never> {
  if (!abilitiesOf(entry).isShared) {
    throw new UsageError(
      `${entry.name} is made for each run: it has no console beside it`,
      'run it with -vv',
    );
  }
  const claims = await claimsOf(entry);
  const tell = (text: string) => void stderr.write(`${entry.name}: ${text}\n`);
  let seen: string | undefined;
  let log: FileHandle | undefined;
  const rest = async () => {
    for (;;) {
      const { bytesRead, buffer } = (await log?.read(Buffer.alloc(65_536))) ?? {
        bytesRead: 0,
        buffer: Buffer.alloc(0),
      };
      if (bytesRead === 0) return;
      stdout.write(buffer.subarray(0, bytesRead));
    }
  };
  const over = async () => {
    await rest();
    if (log !== undefined) tell('the run is over');
    await log?.close();
    log = undefined;
  };
  try {
    tell('waiting for a run; Ctrl-C leaves');
    for (;;) {
      const holder = await holderOf(claims);
      if (holder?.directory !== seen) {
        await over();
        seen = holder?.directory;
        if (holder !== undefined && seen !== undefined) tell(`${holderWords(holder)}\n${seen}`);
      }
      if (log === undefined && holder !== undefined && seen !== undefined) {
        log = await openLog(path.join(seen, runFiles.console(uart ?? mainConsole)), holder);
      }
      await rest();
      await pause(interval, signal);
    }
  } finally {
    await log?.close();
  }
}

/** @returns undefined where the console has said nothing yet */
async function openLog(file: string, { user }: Holder): Promise<FileHandle | undefined> {
  try {
    return await open(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    const hint = `ask ${user} to let ${userName()} read the runs: a common group, chmod g+rX, umask 027`;
    throw new DriverError('read along', messageOf(error), hint, { cause: error });
  }
}
