/**
 * A reply for a mailing list, in plain text of 72 columns: what was tested, the statements of the series by board, what
 * broke as predicted and why, and each disagreement with the line seen.
 *
 * Runs on virtual boards test the model, not Xen: they are counted as left out, and give no Tested-by.
 */
import type { RunHeader } from '../recording/event.ts';
import type { Judgement } from '../verify/verdict.ts';
import { firstFailure } from './first-failure.ts';
import { versionWords } from './images.ts';
import { sumWords } from './markdown.ts';
import { printableLine } from './printable.ts';
import { outcomeOf, type RunReport, type Strictness } from './run-report.ts';

const columns = 72;

export interface MailedRun {
  readonly report: RunReport;
  readonly header: RunHeader | undefined;
}

export interface MailOptions extends Strictness {
  /** `Name <address>` for the trailer; undefined: none is known. */
  readonly tester: string | undefined;
  /** `scmi-hil 0.1.0` */
  readonly controller: string;
}

/** @returns the mail's text, without headers */
export function renderMail(runs: readonly MailedRun[], options: MailOptions): string {
  const real = runs.filter(({ header }) => header?.virtual === false && header.mutant === undefined);
  const others = runs.length - real.length;
  const left =
    others === 0
      ? []
      : paragraph(
          `${others} run${others === 1 ? ' is' : 's are'} left out: on virtual boards, where the model stands in for Xen, or with a bug on purpose. They say nothing of Xen.`,
        );
  if (real.length === 0) {
    return text([
      paragraph('No run on a physical or emulated board: there is no test of Xen to report.'),
      left,
    ]);
  }
  const reports = real.map(({ report }) => report);
  const failed = reports.filter(report => outcomeOf(report, options) === 'failed');
  return text([
    paragraph(`Tested with ${options.controller}: ${sumWords(reports, options)}.`),
    left,
    boardList(real),
    claimTable(reports),
    predictedBreaks(reports),
    failed.length === 0
      ? paragraph('No disagreement with the prediction.')
      : [
          'Disagreements, the first of each run:',
          '',
          ...failed.flatMap(report => disagreement(report, options)),
        ],
    failed.length > 0 ||
    options.tester === undefined ||
    !reports.some(report => outcomeOf(report, options) === 'met')
      ? []
      : [`Tested-by: ${printableLine(options.tester)}`],
  ]);
}

function text(parts: readonly (readonly string[])[]): string {
  return `${parts
    .filter(part => part.length > 0)
    .map(part => part.join('\n').trimEnd())
    .join('\n\n')}\n`;
}

function boardList(runs: readonly MailedRun[]): string[] {
  return [...Map.groupBy(runs, ({ report }) => report.verdict.board)].flatMap(([board, own]) => {
    const versions = [...new Set(own.map(({ report }) => versionWords(report.images)))].filter(
      each => each !== '',
    );
    const builds = new Set(own.flatMap(({ report }) => report.images?.['xen']?.buildId ?? []));
    return [
      `${printableLine(board)} (${own[0]?.header?.boardType ?? 'type unknown'})`,
      ...versions.flatMap(each => wrapped(printableLine(each), '  ')),
      ...[...builds].map(build => `  Xen build-id ${build}`),
    ];
  });
}

interface Cell {
  readonly met: number;
  readonly broken: number;
  readonly failed: number;
}

/** A row for each statement, a column for each board: how many of its expectations were met, broke or failed. */
function claimTable(reports: readonly RunReport[]): string[] {
  const names = [...new Set(reports.map(({ verdict }) => verdict.board))];
  const seen = reports.flatMap(({ verdict }) =>
    verdict.judgements.flatMap(({ expectation, outcome }) =>
      (expectation.claim?.ids ?? []).map(id => ({ id, board: verdict.board, outcome })),
    ),
  );
  const ids = [...new Set(seen.map(({ id }) => id))].toSorted((one, other) =>
    one.localeCompare(other, 'en', { numeric: true }),
  );
  if (ids.length === 0) return [];
  const rows = ids.map(id => [
    id,
    ...names.map(board => {
      const own = seen.filter(each => each.id === id && each.board === board).map(({ outcome }) => outcome);
      const count = (...outcomes: readonly string[]) => own.filter(each => outcomes.includes(each)).length;
      return cellWords({
        met: count('met'),
        broken: count('broken-as-predicted'),
        failed: count('missed', 'contradicted'),
      });
    }),
  ]);
  const table = [['claim', ...names.map(printableLine)], ...rows];
  const widths = table[0]?.map((_, column) => Math.max(...table.map(row => row[column]?.length ?? 0))) ?? [];
  const lines = table.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  // A table that is too wide is told board by board.
  if (lines.every(line => line.length <= columns))
    return ['Claims of the series (met/broken as predicted/failed):', '', ...lines];
  return names.flatMap((board, index) => [
    `Claims of the series on ${printableLine(board)} (met/broken as predicted/failed):`,
    ...wrapped(rows.map(row => `${row[0] ?? ''} ${row[index + 1] ?? ''}`).join(', '), '  '),
  ]);
}

function cellWords({ met, broken, failed }: Cell): string {
  return met + broken + failed === 0 ? '-' : `${met}/${broken}/${failed}`;
}

function predictedBreaks(reports: readonly RunReport[]): string[] {
  const breaks = new Map<string, Set<string>>();
  for (const { verdict } of reports) {
    for (const { expectation, outcome } of verdict.judgements) {
      const why = expectation.claim?.broken?.because;
      if (outcome !== 'broken-as-predicted' || why === undefined) continue;
      const key = `${expectation.claim?.ids.join(' ') ?? ''}: ${why}`;
      breaks.set(key, (breaks.get(key) ?? new Set<string>()).add(verdict.board));
    }
  }
  if (breaks.size === 0) return [];
  const items = [...breaks].flatMap(([key, on]) =>
    wrapped(printableLine(`${key} (${[...on].join(', ')})`), '  ', '- '),
  );
  return ['Broken as predicted:', '', ...items];
}

function disagreement(report: RunReport, strictness: Strictness): string[] {
  const { scenario, board, judgements } = report.verdict;
  const first = firstFailure(judgements, strictness);
  return [
    ...wrapped(printableLine(`${scenario} on ${board}`), '  ', '- '),
    ...(first === undefined ? [] : evidence(first)),
    '',
  ];
}

/** Lines of a console are quoted whole, however long they are. */
function evidence({ expectation, outcome, seen, why }: Judgement): string[] {
  const never = expectation.kind === 'absent' ? 'never: ' : '';
  return [
    `  ${outcome}, expected ${never}from ${expectation.source}:`,
    `    ${printableLine(expectation.text)}`,
    ...(seen === undefined
      ? []
      : [outcome === 'missed' ? '  nearest seen:' : '  seen:', `    ${printableLine(seen.text)}`]),
    ...(why === undefined ? [] : wrapped(printableLine(why), '  ')),
    ...wrapped(printableLine(`because ${expectation.reason.because}`), '  '),
  ];
}

function paragraph(words: string): string[] {
  return wrapped(words, '');
}

/** Words in lines of at most 72 columns; a longer word stands alone. */
function wrapped(words: string, indent: string, first: string = indent): string[] {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of words.split(/ +/)) {
    if (!isEmpty && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = indent;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}
