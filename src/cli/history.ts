/** `scmi-hil history`: how often a scenario was met, how long it took, and since when it fails. */
import path from 'node:path';
import { nearestName } from '../config/nearest-name.ts';
import type { PastOutcome, PastRun } from '../verdict/history/past-run.ts';
import { HistoryStore } from '../verdict/history/store.ts';
import { type HistorySummary, summarize } from '../verdict/history/summary.ts';
import { printableLine } from '../verdict/report/printable.ts';
import { type AddCommand, type CliProcess, exitCode, UsageError } from './command.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { runsIn } from './recorded-runs.ts';
import { table } from './table.ts';

interface HistoryOptions {
  readonly board?: string;
  readonly runs: string;
  readonly json?: boolean;
}

export const addHistory: AddCommand = (program, process, done) => {
  const command = program
    .command('history [scenario]')
    .description(
      'Tells of the recorded runs of a scenario how many were met, how long they took and since when it fails; without a scenario, of all.',
    )
    .option('--board <name>', 'of this board only')
    .option('--runs <directory>', 'the directory of runs', 'runs')
    .option('--json', 'print JSON')
    .action((scenario: string | undefined, options: HistoryOptions) => {
      history(scenario, options, process);
      done(exitCode.met);
    });
  addHelpNotes(command, {
    examples: [
      ['history', 'a line for each scenario and board'],
      ['history dom0-and-guest --board rpi5-01', 'since which Xen it fails, and its last runs'],
    ],
    exits: { met: 'it was told, whatever the outcomes are', usage: commonExits.usage },
  });
};

function history(scenario: string | undefined, options: HistoryOptions, process: CliProcess): void {
  const directory = path.resolve(process.cwd, options.runs);
  runsIn(directory);
  using store = new HistoryStore(directory);
  const runs = store.runs({ scenario, board: options.board });
  const summaries = summarize(runs);
  if (summaries.length === 0) throw nothingFound(scenario, options.board, store.runs());
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ schema: 1, summaries }, null, 2)}\n`);
  } else if (scenario === undefined) {
    process.stdout.write(table(['SCENARIO', 'BOARD', 'MET', 'MEDIAN', 'LAST RUNS'], summaries.map(rowOf)));
  } else {
    process.stdout.write(summaries.map(inFull).join(''));
  }
}

function nothingFound(
  scenario: string | undefined,
  board: string | undefined,
  all: readonly PastRun[],
): UsageError {
  const wanted = [scenario, board === undefined ? undefined : `on ${board}`].filter(
    each => each !== undefined,
  );
  const meant =
    (scenario !== undefined && nearestName(scenario, new Set(all.map(run => run.scenario)))) ||
    (board !== undefined && nearestName(board, new Set(all.map(run => run.board))));
  return new UsageError(
    `no run of ${wanted.join(' ')} has a verdict here`,
    meant ? `did you mean ${meant}?` : `${all.length} runs have one; another directory: --runs DIR`,
  );
}

const letters: Readonly<Record<PastOutcome, string>> = {
  met: '.',
  failed: 'F',
  infrastructure: 'i',
  interrupted: '-',
};
const lastCount = 20;

/** The last runs, a character each, the newest at the end. */
function lastRuns(runs: readonly PastRun[]): string {
  return runs
    .slice(-lastCount)
    .map(({ outcome }) => letters[outcome])
    .join('');
}

function rowOf({ scenario, board, counts, durations, runs }: HistorySummary): string[] {
  return [
    printableLine(scenario),
    printableLine(board),
    `${counts.met}/${counts.met + counts.failed}`,
    durations === null ? '-' : seconds(durations.median),
    lastRuns(runs),
  ];
}

function inFull({
  scenario,
  board,
  counts,
  durations,
  failsSince,
  lastMet,
  isFlaky,
  runs,
}: HistorySummary): string {
  const judged = counts.met + counts.failed;
  const others = [
    ...(counts.infrastructure > 0 ? [`${counts.infrastructure} infrastructure errors`] : []),
    ...(counts.interrupted > 0 ? [`${counts.interrupted} interrupted`] : []),
  ];
  const share = judged === 0 ? '' : ` (${Math.floor((100 * counts.met) / judged)} %)`;
  const lines = [
    printableLine(`${scenario} on ${board}`),
    `  ${[`${counts.met} of ${judged} judged runs met${share}`, ...others].join(', ')}`,
    ...(durations === null
      ? []
      : [
          `  met runs took ${seconds(durations.median)} (median), ${seconds(durations.least)} to ${seconds(durations.most)}`,
        ]),
    ...(isFlaky ? ['  flaky: the same Xen was met and failed'] : []),
    ...(failsSince === null
      ? []
      : [
          `  fails since ${failsSince.started}${xenWords(failsSince)}`,
          ...(failsSince.cause === null ? [] : [`    ${printableLine(failsSince.cause)}`]),
          lastMet === null ? '  was never met' : `  last met ${lastMet.started}${xenWords(lastMet)}`,
        ]),
    `  last ${Math.min(lastCount, runs.length)}: ${lastRuns(runs)}  (. met, F failed, i infrastructure error, - interrupted)`,
  ];
  return `${lines.join('\n')}\n`;
}

function xenWords({ xen, xenBuild }: PastRun): string {
  const words = [xen, xenBuild === null ? null : `build ${xenBuild.slice(0, 12)}`].filter(
    each => each !== null,
  );
  return words.length === 0 ? '' : printableLine(`, ${words.join(', ')}`);
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
