/** A summary of many runs of one scenario on one board: how often it was met, how long it took, since when it fails. */
import type { PastOutcome, PastRun } from './past-run.ts';

export interface HistorySummary {
  readonly scenario: string;
  readonly board: string;
  readonly counts: Readonly<Record<PastOutcome, number>>;
  /** Of runs that were met, in milliseconds; null where none has an end. */
  readonly durations: { readonly least: number; readonly median: number; readonly most: number } | null;
  /** The first of the failed runs since it was last met; null where the last judged run was met, or none was judged. */
  readonly failsSince: PastRun | null;
  /** The last run that was met. */
  readonly lastMet: PastRun | null;
  /** One Xen gave both outcomes: what failed and what passed ran the same build. */
  readonly isFlaky: boolean;
  /** The oldest first. */
  readonly runs: readonly PastRun[];
}

/**
 * @param runs the oldest first; those that had a bug or a fault on purpose are left out
 * @returns a summary by scenario and board, in the order of their names
 */
export function summarize(runs: readonly PastRun[]): HistorySummary[] {
  const counted = runs.filter(({ onPurpose }) => onPurpose === null);
  const groups = Map.groupBy(counted, keyOf);
  return [...groups].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, own]) => summaryOf(own));
}

/** Equal for runs of one scenario on one board. */
function keyOf({ scenario, board }: Pick<PastRun, 'scenario' | 'board'>): string {
  return `${scenario}\0${board}`;
}

function summaryOf(runs: readonly PastRun[]): HistorySummary {
  const judged = runs.filter(isJudged);
  const lastMet = judged.findLast(({ outcome }) => outcome === 'met') ?? null;
  const after = lastMet === null ? judged : judged.slice(judged.indexOf(lastMet) + 1);
  const count = (wanted: PastOutcome) => runs.filter(({ outcome }) => outcome === wanted).length;
  return {
    scenario: runs[0]?.scenario ?? '',
    board: runs[0]?.board ?? '',
    counts: {
      met: count('met'),
      failed: count('failed'),
      infrastructure: count('infrastructure'),
      interrupted: count('interrupted'),
    },
    durations: durationsOf(judged),
    failsSince: after[0] ?? null,
    lastMet,
    isFlaky: isFlaky(judged),
    runs,
  };
}

/** Runs from which something was learned of the software. */
function isJudged({ outcome }: PastRun): boolean {
  return outcome === 'met' || outcome === 'failed';
}

function durationsOf(runs: readonly PastRun[]): HistorySummary['durations'] {
  const sorted = runs
    .flatMap(({ outcome, milliseconds }) => (outcome === 'met' ? (milliseconds ?? []) : []))
    .toSorted((one, other) => one - other);
  const [least] = sorted;
  const [median, most] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
  return least === undefined || median === undefined || most === undefined ? null : { least, median, most };
}

/** Both outcomes came of the same build; runs that do not name their Xen say nothing of it. */
function isFlaky(judged: readonly PastRun[]): boolean {
  const builds = Map.groupBy(
    judged.filter(({ xenBuild }) => xenBuild !== null),
    ({ xenBuild }) => xenBuild,
  );
  return [...builds.values()].some(own => new Set(own.map(({ outcome }) => outcome)).size > 1);
}

/** Outcome of one scenario on one board beside those of a baseline. */
export interface BaselineChange {
  readonly kind: 'new failure' | 'same failure' | 'flaky failure' | 'fixed' | 'unknown';
  readonly now: PastRun;
  /** The last judged run of the baseline; null where it has none. */
  readonly before: PastRun | null;
}

/**
 * Holds the last run of each scenario and board against the baseline's. Those that were met before and now are left out.
 *
 * - `new failure`: it failed, and the baseline's last judged run was met, or there is none.
 * - `flaky failure`: it failed, and the baseline has both outcomes of one Xen.
 * - `unknown`: the lab failed or the run was interrupted, so that nothing was learned.
 *
 * @param now, baseline the oldest first
 */
export function changesSince(baseline: readonly PastRun[], now: readonly PastRun[]): BaselineChange[] {
  const before = new Map(summarize(baseline).map(each => [keyOf(each), each]));
  return summarize(now).flatMap((summary): BaselineChange[] => {
    const known = before.get(keyOf(summary));
    const last = summary.runs.at(-1);
    if (last === undefined) return [];
    const lastJudged = known?.runs.findLast(isJudged) ?? null;
    const change = (kind: BaselineChange['kind']) => [{ kind, now: last, before: lastJudged }];
    if (!isJudged(last)) return change('unknown');
    if (last.outcome === 'met') return lastJudged?.outcome === 'failed' ? change('fixed') : [];
    if (known?.isFlaky === true) return change('flaky failure');
    return change(lastJudged?.outcome === 'failed' ? 'same failure' : 'new failure');
  });
}
