/** `scmi-hil faults`: what runs make of labs that fail. */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { type BoardEntry, virtualBoard, virtualBoards } from '../lab/load-lab.ts';
import { canHave, faultTable, type NamedFault, requiredFault } from '../lab/virtual-faults.ts';
import { faultLine, faultsJson, faultsPage, faultSummary } from '../trials/faults/report.ts';
import { type FaultTrial, tryFault } from '../trials/faults/fault-trials.ts';
import { findScenario, loadScenario } from '../scenario/load.ts';
import { type AddCommand, type CliProcess, exitCode, UsageError } from './command.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { repeated } from './repeated.ts';
import { requireDirectory, requireWritable, writeFile } from './write-file.ts';

interface FaultsOptions {
  readonly board: readonly string[];
  readonly scenario: string;
  readonly write?: string;
  readonly json?: boolean;
  readonly runs?: string;
}

export const addFaults: AddCommand = (program, process, done) => {
  const command = program
    .command('faults [name...]')
    .description(
      'Runs a scenario in virtual labs that have one fault each, and says what came of it. Without names, all ' +
        'faults. On one board, in full: scmi-hil run SCENARIO --board virtual-v4h --fault NAME.',
    )
    .option('--board <name>', 'only on this virtual board (may be given several times)', repeated, [])
    .option('--scenario <name>', 'what is run under them', 'dom0-and-guest')
    .option('--write <file>', 'write the page of the documentation')
    .option('--runs <dir>', 'keep the runs there; else those that came out as they must are removed')
    .option('--json', 'print JSON')
    .action(async (names: readonly string[], options: FaultsOptions) => {
      done(await tryFaults(names, options, process));
    });
  addHelpNotes(command, {
    examples: [
      ['faults', 'all of them, a line for each as it ends'],
      ['faults torn-lines disk-full', 'these two'],
      ['faults --write docs/faults.md', 'what npm run faults does: all of them, and the page'],
    ],
    exits: {
      met: 'every run came out as it must: recovered, or a failure of the lab that names its cause',
      failed: 'one did not',
      usage: commonExits.usage,
      interrupted: commonExits.interrupted,
    },
  });
};

async function tryFaults(
  names: readonly string[],
  options: FaultsOptions,
  process: CliProcess,
): Promise<number> {
  if (options.write !== undefined && names.length > 0) {
    throw new UsageError('the page lists all faults, and some were named', 'leave the names out, or --write');
  }
  const page = options.write === undefined ? undefined : path.resolve(process.cwd, options.write);
  if (page !== undefined) requireWritable(page);
  const faults = names.length === 0 ? faultTable : names.map(requiredFault);
  const boards = options.board.length === 0 ? Object.keys(virtualBoards) : options.board;
  const pairs = pairsOf(faults, boards.map(virtualBoard));
  const out = options.json === true ? process.stderr : process.stdout;
  const { file } = findScenario(options.scenario, process.cwd);
  if (options.runs !== undefined) requireDirectory(path.resolve(process.cwd, options.runs));
  const widths = columnsOf(pairs);
  const began = performance.now();
  const parent =
    options.runs === undefined
      ? await mkdtemp(path.join(tmpdir(), 'scmi-hil-faults-'))
      : path.resolve(process.cwd, options.runs);
  const kept = ({ wrong }: FaultTrial) => options.runs !== undefined || wrong !== undefined;
  let trials: readonly FaultTrial[] = [];
  try {
    trials = await inParallel(pairs, runsAtOnce, process.signal, async ({ fault, board }) => {
      const scenario = loadScenario(file, board.type);
      const directory = path.join(parent, `${fault.name}-${board.name}`);
      const trial = await tryFault(fault, board, { scenario, directory, signal: process.signal });
      process.signal.throwIfAborted();
      out.write(faultLine(trial, widths));
      if (!kept(trial)) await rm(directory, { recursive: true, force: true });
      return trial;
    });
  } finally {
    if (!trials.some(kept) && options.runs === undefined) await rm(parent, { recursive: true, force: true });
  }
  out.write(`${faultSummary(trials, performance.now() - began)}\n`);
  if (page !== undefined) {
    writeFile(page, faultsPage(trials, options.scenario));
    out.write(`${page}\n`);
  }
  if (options.json === true) process.stdout.write(faultsJson(trials));
  return trials.some(({ wrong }) => wrong !== undefined) ? exitCode.failed : exitCode.met;
}

/** Most of a run is waiting for a deadline. */
const runsAtOnce = 2 * availableParallelism();

interface Pair {
  readonly fault: NamedFault;
  readonly board: BoardEntry;
}

/** @throws UsageError where none of the boards can have a fault that was asked for */
function pairsOf(faults: readonly NamedFault[], boards: readonly BoardEntry[]): readonly Pair[] {
  return faults.flatMap(fault => {
    const own = boards.filter(({ type }) => canHave(fault, type));
    if (own.length === 0) {
      throw new UsageError(
        `${boards.map(({ name }) => name).join(', ')} cannot have ${fault.name}`,
        fault.title,
      );
    }
    return own.map(board => ({ fault, board }));
  });
}

function columnsOf(pairs: readonly Pair[]): { readonly fault: number; readonly board: number } {
  return {
    fault: Math.max(...pairs.map(({ fault }) => fault.name.length)),
    board: Math.max(...pairs.map(({ board }) => board.name.length)),
  };
}

/**
 * Some at a time, in their order.
 * @throws the first error, when what had begun is over
 */
async function inParallel<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  signal: AbortSignal,
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  const waiting = items.entries();
  const worker = async () => {
    for (const [index, item] of waiting) {
      signal.throwIfAborted();
      results[index] = await work(item);
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: atOnce }, worker));
  const failed = ends.find(end => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return results;
}
