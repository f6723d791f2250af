/** `--report KIND=FILE`. */
import path from 'node:path';
import { nearestName } from '../config/nearest-name.ts';
import { renderJson } from '../verdict/report/json.ts';
import { renderJunit, renderJunitInDetail } from '../verdict/report/junit.ts';
import type { LeftOut } from '../verdict/report/left-out.ts';
import type { RunReport, Strictness } from '../verdict/report/run-report.ts';
import { UsageError } from './command.ts';
import { requireWritable, writeFile } from './write-file.ts';

type Render = (reports: readonly RunReport[], strictness: Strictness, leftOut: readonly LeftOut[]) => string;

/** Kinds of reports; a kind whose name has a comma is asked for by `KIND=FILE,detail`. */
const kinds: ReadonlyMap<string, Render> = new Map([
  ['junit', renderJunit],
  ['junit,detail', renderJunitInDetail],
  ['json', renderJson],
]);

export interface ReportFile {
  readonly file: string;
  readonly render: Render;
}

/** For the help of an option that takes a report. */
export const reportKinds =
  'junit=FILE (a case per scenario; junit=FILE,detail: per expectation) or json=FILE';

/**
 * Reads one `KIND=FILE`, and makes sure that it can be written now rather than after hours of runs.
 * @throws UsageError
 */
export function reportFile(text: string, cwd: string): ReportFile {
  const [kind = '', ...rest] = text.split('=');
  const [, name = '', detail = ''] = /^(.*?)(,detail)?$/s.exec(rest.join('=')) ?? [];
  const render = kinds.get(`${kind}${detail}`);
  if (render === undefined || name === '') {
    const meant = nearestName(kind, kinds.keys());
    throw new UsageError(
      `--report ${text}: not a report`,
      `write ${reportKinds}${meant === undefined || meant === kind ? '' : `; did you mean ${meant}?`}`,
    );
  }
  const file = path.resolve(cwd, name);
  requireWritable(file);
  return { file, render };
}

/** @throws UsageError where the file cannot be written */
export function writeReports(
  files: readonly ReportFile[],
  reports: readonly RunReport[],
  strictness: Strictness,
  leftOut: readonly LeftOut[],
): void {
  for (const { file, render } of files) writeFile(file, render(reports, strictness, leftOut));
}
