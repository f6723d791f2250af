/** One run: the machines get their actors from the board's drivers, and all that is seen is recorded. */
import { createActor, toPromise } from 'xstate';
import type { Fault } from '../../machines/fault.ts';
import type { RunOutcome } from '../../machines/run-outcome.ts';
import type { Deadlines } from '../board/board-type.ts';
import type { OpenBoard } from '../lab/open-board.ts';
import type { Prediction } from '../model/predict/prediction.ts';
import type { Recorder } from '../verdict/recording/event.ts';
import { RecordingError } from '../verdict/recording/writer.ts';
import { followBoot } from './boot-hint.ts';
import { systemClock } from './clock.ts';
import { providedRun } from './run-actors.ts';
import { type RunOptions, RunParts } from './run-parts.ts';

export interface RunResult {
  readonly outcome: RunOutcome;
  readonly faults: readonly Fault[];
  /** Null where the board could not be reserved, or the prediction failed. */
  readonly prediction: Prediction | null;
}

/**
 * Runs a scenario on a board and leaves nothing behind: the power is off, the serial line, all sessions and
 * the file server's handle are closed, the reservation is given back.
 * @returns never rejects for what the board or the lab did: that is in `faults`, and recorded
 */
export async function runScenario(options: RunOptions): Promise<RunResult> {
  const { signal } = options;
  const clock = options.clock ?? systemClock();
  const followed = followBoot(options, clock);
  const { recorder } = followed;
  const parts = new RunParts({ ...options, recorder, clock }, followed.hint);
  const machine = createActor(providedRun(parts), {
    input: {
      deadlines: deadlinesOf(options.board),
      witness: parts.witness,
      files: [...options.deployment.files.keys()],
      steps: options.scenario.steps,
      boot: options.deployment.boot,
      lastWords: 10 * options.board.type.console.quiet,
      ...(options.scenario.payload !== undefined && { payload: options.scenario.payload }),
    },
    clock: parts.clock,
    inspect: parts.watched.inspect,
  });
  recordFaults(machine, recorder);
  const interrupt = () => {
    const broken: unknown = signal.reason;
    machine.send({ type: 'interrupt', ...(broken instanceof RecordingError && { broken }) });
  };
  try {
    const over = toPromise(machine);
    machine.start();
    signal.addEventListener('abort', interrupt);
    if (signal.aborted) interrupt();
    const { outcome, faults } = await over;
    return { outcome, faults, prediction: parts.prediction };
  } finally {
    signal.removeEventListener('abort', interrupt);
    await parts.close();
  }
}

/** The EEPROM prints no progress within a file: if it is the only witness, silence is no stall. */
function deadlinesOf({ tftp, type }: OpenBoard): Deadlines {
  const { deadlines } = type;
  const silent = !tftp.observes && type.boot.eeprom !== undefined;
  return silent ? { ...deadlines, transferStall: deadlines.deploy } : deadlines;
}

/** Each fault is recorded when the run's machine learns of it. */
function recordFaults(
  machine: {
    subscribe(observer: {
      next: (snapshot: { context: { faults: readonly Fault[] } }) => void;
      error: (error: unknown) => void;
    }): unknown;
  },
  recorder: Recorder,
): void {
  let recorded = 0;
  machine.subscribe({
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
