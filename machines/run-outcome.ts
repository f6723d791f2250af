/** Outcome of a run, by its faults. */
import type { Prediction } from '../src/model/predict/prediction.ts';
import type { Fault } from './fault.ts';
import type { PowerOutput } from './power.ts';

export type RunOutcome = 'completed' | 'infrastructure' | 'interrupted';

export interface RunOutput {
  readonly outcome: RunOutcome;
  readonly faults: readonly Fault[];
  /** Null if the board could not be reserved, or the prediction failed. */
  readonly prediction: Prediction | null;
}

/** An interruption tells most, then what kept the run from telling anything about the board's software. */
export function outcome(faults: readonly Fault[]): RunOutcome {
  if (faults.some(fault => fault.class === 'interrupted')) return 'interrupted';
  return faults.some(fault => fault.class === 'infrastructure' || fault.class === 'controller')
    ? 'infrastructure'
    : 'completed';
}

/**
 * The fault of the last power off. A switch that was off before it was told so is not the one that this board
 * ran on.
 * @param isOn the board has booted
 */
export function stillPowered(isOn: boolean, { fault, was }: PowerOutput): Fault | null {
  const why = fault ?? (isOn && was === 'off' ? saidOff : null);
  return why === null ? null : { ...why, what: `THE BOARD MAY STILL BE POWERED: ${why.what}` };
}

const saidOff: Fault = {
  class: 'infrastructure',
  what: 'the switch said that it was off while the board still answered',
  hint: 'see that the lab file names the switch of this board, and that nobody else turns it',
};
