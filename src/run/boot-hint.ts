/** Hint for a boot that is stuck, from all that the run has recorded so far. */
import type { Recorder } from '../verdict/recording/event.ts';
import { BootProgress, stuckWords } from '../verdict/diagnosis/boot-progress.ts';
import { bootSubjectOf } from './boot-subject.ts';
import type { RunClock } from './clock.ts';
import type { RunOptions } from './run-parts.ts';

/**
 * @returns a recorder that follows the boot in what it passes on; `hint`: why the board is stuck and what to do,
 *   undefined before it is switched on and once Xen speaks
 */
export function followBoot(
  { board, deployment, recorder }: Pick<RunOptions, 'board' | 'deployment' | 'recorder'>,
  clock: RunClock,
): { readonly recorder: Recorder; readonly hint: () => string | undefined } {
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
