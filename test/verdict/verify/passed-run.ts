/** A run on a virtual board that passes, with what it has recorded. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { virtualBoard } from '../../../src/lab/load-lab.ts';
import { openBoard } from '../../../src/lab/open.ts';
import type { Prediction } from '../../../src/model/predict/prediction.ts';
import { runOnBoard } from '../../../src/run/run.ts';
import { findScenario, loadScenario } from '../../../src/scenario/load.ts';
import type { RecordedEvent } from '../../../src/verdict/recording/event.ts';
import { readRun } from '../../../src/verdict/recording/reader.ts';
import { inWholePieces } from './mutated-recording.ts';

export interface PassedRun {
  readonly prediction: Prediction;
  /** Consecutive text of a console in one event. */
  readonly events: readonly RecordedEvent[];
}

/** @param secrets words that the recording has to be without */
export async function passedRun(
  scenarioName: string,
  boardName: string,
  secrets: readonly string[] = [],
): Promise<PassedRun> {
  const entry = virtualBoard(boardName);
  const scenario = loadScenario(findScenario(scenarioName, process.cwd()).file, entry.type);
  const { firmware, linux, xen } = scenario;
  const directory = mkdtempSync(path.join(tmpdir(), 'scmi-hil-passed-'));
  await using board = await openBoard(entry, { env: {}, software: { firmware, linux, xen } });
  try {
    const ran = await runOnBoard({
      board,
      scenario,
      runs: directory,
      secrets,
      signal: AbortSignal.timeout(100_000),
      controller: 'test',
      command: 'a test',
    });
    if (ran.verdict.outcome !== 'met' || ran.prediction === null)
      throw new Error(`${scenarioName} on ${boardName}: ${JSON.stringify(ran.verdict.faults)}`);
    return { prediction: ran.prediction, events: inWholePieces((await readRun(ran.directory)).events) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
