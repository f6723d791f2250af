/** Writes a file that the user asked for, with the directories above it. */
import { messageOf } from '../config/text.ts';
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
import { makeDirectory } from '../verdict/recording/make-directory.ts';

/** @throws UsageError where it cannot be written */
export function writeFile(file: string, content: string | Uint8Array): void {
  attempt(file, () => {
    makeDirectory(path.dirname(file));
    writeFileSync(file, content);
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
 * Makes sure that a directory can be written, or made where it is to be; nothing is made yet.
 * @throws UsageError where it cannot
 */
export function requireDirectory(directory: string): void {
  attempt(
    directory,
    () => {
      const existing = nearestExisting(directory);
      readdirSync(existing);
      accessSync(existing, constants.W_OK);
    },
    'name another directory',
  );
}

function nearestExisting(directory: string): string {
  return existsSync(directory) ? directory : nearestExisting(path.dirname(directory));
}

function attempt(file: string, write: () => void, hint = 'name another file'): void {
  try {
    write();
  } catch (error) {
    const why = messageOf(error);
    throw new UsageError(`cannot write ${file}: ${why}`, hint, { cause: error });
  }
}
