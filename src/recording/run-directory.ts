/** Where the files of one run are. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Prediction } from '../model/prediction.ts';
import type { Verdict } from '../verify/verdict.ts';

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
  await mkdir(root, { recursive: true });
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

export async function writePrediction(directory: string, prediction: Prediction): Promise<void> {
  await writeJson(join(directory, runFiles.prediction), prediction);
}

export async function writeVerdict(directory: string, verdict: Verdict): Promise<void> {
  await writeJson(join(directory, runFiles.verdict), verdict);
}

/** @param files SHA-256 in hexadecimal by name; `sha256sum --check` reads what is written */
export async function writeChecksums(
  directory: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  const lines = Object.entries(files).map(([name, sum]) => `${sum}  ${name}\n`);
  await writeFile(join(directory, runFiles.checksums), lines.join(''));
}

/**
 * Reads a prediction back.
 * @throws Error that names the file where it is no prediction
 */
export async function readPrediction(file: string): Promise<Prediction> {
  const text = await readFile(file, 'utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`${file}: not JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  if (!isPrediction(value)) {
    throw new Error(`${file}: not a prediction of schema 1 (no "schema": 1 with "expectations")`);
  }
  return value;
}

function isPrediction(value: unknown): value is Prediction {
  if (typeof value !== 'object' || value === null || !('schema' in value) || value.schema !== 1) return false;
  return 'expectations' in value && Array.isArray(value.expectations);
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await writeFile(file, `${JSON.stringify(value, null, 2)}\n`);
}

function nameOf({ started, board, scenario }: RunName): string {
  const time = started.toISOString().slice(0, 19).replaceAll(':', '');
  return [time, board, scenario].map(part => part.replaceAll(/[^\w.-]+/g, '_')).join('-');
}
