/** `scmi-hil verify`: judges again what was recorded, or a console log that somebody mailed in. */
import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { whyUnreadable } from '../config/yaml-file.ts';
import type { Prediction } from '../model/predict/prediction.ts';
import { readConsoleLog } from '../verdict/console/log-format.ts';
import type { RecordedEvent } from '../verdict/recording/event.ts';
import {
  type Damage,
  DamageSeen,
  piecesOf,
  type PlacedEvent,
  RecordingVersionError,
} from '../verdict/recording/reader.ts';
import { runFiles } from '../verdict/recording/run-directory.ts';
import { wantsColour } from '../verdict/report/colour.ts';
import { renderJson } from '../verdict/report/json.ts';
import { outcomeOf, type RunReport } from '../verdict/report/run-report.ts';
import { renderVerdict } from '../verdict/report/terminal.ts';
import { judgeConsole, RunJudge } from '../verdict/verify/judge.ts';
import type { Verdict } from '../verdict/verify/verdict.ts';
import { type AddCommand, type CliProcess, exitCode, UsageError } from './command.ts';
import { addConfigurationOptions } from './configuration-options.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { type PredictOptions, predictionOf } from './predict.ts';
import { addDetailOption, type DetailOption, detailOf } from './detail-option.ts';
import { readPrediction } from './prediction-file.ts';

interface VerifyOptions extends PredictOptions, DetailOption {
  readonly console?: string;
  readonly prediction?: string;
  readonly strict?: boolean;
  readonly scenario?: string;
}

export const addVerify: AddCommand = (program, process, done) => {
  const command = addConfigurationOptions(
    program
      .command('verify [run]')
      .description('Judges a recorded run again, or a bare console log, against a prediction.')
      .option('--console <log>', 'judge this console log instead of a run')
      .option('--prediction <file>', 'a prediction.json; of a run, its own where absent')
      .option('--scenario <name>', 'predict this scenario, with --board-type')
      .option('--case <directory>', 'predict a recorded boot with its configuration'),
  )
    .option('--strict', 'a claim that breaks as predicted fails')
    .option('--json', 'print JSON');
  addDetailOption(command).action(async (run: string | undefined, options: VerifyOptions) => {
    const report = await reportOf(run, options, process);
    if (report === undefined) {
      done(exitCode.interrupted);
      return;
    }
    print(report, options, process);
    done(exitCode[outcomeOf(report, { strict: options.strict === true })]);
  });
  addHelpNotes(command, {
    examples: [
      ['verify runs/2026-02-16T102030-rpi5-01-dom0-and-guest', 'judge a run again'],
      ['verify --console boot.log --host-dt host.dtb', 'judge a log by the tree that was booted'],
      ['verify --console boot.log --prediction prediction.json', 'judge a log by a prediction'],
    ],
    exits: {
      met: 'every expectation that could be observed was met',
      failed: 'at least one was missed or contradicted',
      usage: commonExits.usage,
      infrastructure: 'the lab had failed, or the log ends too early: too little was learned',
      interrupted: 'the run had been interrupted',
    },
  });
};

function reportOf(
  run: string | undefined,
  options: VerifyOptions,
  process: CliProcess,
): Promise<RunReport | undefined> {
  const hint = 'see: scmi-hil verify --help';
  if (run !== undefined && options.console !== undefined) {
    throw new UsageError('verify takes a run or --console, not both', hint);
  }
  if (run !== undefined) {
    const again = { chosen: chosenPrediction(options, process), strict: options.strict === true };
    return reportOfRun(path.resolve(process.cwd, run), again, process);
  }
  if (options.console === undefined) throw new UsageError('verify needs a run, or --console and a log', hint);
  return reportOfLog(path.resolve(process.cwd, options.console), options, process);
}

export interface JudgeAgain {
  /** In place of the run's own. */
  readonly chosen?: Prediction | undefined;
  readonly strict: boolean;
}

/**
 * Judges a recorded run again.
 * @returns undefined where the run was interrupted before it had a prediction
 */
export async function reportOfRun(
  directory: string,
  { chosen, strict }: JudgeAgain,
  process: CliProcess,
): Promise<RunReport | undefined> {
  const own = path.join(directory, runFiles.prediction);
  if (chosen === undefined && !existsSync(own) && (await wasInterrupted(directory))) {
    process.stderr.write(
      `${directory}: interrupted, nothing to judge: the run ended before its prediction\n`,
    );
    return undefined;
  }
  const prediction = chosen ?? ownPrediction(own);
  const judge = new RunJudge(prediction);
  const damage = await readEventsOf(directory, (event, line) => judge.take(event, line));
  warnOfDamage(damage, process);
  const { verdict, header, cpu, milliseconds } = judge.judge(strict);
  return {
    ...reportAbout(prediction, verdict),
    directory,
    started: header?.started ?? '',
    milliseconds,
    ...(cpu !== undefined && { cpu }),
    ...(header?.images !== undefined && { images: header.images }),
  };
}

/** Killed, or ended by its user. */
async function wasInterrupted(directory: string): Promise<boolean> {
  let outcome: string | undefined;
  await readEventsOf(directory, event => {
    if (event.kind === 'run-finished') ({ outcome } = event.data);
  });
  return outcome === undefined || outcome === 'interrupted';
}

