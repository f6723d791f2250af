/** A comparison of runs for a terminal: the runs by letter, a row for each difference, and the odd one. */
import { painter } from './colour.ts';
import type { Comparison, Difference } from './comparison.ts';
import { versionWords } from './images.ts';
import { printableLine } from './printable.ts';
import { outcomeOf } from './run-report.ts';
import { outcomeWords, runOutcomeWords, type TerminalOptions } from './terminal.ts';

/**
 * @param options with `detail` beyond failures, rows in which only the texts differ are shown too
 * @returns text of several lines, with a newline at its end
 */
export function renderComparison(comparison: Comparison, options: TerminalOptions): string {
  const paint = painter(options.colour);
  const { scenario, runs, differences, alike, oddCounts } = comparison;
  const width = Math.max(...runs.map(({ verdict }) => verdict.board.length));
  const legend = runs.map((report, index) => {
    const { words, colour } = runOutcomeWords[outcomeOf(report, options)];
    const versions = versionWords(report.images);
    const facts = [report.started, versions, report.directory ?? ''].filter(each => each !== '');
    return `  ${letter(index)}  ${printableLine(report.verdict.board).padEnd(width)}  ${paint(colour, words)}  ${paint('dim', printableLine(facts.join(', ')))}`;
  });
  const shown = differences.filter(({ kind }) => kind === 'outcome' || options.detail !== 'failures');
  const hidden = differences.length - shown.length;
  const odd = oddCounts.flatMap((count, run) =>
    count === 0
      ? []
      : [
          `${letter(run)} (${printableLine(runs[run]?.verdict.board ?? '')}) is the odd one in ${rowCount(count)}`,
        ],
  );
  const sum = [
    `${rowCount(alike)} alike`,
    `${rowCount(shown.length)} shown`,
    ...(hidden === 0 ? [] : [`${rowCount(hidden)} with the same outcome by another text (-v shows them)`]),
  ];
  return `${[
    paint('bold', `${printableLine(scenario)}: ${runs.length} runs`),
    ...legend,
    ...shown.flatMap(difference => differenceLines(difference, options)),
    `  ${[...sum, ...odd].join('; ')}`,
  ].join('\n')}\n`;
}

function differenceLines({ cells, odd, kind }: Difference, options: TerminalOptions): string[] {
  const paint = painter(options.colour);
  const first = cells.find(cell => cell !== undefined);
  if (first === undefined) return [];
  const { expectation } = first;
  const never = expectation.kind === 'absent' ? 'never: ' : '';
  const phase = expectation.phase === 'boot' ? 'boot' : `step ${expectation.phase + 1}`;
  const heading = `  ${phase}, ${expectation.source}: ${never}${printableLine(expectation.text)}`;
  const rows = [...Map.groupBy(cells.keys(), run => cellWords(cells[run], kind))].map(([words, same]) => {
    const names = same.map(letter).join(' ');
    const mark = same.some(run => odd.includes(run)) ? '  <- the odd one' : '';
    const colour =
      cells[same[0] ?? 0] === undefined
        ? 'dim'
        : outcomeWords[cells[same[0] ?? 0]?.outcome ?? 'not-run'].colour;
    return `    ${names}  ${paint(colour, words)}${mark}`;
  });
  return [heading, ...rows];
}

/** Outcome of an expectation in one run, with its evidence. */
function cellWords(cell: Difference['cells'][number], kind: Difference['kind']): string {
  if (cell === undefined) return 'not predicted for this run';
  const { outcome, seen, why, expectation } = cell;
  const words = outcomeWords[outcome].words;
  if (kind === 'prediction') return `${words}, predicted: ${printableLine(expectation.text)}`;
  const evidence =
    seen === undefined
      ? ''
      : `, ${outcome === 'missed' ? 'nearest seen' : 'seen'}: ${printableLine(seen.text)}`;
  if (outcome === 'met') return kind === 'seen' ? `${words}${evidence}` : words;
  return `${words}${why === undefined ? '' : `: ${printableLine(why)}`}${evidence}`;
}

/** A, B, ... Z, A1, B1, ... */
function letter(index: number): string {
  const round = Math.floor(index / 26);
  return `${String.fromCodePoint(65 + (index % 26))}${round === 0 ? '' : round}`;
}

function rowCount(count: number): string {
  return `${count} expectation${count === 1 ? '' : 's'}`;
}
