/** A boot that is followed until Xen speaks, and no further. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Fault } from '../../machines/fault.ts';
import type { OpenBoard } from '../lab/open-board.ts';
import { emptyPrediction } from '../model/predict/prediction.ts';
import { bootSubjectOf } from '../run/boot-subject.ts';
import { systemClock } from '../run/clock.ts';
import { prepareDeployment } from '../run/deploy/deployment.ts';
import { runScenario, type ScenarioOptions } from '../run/run.ts';
import { bootScenario } from '../scenario/load.ts';
import {
  type BootDiagnosis,
  BootProgress,
  type ReachedStep,
  type StuckStep,
} from '../verdict/diagnosis/boot-progress.ts';

export interface BootOptions {
  readonly reservation: ScenarioOptions['reservation'];
  readonly signal: AbortSignal;
  /** Called for each step of the boot when it is reached. */
  readonly told: (step: ReachedStep) => void;
}

export interface FollowedBoot extends BootDiagnosis {
  /** Other problems: the board is reserved, its console was lost, it does not switch off. */
  readonly faults: readonly Fault[];
}

/**
 * Reserves a board, serves its files, switches it on once and follows the console and the requests. It is off
 * afterwards.
 * @param board open; closed by the caller
 * @returns places are numbers of events
 * @throws ConfigurationError where an image is missing or does not fit; the signal's reason
 */
export async function followBoot(
  board: OpenBoard,
  { reservation, signal, told }: BootOptions,
): Promise<FollowedBoot> {
  const labTree = board.images.get('dtb');
  const scenario = bootScenario(board.type, typeof labTree === 'string' ? { labTree } : {});
  const deployment = await prepareDeployment(board, scenario);
  const directory = await mkdtemp(path.join(os.tmpdir(), 'scmi-hil-boot-'));
  const clock = systemClock();
  const xenSpoke = new AbortController();
  const boot = new BootProgress(bootSubjectOf(board, deployment.files.keys()), step => {
    told(step);
    if (step.name === 'xen') xenSpoke.abort();
  });
  let place = 0;
  try {
    const { faults } = await runScenario({
      board,
      scenario: { ...scenario, hostTree: deployment.hostTree },
      deployment: { ...deployment, boot: { ...deployment.boot, attempts: 1 } },
      predict: () => emptyPrediction,
      recorder: { record: (source, event) => boot.take({ t: clock.now(), source, ...event }, ++place) },
      directory,
      signal: AbortSignal.any([signal, xenSpoke.signal]),
      reservation,
      clock,
    });
    signal.throwIfAborted();
    const diagnosis = boot.diagnosis();
    return { ...diagnosis, faults: faults.filter(fault => !isTold(fault, diagnosis)) };
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The diagnosis says more than the name of the wait that timed out; a good boot ends by an interruption. */
function isTold({ class: kind, what, hint }: Fault, { stuck, attempts }: BootDiagnosis): boolean {
  if (kind === 'interrupted') return true;
  if (attempts === 0 || stuck === null) return false;
  // Its evidence may have come after the fault.
  return hint === undefined || hint.startsWith(stuck.what) || isWait(what) || isSaid(what, stuck);
}

/** That a deadline passed is less than what the diagnosis says. */
function isWait(what: string): boolean {
  return what.startsWith('waited ');
}

function isSaid(what: string, { evidence, what: cause }: StuckStep): boolean {
  return what.startsWith(cause) || (evidence !== undefined && what.startsWith(evidence.text));
}
