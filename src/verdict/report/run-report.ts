/** Input of a report: one run of one scenario on one board, judged. */
import type { CpuTime, DeployedImage } from '../recording/event.ts';
import type { Judgement, Verdict } from '../verify/verdict.ts';

export interface RunReport {
  readonly title: string;
  readonly claims: readonly string[];
  readonly verdict: Verdict;
  /** Directory of the recording; null where nothing was recorded. */
  readonly directory: string | null;
  /** ISO 8601. */
  readonly started: string;
  readonly milliseconds: number;
  /** Absent where it was not recorded. */
  readonly cpu?: CpuTime;
  /** Deployed files, by the names of the lab; absent if they were not recorded. */
  readonly images?: Readonly<Record<string, DeployedImage>>;
}

export interface Strictness {
  /** A claim that breaks as predicted is a failure. */
  readonly strict: boolean;
}

export type RunOutcome = Verdict['outcome'];

/** The outcome of a run, where `--strict` makes a claim broken as predicted a failure. */
export function outcomeOf({ verdict }: RunReport, { strict }: Strictness): RunOutcome {
  const broken = strict && verdict.counts['broken-as-predicted'] > 0;
  return broken && verdict.outcome === 'met' ? 'failed' : verdict.outcome;
}

/** The worst outcome comes first: it decides the exit code of several runs. */
const severity: readonly RunOutcome[] = ['interrupted', 'failed', 'infrastructure', 'met'];

/** The outcome of several runs: interrupted, else failed, else infrastructure, else met. */
export function worstOutcome(reports: readonly RunReport[], strictness: Strictness): RunOutcome {
  const outcomes = reports.map(report => outcomeOf(report, strictness));
  return severity.find(each => outcomes.includes(each)) ?? 'met';
}

/** Whether a judgement makes its run fail. */
export function isFailure({ outcome }: Judgement, { strict }: Strictness): boolean {
  return outcome === 'missed' || outcome === 'contradicted' || (strict && outcome === 'broken-as-predicted');
}
