/** One run of a directory of runs in a few facts: what a history of many runs needs of each. */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { runFiles } from '../recording/run-directory.ts';
import { firstCause } from '../report/first-failure.ts';
import type { Verdict } from '../verify/verdict.ts';

export type PastOutcome = Verdict['outcome'];

export interface PastRun {
  /** Name of its directory below the directory of runs. */
  readonly name: string;
  readonly scenario: string;
  readonly board: string;
  readonly boardType: string;
  readonly virtual: boolean;
  /** Names of the bug of its board and of the faults of its lab, where it had any on purpose: no part of a history. */
  readonly onPurpose: string | null;
  /** ISO 8601. */
  readonly started: string;
  /** Null where the recording has no end. */
  readonly milliseconds: number | null;
  readonly outcome: PastOutcome;
  /** In a line: the lab's failure, or the first expectation that failed; null where none did. */
  readonly cause: string | null;
  /** As Xen tells it, `Xen 4.20.4-pre`; null where it is unknown. */
  readonly xen: string | null;
  /** GNU build ID of Xen, else the SHA-256 of its file; null where it was not recorded. */
  readonly xenBuild: string | null;
}

/** Parts of run-started that are needed here; recordings of every version have them. */
const header = z.object({
  kind: z.literal('run-started'),
  data: z.object({
    started: z.string(),
    board: z.string(),
    boardType: z.string().default(''),
    virtual: z.boolean().default(false),
    scenario: z.string(),
    mutant: z.string().optional(),
    faults: z.array(z.string()).optional(),
    images: z
      .record(
        z.string(),
        z.object({ sha256: z.string(), version: z.string().optional(), buildId: z.string().optional() }),
      )
      .optional(),
  }),
});

const event = z.object({ t: z.number(), kind: z.string() });

/** Bytes at either end of a recording that are looked at; run-started is its first line, run-finished its last. */
const endLength = 64 * 1024;

/**
 * Reads the facts of one run; only the two ends of its recording are read, however long it is.
 *
 * @param directory of the run
 * @returns undefined where it is no run, or still going on or killed, so that it has no verdict
 * @throws the system's error where a file cannot be read
 */
export function readPastRun(directory: string): PastRun | undefined {
  const verdict = verdictOf(directory);
  const ends = endsOf(path.join(directory, runFiles.recording));
  const data = ends === undefined ? undefined : headerOf(ends.first);
  if (verdict === undefined || ends === undefined || data === undefined) return undefined;
  const finished = event.safeParse(jsonOf(ends.last));
  const xen = data.images?.['xen'];
  return {
    name: path.basename(directory),
    scenario: data.scenario,
    board: data.board,
    boardType: data.boardType,
    virtual: data.virtual,
    onPurpose:
      [data.mutant, data.faults]
        .flat()
        .filter(name => name !== undefined)
        .join(', ') || null,
    started: data.started,
    milliseconds: finished.success && finished.data.kind === 'run-finished' ? finished.data.t : null,
    outcome: verdict.outcome,
    cause: verdict.outcome === 'met' ? null : (firstCause(verdict, { strict: false }) ?? null),
    xen: xen?.version ?? null,
    xenBuild: xen?.buildId ?? xen?.sha256 ?? null,
  };
}

/**
 * The header of a run's recording, also while the run is going on.
 * @param directory of the run
 * @returns undefined where it is no run
 * @throws the system's error where its recording cannot be read
 */
export function readRunHeader(directory: string): z.infer<typeof header>['data'] | undefined {
  const ends = endsOf(path.join(directory, runFiles.recording));
  return ends === undefined ? undefined : headerOf(ends.first);
}

function headerOf(line: string): z.infer<typeof header>['data'] | undefined {
  return header.safeParse(jsonOf(line)).data?.data;
}

function verdictOf(directory: string): Verdict | undefined {
  let text: string;
  try {
    text = readFileSync(path.join(directory, runFiles.verdict), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const value = jsonOf(text) as Partial<Verdict> | undefined;
  const isVerdict =
    typeof value === 'object' &&
    ['met', 'failed', 'infrastructure', 'interrupted'].includes(value.outcome ?? '') &&
    Array.isArray(value.judgements) &&
    Array.isArray(value.faults);
  return isVerdict ? (value as Verdict) : undefined;
}

/** First and last line of a recording. */
function endsOf(file: string): { readonly first: string; readonly last: string } | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { size } = fstatSync(descriptor);
    const textAt = (position: number) => {
      const bytes = new Uint8Array(Math.min(endLength, size - position));
      return new TextDecoder().decode(
        bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, position)),
      );
    };
    const first = textAt(0).split('\n', 1)[0] ?? '';
    const last =
      textAt(Math.max(0, size - endLength))
        .trimEnd()
        .split('\n')
        .at(-1) ?? '';
    return { first, last };
  } finally {
    closeSync(descriptor);
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
