/** Where the files of one run are. */
import { writeSync } from 'node:fs';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from './make-directory.ts';

/** Names of the files in a run's directory. */
export const runFiles = {
  recording: 'recording.jsonl',
  prediction: 'prediction.json',
  verdict: 'verdict.json',
  checksums: 'files.sha256',
  /** The bytes that a console received, as they came. */
  console: (name: string) => `console-${name.replaceAll(/[^\w.-]/g, '_')}.log`,
} as const;

export interface RunName {
  readonly started: Date;
  readonly board: string;
  readonly scenario: string;
}

/**
 * Makes the directory of a run, `ROOT/<time>-<board>-<scenario>`; a second run of the same second gets `-2`.
 * @returns its path
 */
export async function makeRunDirectory(root: string, run: RunName): Promise<string> {
  makeDirectory(root);
  for (let number = 1; ; number++) {
    const directory = join(root, number === 1 ? nameOf(run) : `${nameOf(run)}-${number}`);
    try {
      await mkdir(directory);
      return directory;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
}

export async function writePrediction(directory: string, prediction: { readonly schema: 2 }): Promise<void> {
  await writeJson(join(directory, runFiles.prediction), prediction);
}

/** @param write in place of the system's */
export async function writeVerdict(
  directory: string,
  verdict: { readonly schema: 3 },
  write: (file: number, bytes: Uint8Array) => number = writeSync,
): Promise<void> {
  await using file = await open(join(directory, runFiles.verdict), 'w');
  const bytes = new TextEncoder().encode(`${JSON.stringify(verdict, null, 2)}\n`);
  for (let written = 0; written < bytes.length; ) written += write(file.fd, bytes.subarray(written));
}

/** @param files SHA-256 in hexadecimal by name; `sha256sum --check` reads what is written */
export async function writeChecksums(
  directory: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  const lines = Object.entries(files).map(([name, sum]) => `${sum}  ${name}\n`);
  await writeFile(join(directory, runFiles.checksums), lines.join(''));
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await writeFile(file, `${JSON.stringify(value, null, 2)}\n`);
}

function nameOf({ started, board, scenario }: RunName): string {
  const time = started.toISOString().slice(0, 19).replaceAll(':', '');
  return [time, board, scenario].map(part => part.replaceAll(/[^\w.-]+/g, '_')).join('-');
}
