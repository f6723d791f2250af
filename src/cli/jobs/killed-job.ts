/** A job whose worker was killed: its recording gets an end, and is judged as far as it goes. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { emptyPrediction } from '../../model/predict/prediction.ts';
import { recordKilled } from '../../verdict/recording/killed.ts';
import { readEvents } from '../../verdict/recording/reader.ts';
import { runFiles, writeVerdict } from '../../verdict/recording/run-directory.ts';
import type { RunReport } from '../../verdict/report/run-report.ts';
import { RunJudge } from '../../verdict/verify/judge.ts';
import { readPrediction } from '../prediction-file.ts';
import { type Job, loadJob } from '../run-plan.ts';

export interface Killed {
  /** The run's directory. */
  readonly directory: string;
  /** In words, how its worker ended. */
  readonly what: string;
  readonly hint: string;
  readonly strict: boolean;
}

/** An infrastructure error, unless the run was over before its worker ended. */
export async function reportKilledJob(
  job: Job,
  { directory, what, hint, strict }: Killed,
): Promise<RunReport> {
  recordKilled(directory, { class: 'infrastructure', what, hint });
  const file = path.join(directory, runFiles.prediction);
  const judge = new RunJudge(existsSync(file) ? readPrediction(file) : emptyPrediction);
  await readEvents(path.join(directory, runFiles.recording), (event, line) => judge.take(event, line));
  const { verdict, header, milliseconds } = judge.judge(strict);
  await writeVerdict(directory, verdict);
  const { title, claims } = loadJob(job);
  return {
    title,
    claims,
    verdict,
    directory,
    started: header?.started ?? '',
    milliseconds: Math.round(milliseconds),
    ...(header?.images !== undefined && { images: header.images }),
  };
}
