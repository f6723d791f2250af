/** Writes a file that the user asked for, with the directories above it. */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { UsageError } from './command.ts';
import { makeDirectory } from '../recording/make-directory.ts';

/** @throws UsageError where it cannot be written */
export function writeText(file: string, text: string): void {
  attempt(file, () => {
    makeDirectory(path.dirname(file));
    writeFileSync(file, text);
  });
}

/**
 * Makes the directories above a file, and sure that it can be written: before the hours of work whose result it
 * will hold. What is in it stays, and a file that was not there is not there afterwards.
 * @throws UsageError where it cannot be written
 */
export function requireWritable(file: string): void {
  attempt(file, () => {
    makeDirectory(path.dirname(file));
    const isNew = !existsSync(file);
    closeSync(openSync(file, 'a'));
    if (isNew) rmSync(file);
  });
}

/**
 * Makes a directory, and sure that files can be put into it.
 * @throws UsageError where they cannot
 */
export function requireDirectory(directory: string): void {
  attempt(
    directory,
    () => {
      makeDirectory(directory);
      readdirSync(directory);
      accessSync(directory, constants.W_OK);
    },
    'name another directory',
  );
}

function attempt(file: string, write: () => void, mend = 'name another file'): void {
  try {
    write();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`cannot write ${file}: ${why}`, mend, { cause: error });
  }
}
