/** The whole run of a scenario on a board: its files are made, it is predicted, run, recorded, judged. */
import path from 'node:path';
import { createActor, toPromise } from 'xstate';
import type { Fault } from '../../machines/fault.ts';
import type { RunOutcome, RunOutput } from '../../machines/run-outcome.ts';
import { messageOf } from '../config/text.ts';
import { DriverError } from '../lab/drivers/driver-error.ts';
import type { Guard } from '../lab/guard/guard.ts';
import type { OpenBoard } from '../lab/open-board.ts';
import type { XenSeen } from '../model/predict/other-build.ts';
import { predict } from '../model/predict/predict.ts';
import { emptyPrediction, type Prediction } from '../model/predict/prediction.ts';
import type { Scenario } from '../model/predict/scenario.ts';
import { BootProgress, stuckWords } from '../verdict/diagnosis/boot-progress.ts';
import type {
  CpuTime,
  DeployedImage,
  RecordedEvent,
  Recorder,
  RunHeader,
} from '../verdict/recording/event.ts';
import { readEvents } from '../verdict/recording/reader.ts';
import {
  makeRunDirectory,
  runFiles,
  type RunName,
  writeChecksums,
  writePrediction,
  writeVerdict,
} from '../verdict/recording/run-directory.ts';
import { RecordingError, RecordingWriter } from '../verdict/recording/writer.ts';
import { RunJudge } from '../verdict/verify/judge.ts';
import { predictedRun } from '../verdict/verify/other-run.ts';
import type { Verdict } from '../verdict/verify/verdict.ts';
import { type ActorsOptions, runActors } from './actors.ts';
import { bootSubjectOf } from './boot-subject.ts';
import { systemClock } from './clock.ts';
import { checksums } from './deploy/deployed-file.ts';
import { describeImages } from './deploy/deployed-images.ts';
import { prepareDeployment } from './deploy/deployment.ts';
import { oldEepromWords } from './deploy/eeprom-limit.ts';

export interface RunOptions {
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
  readonly mutant?: string | undefined;
  /** Names of the faults that the virtual lab has on purpose. */
  readonly faults?: readonly string[] | undefined;
  /** In place of the system's write, for what is recorded. */
  readonly write?: ((file: number, bytes: Uint8Array) => number) | undefined;
  /** Switches the board off where this process is killed. */
  readonly guard?: Pick<Guard, 'take'> | undefined;
  /** Strings that must not reach a file, passwords for instance. */
  readonly secrets?: Iterable<string> | undefined;
  /** Claims that break as predicted fail. */
  readonly strict?: boolean | undefined;
  /** The run's directory, as soon as there is one. */
  readonly onDirectory?: ((directory: string) => void) | undefined;
  /** All recorded events as they are written, for a live display. */
  readonly onEvent?: ((event: RecordedEvent) => void) | undefined;
}

