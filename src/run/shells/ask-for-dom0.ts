/**
 * Dom0 is asked for where its login was not seen: init may have written over it, the line may have lost it, or its
 * prompt may have a form that is not known. An SSH server that answers shows that Dom0 is up as well as a prompt does.
 */
import type { BoardConsole } from '../board-console.ts';
import { pause, type RunClock } from '../clock.ts';

export interface Dom0Search {
  readonly console: Pick<BoardConsole, 'mark' | 'silentFor' | 'hasSaid' | 'write'>;
  readonly clock: RunClock;
  /** Milliseconds that Dom0 has for its login. */
  readonly patience: number;
  readonly note: (text: string) => void;
  /** Tries to log in once over the network; absent: the lab wants none of it. */
  readonly answersSsh?: (signal: AbortSignal) => Promise<boolean>;
}

/**
 * Waits for a tenth of the patience in which nothing comes after Dom0's kernel has spoken, or for a third of it on a
 * console that is never silent. Then it presses Enter, which a shell, a login, and busybox's
 * `Please press Enter` answer, and tries SSH.
 * @returns once SSH has answered; the machine that watches the console sees a login
 * @throws the signal's reason
 */
export async function askForDom0(
  { console, clock, patience, note, answersSsh }: Dom0Search,
  signal: AbortSignal,
): Promise<void> {
  const [mark, began] = [console.mark(), clock.now()];
  for (let pressed = 0; ; ) {
    const left = patience / 10 - console.silentFor();
    const isSilent = left <= 0 && console.hasSaid('linux', mark);
    if (!isSilent && clock.now() - began < patience / 3) {
      await pause(clock, Math.max(left, shortest), signal);
      continue;
    }
    // Enter alone brings back a prompt that was written over.
    if ((pressed > 0 || !isSilent) && (await answersSsh?.(signal))) return;
    if (isSilent && pressed < most) {
      pressed++;
      note(`Dom0 is silent, and its login was not seen: Enter asks for it (${pressed} of ${most})`);
      await console.write('\r');
    }
    await pause(clock, patience / 10, signal);
  }
}

const most = 3;
const shortest = 50;
