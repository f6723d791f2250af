/** `--report KIND=FILE`. */
import path from 'node:path';
import { nearestName } from '../config/nearest-name.ts';
import { readEvents } from '../verdict/recording/reader.ts';
import { runFiles } from '../verdict/recording/run-directory.ts';
import { renderHtml } from '../verdict/report/html.ts';
import { renderJson } from '../verdict/report/json.ts';
import { renderJunit, renderJunitInDetail } from '../verdict/report/junit.ts';
import type { LeftOut } from '../verdict/report/left-out.ts';
import { renderMarkdown } from '../verdict/report/markdown.ts';
import { type RecordedRun, RecordedRunReader } from '../verdict/report/recorded-run.ts';
import type { RunReport, Strictness } from '../verdict/report/run-report.ts';
import { type CliProcess, UsageError } from './command.ts';
import { requireWritable, writeFile } from './write-file.ts';

/** Everything that a report is made of. */
export interface Reported {
  readonly reports: readonly RunReport[];
  readonly strictness: Strictness;
  readonly leftOut: readonly LeftOut[];
}

type Render = (reported: Reported, process: CliProcess) => string | Promise<string>;

/** Kinds of reports; a kind whose name has a comma is asked for by `KIND=FILE,detail`. */
const kinds: ReadonlyMap<string, Render> = new Map<string, Render>([
  ['junit', of => renderJunit(of.reports, of.strictness, of.leftOut)],
  ['junit,detail', of => renderJunitInDetail(of.reports, of.strictness, of.leftOut)],
  ['json', of => renderJson(of.reports, of.strictness, of.leftOut)],
  ['html', htmlOf],
  ['markdown', of => renderMarkdown(of.reports, of.strictness, of.leftOut)],
]);

/** A run with its recording, where it has one. */
export async function recordedRunOf(report: RunReport, process: CliProcess): Promise<RecordedRun> {
  const reader = new RecordedRunReader();
  if (report.directory !== null) {
    const file = path.join(path.resolve(process.cwd, report.directory), runFiles.recording);
    await readEvents(file, (event, line) => reader.take(event, line));
  }
  return reader.end(report);
}

/** Reads the recordings again: a page has the consoles too. */
async function htmlOf({ reports, strictness, leftOut }: Reported, process: CliProcess): Promise<string> {
  const runs: RecordedRun[] = [];
  for (const report of reports) {
    runs.push(await recordedRunOf(report, process));
  }
  return renderHtml(runs, strictness, leftOut);
}

export interface ReportFile {
  readonly file: string;
  readonly render: Render;
}

/** For the help of an option that takes a report. */
export const reportKinds =
  'html=FILE, markdown=FILE, json=FILE or junit=FILE (a case per scenario; junit=FILE,detail: per expectation)';

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
export async function writeReports(
  files: readonly ReportFile[],
  reported: Reported,
  process: CliProcess,
): Promise<void> {
  for (const { file, render } of files) writeFile(file, await render(reported, process));
}
