/** `scmi-hil compare`: recorded runs side by side, or beside those of a baseline. */
import path from 'node:path';
import type { PastRun } from '../verdict/history/past-run.ts';
import { HistoryStore } from '../verdict/history/store.ts';
import { type BaselineChange, changesSince } from '../verdict/history/summary.ts';
import { wantsColour } from '../verdict/report/colour.ts';
import { type Comparison, compareRuns } from '../verdict/report/comparison.ts';
import { renderComparison } from '../verdict/report/comparison-text.ts';
import { printableLine } from '../verdict/report/printable.ts';
import type { RunReport } from '../verdict/report/run-report.ts';
import { type AddCommand, type CliProcess, exitCode, UsageError } from './command.ts';
import { addDetailOption, type DetailOption, detailOf } from './detail-option.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { runsIn } from './recorded-runs.ts';
import { reportOfRun } from './verify.ts';

interface CompareOptions extends DetailOption {
  readonly baseline?: string;
  readonly strict?: boolean;
  readonly json?: boolean;
}

export const addCompare: AddCommand = (program, process, done) => {
  const command = program
    .command('compare <run...>')
    .description(
      'Puts recorded runs of the same scenario side by side, expectation by expectation: what differs, and which run is the odd one. A directory of runs stands for all runs in it.',
    )
    .option('--baseline <directory>', 'hold the runs of one directory against those of an earlier one')
    .option('--strict', 'a claim that breaks as predicted fails')
    .option('--json', 'print JSON');
  addDetailOption(command).action(async (runs: readonly string[], options: CompareOptions) => {
    done(
      options.baseline === undefined
        ? await compare(runs, options, process)
        : compareWithBaseline(runs, options.baseline, options, process),
    );
  });
  addHelpNotes(command, {
    examples: [
      ['compare runs/*-rpi5-0?-dom0-and-guest', 'one scenario on several boards'],
      ['compare runs/monday runs/tuesday', 'each scenario of two directories of runs'],
      ['compare runs --baseline runs-of-main', 'new failures, those that are fixed, and flaky ones'],
    ],
    exits: {
      met: 'the runs have the same outcomes; with --baseline: there is no new failure',
      failed: 'they differ; with --baseline: there is a new failure',
      usage: commonExits.usage,
      infrastructure: 'with --baseline: no new failure, but the lab failed in a run of now',
      interrupted: commonExits.interrupted,
    },
  });
};

async function compare(
  names: readonly string[],
  options: CompareOptions,
  process: CliProcess,
): Promise<number> {
  const strict = options.strict === true;
  const reports: RunReport[] = [];
  for (const directory of names.flatMap(name => runsIn(path.resolve(process.cwd, name)))) {
    process.signal.throwIfAborted();
    const report = await reportOfRun(directory, { strict }, process);
    if (report !== undefined) reports.push(report);
  }
  const groups = [...Map.groupBy(reports, ({ verdict }) => verdict.scenario).values()];
  const comparisons = groups.filter(({ length }) => length > 1).map(compareRuns);
  if (comparisons.length === 0) {
    throw new UsageError('no scenario has two runs that could be compared', 'name two runs of one scenario');
  }
  const alone = groups.filter(({ length }) => length === 1).flatMap(([only]) => only?.verdict.scenario ?? []);
  const terminal = process.stdout as { readonly columns?: number; readonly isTTY?: boolean };
  if (options.json === true) {
    process.stdout.write(
      `${JSON.stringify({ schema: 1, comparisons: comparisons.map(jsonOf), alone }, null, 2)}\n`,
    );
  } else {
    const colour = wantsColour(terminal, process.env);
    const detail = detailOf(options);
    for (const each of comparisons) {
      process.stdout.write(renderComparison(each, { strict, colour, detail }));
    }
    if (alone.length > 0) {
      process.stdout.write(`with one run only, not compared: ${alone.map(printableLine).join(', ')}\n`);
    }
  }
  const differ = comparisons.some(({ differences }) => differences.some(({ kind }) => kind === 'outcome'));
  return differ ? exitCode.failed : exitCode.met;
}

/** Field names are an interface for scripts. */
function jsonOf({ scenario, runs, differences, alike, oddCounts }: Comparison) {
  return {
    scenario,
    runs: runs.map(({ directory, started, verdict, images }, run) => ({
      directory,
      board: verdict.board,
      started,
      outcome: verdict.outcome,
      images,
      odd: oddCounts[run],
    })),
    alike,
    differences: differences.map(({ kind, cells, odd }) => ({
      kind,
      odd,
      runs: cells.map(cell => cell ?? null),
    })),
  };
}

const kindOrder: readonly BaselineChange['kind'][] = [
  'new failure',
  'flaky failure',
  'same failure',
  'unknown',
  'fixed',
];

function compareWithBaseline(
  names: readonly string[],
  baseline: string,
  options: CompareOptions,
  process: CliProcess,
): number {
  const [name] = names;
  if (name === undefined || names.length > 1) {
    throw new UsageError(
      '--baseline goes with one directory of runs',
      'for instance: compare runs --baseline old',
    );
  }
  const now = pastRunsOf(path.resolve(process.cwd, name));
  const changes = changesSince(pastRunsOf(path.resolve(process.cwd, baseline)), now).toSorted(
    (one, other) => kindOrder.indexOf(one.kind) - kindOrder.indexOf(other.kind),
  );
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ schema: 1, runs: now.length, changes }, null, 2)}\n`);
  } else {
    for (const { kind, now: run, before } of changes) {
      const cause = run.cause === null ? '' : `\n    ${printableLine(run.cause)}`;
      const known = before === null ? 'not in the baseline' : `${before.outcome} before (${before.started})`;
      process.stdout.write(
        `${kind}: ${printableLine(`${run.scenario} on ${run.board}`)}, ${known}${cause}\n`,
      );
    }
    const sums = kindOrder.flatMap(kind => {
      const count = changes.filter(change => change.kind === kind).length;
      return count === 0 ? [] : [`${count} ${kind}`];
    });
    process.stdout.write(
      `${now.length} runs: ${sums.length === 0 ? 'as in the baseline' : sums.join(', ')}\n`,
    );
  }
  const has = (kind: BaselineChange['kind']) => changes.some(change => change.kind === kind);
  if (has('new failure')) return exitCode.failed;
  return has('unknown') ? exitCode.infrastructure : exitCode.met;
}

function pastRunsOf(directory: string): PastRun[] {
  runsIn(directory);
  using store = new HistoryStore(directory);
  return store.runs();
}
