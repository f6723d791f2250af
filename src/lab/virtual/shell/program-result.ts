/** Result of a program. */
import type { ProgramResult } from './shell.ts';

export function ok(stdout: string | Uint8Array): ProgramResult {
  return { status: 0, stdout };
}

/** Lines of output and of errors; an error is a failure. */
export function result(out: readonly string[], errors: readonly string[]): ProgramResult {
  return {
    status: errors.length > 0 ? 1 : 0,
    stdout: out.map(line => `${line}\n`).join(''),
    stderr: errors.map(line => `${line}\n`).join(''),
  };
}
