/** The boards of a lab as they are now: who holds each, and which run is on it. */
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { abilitiesOf } from '../lab/abilities.ts';
import { claimsOf } from '../lab/claims.ts';
import type { LoadedLab } from '../lab/load-lab.ts';
import { allHolders, holderOf } from '../lab/reservation.ts';
import { readRunHeader } from '../verdict/history/past-run.ts';
import { runFiles } from '../verdict/recording/run-directory.ts';
import type { Board, Run } from './page/types.d.ts';

/** Every board, the wrong ones too, in the order of the lab file. */
export async function boardStates(lab: LoadedLab): Promise<Board[]> {
  const right = await Promise.all(
    [...lab.boards.values()].map(async entry => ({
      name: entry.name,
      type: entry.type.type,
      title: entry.type.title,
      virtual: !abilitiesOf(entry).outlivesCommands,
      heldBy: (await holderOf(await claimsOf(entry))) ?? null,
      error: null,
    })),
  );
  const wrong = [...lab.wrong].map(([name, { error }]) => ({
    name,
    type: null,
    title: null,
    virtual: false,
    heldBy: null,
    error: error.message,
  }));
  return [...right, ...wrong];
}

/** Milliseconds after which a recording that did not grow is of a run whose controller may be gone. */
const quiet = 30_000;

/** @param directory of the runs; @returns those that have no verdict yet, the newest first */
export async function openRuns(directory: string): Promise<Run[]> {
  const holders = await allHolders();
  return readdirSync(directory)
    .toSorted()
    .toReversed()
    .flatMap((name): Run[] => {
      const run = path.join(directory, name);
      const recording = statSync(path.join(run, runFiles.recording), { throwIfNoEntry: false });
      if (recording === undefined) return [];
      if (statSync(path.join(run, runFiles.verdict), { throwIfNoEntry: false }) !== undefined) return [];
      const header = readRunHeader(run);
      if (header === undefined) return [];
      const { scenario, board, started } = header;
      const isHeld = holders.some(holder => holder.board === board);
      const running = isHeld || Date.now() - recording.mtimeMs < quiet;
      return [{ name, scenario, board, started, running }];
    });
}
