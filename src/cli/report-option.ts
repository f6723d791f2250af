/** `--report KIND=FILE`. */
import path from 'node:path';
import { nearestName } from '../config/nearest-name.ts';
import { renderJson } from '../verdict/report/json.ts';
import { renderJunit } from '../verdict/report/junit.ts';
import type { LeftOut } from '../verdict/report/left-out.ts';
import type { RunReport, Strictness } from '../verdict/report/run-report.ts';
import { UsageError } from './command.ts';
import { requireWritable, writeFile } from './write-file.ts';

type Render = (reports: readonly RunReport[], strictness: Strictness, leftOut: readonly LeftOut[]) => string;

const kinds: ReadonlyMap<string, Render> = new Map([
  ['junit', renderJunit],
  ['json', renderJson],
]);

export interface ReportFile {
  readonly file: string;
  readonly render: Render;
}

/**
 * Reads one `KIND=FILE`, and makes sure that it can be written now rather than after hours of runs.
 * @throws UsageError
 */
export function reportFile(text: string, cwd: string): ReportFile {
  const [kind = '', ...rest] = text.split('=');
  const render = kinds.get(kind);
  if (render === undefined || rest.join('=') === '') {
    const meant = nearestName(kind, kinds.keys());
    throw new UsageError(
      `--report ${text}: not a report`,
      `write ${[...kinds.keys()].map(name => `${name}=FILE`).join(' or ')}${meant === undefined ? '' : `; did you mean ${meant}?`}`,
    );
  }
  const file = path.resolve(cwd, rest.join('='));
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