function ownPrediction(file: string): Prediction {
  if (existsSync(file)) return readPrediction(file);
  throw new UsageError(
    `the run has no ${runFiles.prediction}: it ended before one was made`,
    'give --prediction FILE, or --scenario NAME with --board-type',
  );
}

async function reportOfLog(log: string, options: VerifyOptions, process: CliProcess): Promise<RunReport> {
  const prediction = chosenPrediction(options, process);
  if (prediction === undefined) {
    throw new UsageError(
      'a console log is judged against a prediction',
      'give --prediction FILE, --host-dt FILE, --case DIRECTORY, or --scenario NAME with --board-type',
    );
  }
  if (statSync(log, { throwIfNoEntry: false })?.isCharacterDevice() === true) {
    throw new UsageError(
      `${log} is a device, not a log`,
      'to make a log: scmi-hil console BOARD --for 60s </dev/null > boot.log',
    );
  }
  const bytes = await readFile(log).catch((error: unknown) => {
    throw new UsageError(`${log}: ${whyUnreadable(error)}`, undefined, { cause: error });
  });
  if (bytes.length === 0) throw new UsageError(`${log}: the file is empty`, 'give the log of a whole boot');
  const read = readConsoleLog(new Uint8Array(bytes));
  if ('refused' in read) {
    throw new UsageError(
      `${log} cannot be judged: ${read.refused}`,
      'give the log as the console carried it, or with the same kind of stamp before every line',
    );
  }
  if (read.note !== undefined) process.stderr.write(`${log}: ${read.note}\n`);
  const verdict = judgeConsole({
    prediction,
    log: read.bytes,
    scenario: path.basename(options.case ?? options.scenario ?? log),
    strict: options.strict === true,
  });
  return { ...reportAbout(prediction, verdict), directory: null, started: '', milliseconds: 0 };
}

/** The prediction that the command line asks for, if it asks for one. */
function chosenPrediction(options: VerifyOptions, process: CliProcess): Prediction | undefined {
  const { prediction, scenario, hostDt } = options;
  const model = scenario !== undefined || hostDt !== undefined || options.case !== undefined;
  if (prediction !== undefined && model) {
    throw new UsageError('--prediction goes with no other configuration', 'give one of them');
  }
  if (prediction !== undefined) return readPrediction(path.resolve(process.cwd, prediction));
  return model ? predictionOf(scenario, options, process) : undefined;
}

function reportAbout(prediction: Prediction, verdict: Verdict) {
  const claims = [...new Set(prediction.expectations.flatMap(({ claim }) => claim?.ids ?? []))];
  return { title: 'judged again', claims, verdict };
}

function print(report: RunReport, options: VerifyOptions, { stdout, env }: CliProcess): void {
  const strict = options.strict === true;
  if (options.json === true) {
    stdout.write(renderJson([report], { strict }));
    return;
  }
  const terminal = stdout as { readonly columns?: number; readonly isTTY?: boolean };
  stdout.write(
    renderVerdict(report, {
      strict,
      colour: wantsColour(terminal, env),
      detail: detailOf(options),
      columns: terminal.columns,
    }),
  );
}

/**
 * The events of a run's recording of any length, in pieces; everything that is wrong with it is the user's to know.
 * @param damage filled while they are read
 */
export async function* eventsOfRun(
  directory: string,
  damage: DamageSeen,
): AsyncGenerator<readonly PlacedEvent[], void, void> {
  const file = path.join(directory, runFiles.recording);
  if (!existsSync(file)) throw noRun(directory);
  let isEmpty = true;
  try {
    for await (const piece of piecesOf(file, damage)) {
      isEmpty &&= piece.length === 0;
      yield piece;
    }
  } catch (error) {
    if (!(error instanceof RecordingVersionError)) throw error;
    throw new UsageError(error.message, 'use the version of scmi-hil that wrote it, or a later one');
  }
  if (isEmpty) throw noEvent(directory);
}

async function readEventsOf(
  directory: string,
  take: (event: RecordedEvent, line: number) => void,
): Promise<Damage> {
  const damage = new DamageSeen();
  for await (const piece of eventsOfRun(directory, damage))
    for (const { event, line } of piece) take(event, line);
  return damage;
}

function noRun(directory: string): UsageError {
  const found = statSync(directory, { throwIfNoEntry: false });
  if (found === undefined)
    return new UsageError(`${directory}: there is no such directory`, 'runs are in runs/');
  return new UsageError(
    `${directory} is no run: it ${found.isDirectory() ? `has no ${runFiles.recording}` : 'is a file'}`,
    found.isDirectory()
      ? 'runs are in runs/'
      : 'name the directory of a run; of a console log: --console FILE',
  );
}

function noEvent(directory: string): UsageError {
  return new UsageError(
    `no event of a run is in ${path.join(directory, runFiles.recording)}`,
    'it is another file, or the run was killed at once',
  );
}

/** Says on standard error what of a recording could not be read. */
export function warnOfDamage({ damaged, cut }: Damage, { stderr }: CliProcess): void {
  for (const { line, what } of damaged.slice(0, 10)) {
    stderr.write(`${runFiles.recording}, line ${line}: ${what}; left out\n`);
  }
  if (damaged.length > 10) stderr.write(`and ${damaged.length - 10} more lines that are no events\n`);
  if (cut) stderr.write(`${runFiles.recording} ends in the middle of a line: the run was killed\n`);
}
