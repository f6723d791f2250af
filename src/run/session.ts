/** A whole run with its files: predicted, run, recorded, judged. */
import { messageOf } from '../config/text.ts';
import path from 'node:path';
import type { RunOutcome } from '../../machines/run-outcome.ts';
import type { OpenBoard } from '../lab/open-board.ts';
import type { Guard } from '../lab/guard/guard.ts';
import { DriverError } from '../lab/drivers/driver-error.ts';
import { predict } from '../model/predict/predict.ts';
import type { XenSeen } from '../model/predict/other-build.ts';
import { emptyPrediction, type Prediction } from '../model/predict/prediction.ts';
import type {
  CpuTime,
  DeployedImage,
  RecordedEvent,
  Recorder,
  RunHeader,
} from '../verdict/recording/event.ts';
import { readRun } from '../verdict/recording/reader.ts';
import {
  makeRunDirectory,
  runFiles,
  type RunName,
  writeChecksums,
  writePrediction,
  writeVerdict,
} from '../verdict/recording/run-directory.ts';
import { RecordingError, RecordingWriter } from '../verdict/recording/writer.ts';
import type { Scenario } from '../model/predict/scenario.ts';
import { judge } from '../verdict/verify/judge.ts';
import { predictedRun } from '../verdict/verify/other-run.ts';
import type { Verdict } from '../verdict/verify/verdict.ts';
import { xenOfRecording } from '../verdict/verify/xen-seen.ts';
import { systemClock } from './clock.ts';
import { checksums } from './deploy/deployed-file.ts';
import { describeImages } from './deploy/deployed-images.ts';
import { prepareDeployment } from './deploy/deployment.ts';
import { oldEepromWords } from './deploy/eeprom-limit.ts';
import { runScenario } from './run.ts';

export interface SessionOptions {
  /** Open, and closed by the caller. */
  readonly board: OpenBoard;
  readonly scenario: Scenario;
  /** Directory under which the run gets its own (`runs`). */
  readonly runs: string;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** Name and version of this program, for the recording. */
  readonly controller: string;
  /** Purpose shown to others who want the board: the command line. */
  readonly command: string;
  /** Name of the bug that a virtual board has on purpose. */
  readonly mutant?: string;
  /** Names of the faults that the virtual lab has on purpose. */
  readonly faults?: readonly string[];
  /** In place of the system's write, for what is recorded. */
  readonly write?: (file: number, bytes: Uint8Array) => number;
  /** Switches the board off where this process is killed. */
  readonly guard?: Guard | undefined;
  /** Strings that must not reach a file, passwords for instance. */
  readonly secrets?: Iterable<string>;
  /** Claims that break as predicted fail. */
  readonly strict?: boolean;
  /** Told once what the model predicts of the scenario as it is deployed, before the board is switched on. */
  readonly onPrediction?: (deployed: Scenario, prediction: Prediction) => void;
  /** The run's directory, as soon as there is one. */
  readonly onDirectory?: (directory: string) => void;
  /** All recorded events as they are written, for a live display. */
  readonly onEvent?: (event: RecordedEvent) => void;
}

export interface Session {
  readonly verdict: Verdict;
  readonly outcome: RunOutcome;
  /** Version that Xen printed: the lab's boards boot the same one in the next run. */
  readonly xen: XenSeen;
  /** The run's directory. */
  readonly directory: string;
  /** Null where the run ended before it, because somebody else has the board for instance. */
  readonly prediction: Prediction | null;
  /** ISO 8601. */
  readonly started: string;
  readonly milliseconds: number;
  readonly cpu: CpuTime;
  /** Deployed files, by the names of the lab. */
  readonly images: Readonly<Record<string, DeployedImage>>;
}

/**
 * Runs one scenario on one board. What the board and the lab do is in the verdict.
 * @throws ConfigurationError before anything is touched, where the scenario and the board's images do not fit;
 *   DriverError where the run cannot have a directory
 */