export interface JudgedRun {
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
export async function runOnBoard(options: RunOptions): Promise<JudgedRun> {
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
    secrets: options.secrets,
    onError: error => broken.abort(error),
    write: options.write,
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
    mutant: options.mutant,
    faults: options.faults,
    controller: options.controller,
    ...(uarts.length > 0 && { uarts: Object.fromEntries(uarts) }),
    files,
    images,
  };
  writer.allow(JSON.stringify(header));
  recorder.record('run', { kind: 'run-started', data: header });
  const notes = [...(board.notes ?? []), ...(await oldEepromWords(board.type.boot, deployment.files))];
  for (const text of notes) recorder.record('run', { kind: 'note', data: { text } });
  const { outcome: ran, prediction } = await runScenario({
    board,
    scenario: deployed,
    deployment,
    predict: async () => {
      const made = await predictAndSave(deployed, board, header, directory);
      writer.allow(JSON.stringify(made));
      return made;
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
  const predicted = predict(scenario, { directory: type.dom0.directory, dom0System });
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
): Promise<Pick<JudgedRun, 'verdict' | 'xen'>> {
  const judge = new RunJudge(prediction ?? emptyPrediction);
  let last = 0;
  await readEvents(path.join(directory, runFiles.recording), (event, line) => {
    last = line;
    judge.take(event, line);
  });
  for (const event of unwritten) judge.take(event, ++last);
  return judge.judge(strict);
}

/** Missing part of a recording that could not be written to its end. */
function endOf({ message: what, hint }: RecordingError, t: number): readonly RecordedEvent[] {
  return [
    { t, source: 'run', kind: 'fault', data: { class: 'infrastructure', what, hint } },
    { t, source: 'run', kind: 'run-finished', data: { outcome: 'infrastructure' } },
  ];
}

/** @returns the verdict as it is told: what nobody can read again is not met */
async function kept(directory: string, verdict: Verdict, write: RunOptions['write']): Promise<Verdict> {
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

export interface ScenarioOptions extends Omit<ActorsOptions, 'bootHint'> {
  /** Aborted by Ctrl-C: the run then ends in collect, power off and release. */
  readonly signal: AbortSignal;
}

/**
 * Runs a scenario on a board and leaves nothing behind: the power is off, the serial line, all shells and
 * the file server's handle are closed, the reservation is given back.
 * @returns never rejects for what the board or the lab did: that is in `faults`, and recorded
 */
export async function runScenario(options: ScenarioOptions): Promise<RunOutput> {
  const { board, scenario, deployment, signal } = options;
  const followed = followBoot(options);
  const { recorder } = followed;
  const { machine, world, inspect, close } = runActors({ ...options, recorder, bootHint: followed.hint });
  const actor = createActor(machine, {
    input: {
      world,
      files: [...deployment.files.keys()],
      steps: scenario.steps,
      boot: deployment.boot,
      lastWords: 10 * board.type.console.quiet,
      payload: scenario.payload,
    },
    clock: options.clock,
    inspect,
  });
  recordFaults(actor, recorder);
  const interrupt = () => {
    const broken: unknown = signal.reason;
    actor.send({ type: 'interrupt', ...(broken instanceof RecordingError && { broken }) });
  };
  try {
    const over = toPromise(actor);
    actor.start();
    signal.addEventListener('abort', interrupt);
    if (signal.aborted) interrupt();
    return await over;
  } finally {
    signal.removeEventListener('abort', interrupt);
    await close();
  }
}

/**
 * @returns a recorder that follows the boot in what it passes on; `hint`: why the board is stuck and what to do,
 *   undefined before it is switched on and once Xen speaks
 */
function followBoot({ board, deployment, recorder, clock }: ScenarioOptions): {
  readonly recorder: Recorder;
  readonly hint: () => string | undefined;
} {
  const boot = new BootProgress(bootSubjectOf(board, deployment.files.keys()));
  let place = 0;
  return {
    recorder: {
      record: (source, event) => {
        boot.take({ t: clock.now(), source, ...event }, ++place);
        recorder.record(source, event);
      },
    },
    hint: () => {
      const { stuck, attempts } = boot.diagnosis();
      return attempts === 0 || stuck === null ? undefined : stuckWords(stuck);
    },
  };
}

/** Each fault is recorded when the run's machine learns of it. */
function recordFaults(
  actor: {
    subscribe(observer: {
      next: (snapshot: { context: { faults: readonly Fault[] } }) => void;
      error: (error: unknown) => void;
    }): unknown;
  },
  recorder: Recorder,
): void {
  let recorded = 0;
  actor.subscribe({
    next: ({ context }) => {
      for (const { class: kind, what, hint } of context.faults.slice(recorded)) {
        recorder.record('run', {
          kind: 'fault',
          data: { class: kind, what, ...(hint !== undefined && { hint }) },
        });
      }
      recorded = context.faults.length;
    },
    // `toPromise` rejects with it.
    error: () => undefined,
  });
}
