/** Writes a file that the user asked for, with the directories above it. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from './command.ts';
import { makeDirectory } from './make-directory.ts';

/** @throws UsageError where it cannot be written */
export function writeText(file: string, text: string): void {
  try {
    makeDirectory(path.dirname(file));
    writeFileSync(file, text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`cannot write ${file}: ${why}`, 'name another file', { cause: error });
  }
}
