/** Writes a file that the user asked for, with the directories above it. */
import { closeSync, existsSync, openSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from './command.ts';
import { makeDirectory } from './make-directory.ts';

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

function attempt(file: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`cannot write ${file}: ${why}`, 'name another file', { cause: error });
  }
}
