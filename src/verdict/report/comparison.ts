/** Runs of one scenario side by side, aligned by expectation: where they differ, and which run is the odd one. */
import { align } from '../verify/align.ts';
import type { Judgement } from '../verify/verdict.ts';
import type { RunReport } from './run-report.ts';

export interface Comparison {
  readonly scenario: string;
  /** In the order given; rows have a cell for each. */
  readonly runs: readonly RunReport[];
  /** Rows in which outcomes, predicted or seen texts differ, in the order of the predictions. */
  readonly differences: readonly Difference[];
  /** Rows that are alike in all runs. */
  readonly alike: number;
  /** By run: in how many rows its outcome is the odd one. */
  readonly oddCounts: readonly number[];
}

export interface Difference {
  /**
   * - `outcome`: one run meets what another one does not, or was not predicted to show at all.
   * - `prediction`: the model says another text of each.
   * - `seen`: the same prediction was met by another text.
   */
  readonly kind: 'outcome' | 'prediction' | 'seen';
  /** By run; undefined: its prediction has no such expectation. */
  readonly cells: readonly (Judgement | undefined)[];
  /** Indices of the runs whose outcome less than half of the runs share; none where there is no majority. */
  readonly odd: readonly number[];
}

/**
 * Aligns the judgements of several runs and compares them row by row.
 *
 * Runs of other boards have other expectations: those with the same phase, talker and kind are aligned in their order,
 * numbers and addresses aside.
 *
 * @param runs of one scenario, two or more
 */
export function compareRuns(runs: readonly RunReport[]): Comparison {
  const rows = alignedRows(runs.map(({ verdict }) => verdict.judgements));
  const differences = rows.flatMap(cells => {
    const kind = differenceOf(cells);
    return kind === undefined ? [] : [{ kind, cells, odd: kind === 'outcome' ? oddOnes(cells) : [] }];
  });
  return {
    scenario: runs[0]?.verdict.scenario ?? '',
    runs,
    differences,
    alike: rows.length - differences.length,
    oddCounts: runs.map((_, run) => differences.filter(({ odd }) => odd.includes(run)).length),
  };
}

type Row = (Judgement | undefined)[];

/** The first run's judgements are the first rows; those of each further run are put beside or between them. */
function alignedRows(runs: readonly (readonly Judgement[])[]): Row[] {
  let rows: Row[] = [];
  for (const [run, judgements] of runs.entries()) {
    const keysOfRows = rows.map(row => {
      const known = row.find(cell => cell !== undefined);
      return known === undefined ? '' : keyOf(known);
    });
    const keys = judgements.map(keyOf);
    const pairs = align(rows.length, keys.length, (row, key) => Number(keysOfRows[row] === keys[key]));
    const partner = new Map(pairs.map(({ expected, seen }) => [expected, seen]));
    const next: Row[] = [];
    let own = 0;
    for (const [index, row] of rows.entries()) {
      const mine = partner.get(index);
      if (mine !== undefined) {
        for (; own < mine; own++) next.push([...emptyCells(run), judgements[own]]);
        own++;
      }
      next.push([...row, mine === undefined ? undefined : judgements[mine]]);
    }
    for (; own < judgements.length; own++) next.push([...emptyCells(run), judgements[own]]);
    rows = next;
  }
  return rows;
}

/** Cells of the runs that have no such expectation. */
function emptyCells(length: number): Row {
  return Array.from({ length });
}

/** Equal for expectations of two predictions that are about the same thing. */
function keyOf({ expectation }: Judgement): string {
  const { kind, phase, source, domid, text } = expectation;
  const words = text.replaceAll(/0x[\da-f]+|\d+/gi, '#');
  return [kind, phase, source, domid ?? '', words].join('\0');
}

function differenceOf(cells: readonly (Judgement | undefined)[]): Difference['kind'] | undefined {
  const differ = (of: (cell: Judgement) => string | undefined) =>
    new Set(cells.map(cell => (cell === undefined ? undefined : of(cell)))).size > 1;
  if (differ(({ outcome }) => outcome)) return 'outcome';
  if (differ(({ expectation }) => expectation.text)) return 'prediction';
  if (differ(({ seen }) => seen?.text)) return 'seen';
  return undefined;
}

function oddOnes(cells: readonly (Judgement | undefined)[]): number[] {
  const outcomes = cells.map(cell => cell?.outcome ?? 'not predicted');
  const sizes = Map.groupBy(outcomes, outcome => outcome);
  const shared = (outcome: string) => sizes.get(outcome as (typeof outcomes)[number])?.length ?? 0;
  const hasMajority = outcomes.some(outcome => 2 * shared(outcome) > outcomes.length);
  return hasMajority
    ? outcomes.flatMap((outcome, run) => (2 * shared(outcome) < outcomes.length ? [run] : []))
    : [];
}
