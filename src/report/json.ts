/** All runs as JSON, for scripts. Field names are an interface: fields are added, never renamed. */
import type { RunOutcome, RunReport, Strictness } from './run-report.ts';
import { outcomeOf, worstOutcome } from './run-report.ts';

export interface JsonReport {
  readonly schema: 1;
  /** Interrupted, else failed, else infrastructure, else met. */
  readonly outcome: RunOutcome;
  readonly strict: boolean;
  readonly runs: readonly (RunReport & { readonly outcome: RunOutcome })[];
}

export function jsonReport(reports: readonly RunReport[], strictness: Strictness): JsonReport {
  return {
    schema: 1,
    outcome: worstOutcome(reports, strictness),
    strict: strictness.strict,
    runs: reports.map(report => ({ outcome: outcomeOf(report, strictness), ...report })),
  };
}

/** The report as text. */
export function renderJson(reports: readonly RunReport[], strictness: Strictness): string {
  return `${JSON.stringify(jsonReport(reports, strictness), null, 2)}\n`;
}