export async function runOnBoard(options: SessionOptions): Promise<Session> {
  const { board, scenario } = options;
  const started = new Date();
  const cpuBefore = process.cpuUsage();
  const deployment = await prepareDeployment(board, scenario);
  const deployed: Scenario = { ...scenario, hostTree: deployment.hostTree };
  const files = await checksums(deployment.files);
  const images = await describeImages(deployment.images);
  const directory = await begun(options.runs, { started, board: board.name, scenario: scenario.name }, files);
  options.onDirectory?.(directory);

  const clock = systemClock();
  const broken = new AbortController();
  using writer = new RecordingWriter(directory, {
    clock: () => clock.now(),
    ...(options.secrets !== undefined && { secrets: options.secrets }),
    onError: error => broken.abort(error),
    ...(options.write !== undefined && { write: options.write }),
  });
  const uarts = [...(board.uarts ?? [])].map(([name, { talkers }]) => [name, talkers] as const);
  const recorder = tee(writer, clock, options.onEvent);
  const header: RunHeader = {
    schema: 2,
    started: started.toISOString(),
    board: board.name,
    boardType: board.type.type,
    virtual: board.virtual,
    scenario: scenario.name,
    ...(options.mutant !== undefined && { mutant: options.mutant }),
    controller: options.controller,
    ...(uarts.length > 0 && { uarts: Object.fromEntries(uarts) }),
    files,
    images,
  };
  recorder.record('run', { kind: 'run-started', data: header });
  const notes = [...(board.notes ?? []), ...(await oldEepromWords(board.type.boot, deployment.files))];
  for (const text of notes) recorder.record('run', { kind: 'note', data: { text } });
  const { outcome: ran, prediction } = await runScenario({
    board,
    scenario: deployed,
    deployment,
    predict: async () => {
      const predicted = await predictAndSave(deployed, board, header, directory);
      options.onPrediction?.(deployed, predicted);
      return predicted;
    },
    recorder,
    directory,
    // A run whose recording cannot be written proves nothing.
    signal: AbortSignal.any([options.signal, broken.signal]),
    reservation: { command: options.command, guard: options.guard },
    clock,
  });
  const cpu = cpuSince(cpuBefore);
  recorder.record('run', { kind: 'run-finished', data: { outcome: ran, cpu } });
  writer.close();
  const unwritten = writer.failed === undefined ? [] : endOf(writer.failed, clock.now());
  const { verdict, xen } = await judged(directory, prediction, unwritten, options.strict === true);
  return {
    verdict: await kept(directory, verdict, options.write),
    outcome: writer.failed === undefined ? ran : 'infrastructure',
    xen,
    directory,
    prediction,
    started: started.toISOString(),
    milliseconds: Math.round(clock.now()),
    cpu,
    images,
  };
}

/** @throws DriverError where nothing can be written there: the board is not touched then */
async function begun(runs: string, name: RunName, files: Readonly<Record<string, string>>): Promise<string> {
  try {
    const directory = await makeRunDirectory(runs, name);
    await writeChecksums(directory, files);
    return directory;
  } catch (error) {
    const why = messageOf(error);
    const hint = 'make room on that disk, or name another directory with --runs';
    throw new DriverError(`make a directory for the run in ${runs}`, why, hint, { cause: error });
  }
}

function cpuSince(before: { user: number; system: number }): CpuTime {
  const { user, system } = process.cpuUsage(before);
  return { user: Math.round(user / 1000), system: Math.round(system / 1000) };
}

async function predictAndSave(
  scenario: Scenario,
  { type, dom0System }: OpenBoard,
  header: RunHeader,
  directory: string,
): Promise<Prediction> {
  const predicted = predict(scenario, {
    directory: type.dom0.directory,
    ...(dom0System !== undefined && { dom0System }),
  });
  const prediction: Prediction = { ...predicted, run: predictedRun(header) };
  await writePrediction(directory, prediction);
  return prediction;
}

/** Judged by what is on the disk, as `verify` will judge it again. */
async function judged(
  directory: string,
  prediction: Prediction | null,
  unwritten: readonly RecordedEvent[],
  strict: boolean,
): Promise<Pick<Session, 'verdict' | 'xen'>> {
  const { events: written, lines } = await readRun(directory);
  const events = [...written, ...unwritten];
  const verdict = judge({ prediction: prediction ?? emptyPrediction, recording: events, lines, strict });
  return { verdict, xen: xenOfRecording(events) };
}

/** Missing part of a recording that could not be written to its end. */
function endOf({ message: what, hint }: RecordingError, t: number): readonly RecordedEvent[] {
  return [
    { t, source: 'run', kind: 'fault', data: { class: 'infrastructure', what, hint } },
    { t, source: 'run', kind: 'run-finished', data: { outcome: 'infrastructure' } },
  ];
}

/** @returns the verdict as it is told: what nobody can read again is not met */
async function kept(directory: string, verdict: Verdict, write: SessionOptions['write']): Promise<Verdict> {
  try {
    await writeVerdict(directory, verdict, write);
    return verdict;
  } catch (error) {
    const { message: what, hint } = new RecordingError(path.join(directory, runFiles.verdict), error);
    const { outcome, faults } = verdict;
    return {
      ...verdict,
      outcome: outcome === 'met' ? 'infrastructure' : outcome,
      faults: [...faults, { class: 'infrastructure', what, hint }],
    };
  }
}

function tee(
  writer: RecordingWriter,
  clock: { now(): number },
  show: ((event: RecordedEvent) => void) | undefined,
): Recorder {
  return {
    record: (source, event) => {
      writer.record(source, event);
      show?.({ t: clock.now(), source, ...event });
    },
  };
}
