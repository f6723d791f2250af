/** Recorded runs that a command line names. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { runFiles } from '../verdict/recording/run-directory.ts';
import { UsageError } from './command.ts';

/**
 * The run of a directory, or all runs in it.
 * @param directory an absolute path
 * @returns absolute paths, in the order of their names
 * @throws UsageError for a directory that is no run and has none
 */
export function runsIn(directory: string): string[] {
  if (existsSync(path.join(directory, runFiles.recording))) return [directory];
  if (!existsSync(directory)) throw new UsageError(`there is no ${directory}`, 'runs are in runs/');
  if (!statSync(directory).isDirectory()) {
    throw new UsageError(`${directory} is a file, not a directory of runs`, 'runs are in runs/');
  }
  const found = readdirSync(directory)
    .toSorted()
    .map(name => path.join(directory, name))
    .filter(each => existsSync(path.join(each, runFiles.recording)));
  if (found.length > 0) return found;
  throw new UsageError(`${directory} is no run, and no run is in it`, 'runs are in runs/');
}
