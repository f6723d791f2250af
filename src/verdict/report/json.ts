/** All runs as JSON, for scripts. Field names are an interface: fields are added, never renamed. */
import type { LeftOut } from './left-out.ts';
import { outcomeOf, type RunOutcome, type RunReport, type Strictness, worstOutcome } from './run-report.ts';

interface JsonReport {
  readonly schema: 3;
  /** Interrupted, else failed, else infrastructure, else met. */
  readonly outcome: RunOutcome;
  readonly strict: boolean;
  readonly runs: readonly (RunReport & { readonly outcome: RunOutcome })[];
  /** Scenarios that were left out, and why. */
  readonly leftOut: readonly LeftOut[];
}

function jsonReport(
  reports: readonly RunReport[],
  strictness: Strictness,
  leftOut: readonly LeftOut[] = [],
): JsonReport {
  return {
    schema: 3,
    outcome: worstOutcome(reports, strictness),
    strict: strictness.strict,
    runs: reports.map(report => ({ outcome: outcomeOf(report, strictness), ...report })),
    leftOut,
  };
}

/** The report as text. */
export function renderJson(
  reports: readonly RunReport[],
  strictness: Strictness,
  leftOut: readonly LeftOut[] = [],
): string {
  return `${JSON.stringify(jsonReport(reports, strictness, leftOut), null, 2)}\n`;
}
