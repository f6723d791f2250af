/** Markdown for a step summary or the note of a merge request: what ran, and what failed with its first cause. */
import { firstCause } from './first-failure.ts';
import { type LeftOut, leftOutLines } from './left-out.ts';
import { printable, printableLine } from './printable.ts';
import { outcomeOf, type RunOutcome, type RunReport, type Strictness } from './run-report.ts';
import { renderVerdict } from './terminal.ts';

const signs: Readonly<Record<RunOutcome, string>> = {
  met: 'met',
  failed: '**FAILED**',
  infrastructure: '_infrastructure error_',
  interrupted: '_interrupted_',
};

/** More scenarios than these are counted by board; those that did not pass are always listed. */
const longTable = 40;

/** @returns the document, safe against text that a board printed */
export function renderMarkdown(
  reports: readonly RunReport[],
  strictness: Strictness,
  leftOut: readonly LeftOut[] = [],
): string {
  const failures = reports.filter(report => outcomeOf(report, strictness) !== 'met');
  const listed = reports.length > longTable ? failures : reports;
  const lines = [
    `## scmi-hil: ${sumWords(reports, strictness)}`,
    '',
    ...(reports.length > longTable ? boardTable(reports, strictness) : []),
    ...(listed.length === 0 ? [] : runTable(listed, strictness)),
    ...failures.flatMap(report => failureSection(report, strictness)),
    ...leftOutLines(leftOut).map(line => `- ${inline(line)}`),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

/** `359 runs: 357 met, 2 failed` */
export function sumWords(reports: readonly RunReport[], strictness: Strictness): string {
  const counts = Map.groupBy(reports, report => outcomeOf(report, strictness));
  const order: readonly RunOutcome[] = ['met', 'failed', 'infrastructure', 'interrupted'];
  const words = order.flatMap(outcome => {
    const count = counts.get(outcome)?.length ?? 0;
    return count === 0
      ? []
      : [`${count} ${outcome === 'infrastructure' ? 'infrastructure errors' : outcome}`];
  });
  return `${reports.length} run${reports.length === 1 ? '' : 's'}: ${words.join(', ')}`;
}

function boardTable(reports: readonly RunReport[], strictness: Strictness): string[] {
  const rows = [...Map.groupBy(reports, ({ verdict }) => verdict.board)].map(
    ([board, own]) => `| ${inline(board)} | ${sumWords(own, strictness)} |`,
  );
  return ['| board | runs |', '|---|---|', ...rows, ''];
}

function runTable(reports: readonly RunReport[], strictness: Strictness): string[] {
  const rows = reports.map(report => {
    const { scenario, board } = report.verdict;
    const why = firstCause(report.verdict, strictness) ?? '';
    const cells = [inline(scenario), inline(board), signs[outcomeOf(report, strictness)]];
    return `| ${cells.join(' | ')} | ${(report.milliseconds / 1000).toFixed(1)} s | ${inline(why)} |`;
  });
  return ['| scenario | board | verdict | time | first cause |', '|---|---|---|---|---|', ...rows, ''];
}

function failureSection(report: RunReport, strictness: Strictness): string[] {
  const { scenario, board } = report.verdict;
  const text = renderVerdict(report, { ...strictness, colour: false, detail: 'failures' }).trimEnd();
  const fence = '`'.repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length + 1)));
  const summary = htmlText(`${scenario} on ${board}`);
  return [`<details><summary>${summary}</summary>`, '', `${fence}text`, text, fence, '', '</details>', ''];
}

/** In a cell or a list: as code, so that nothing of it is markup. */
function inline(text: string): string {
  const plain = printableLine(text).replaceAll('|', String.raw`\|`);
  if (plain === '') return '';
  const fence = '`'.repeat(Math.max(0, ...[...plain.matchAll(/`+/g)].map(([ticks]) => ticks.length)) + 1);
  return fence.length === 1 ? `\`${plain}\`` : `${fence} ${plain} ${fence}`;
}

function htmlText(text: string): string {
  return printable(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
