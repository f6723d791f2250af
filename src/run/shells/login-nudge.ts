/** Dom0's login is asked for where nothing comes any more: init may have written over it, or the line has lost it. */
import type { BoardConsole } from '../board-console.ts';
import { pause, type RunClock } from '../clock.ts';

export interface LoginNudge {
  readonly console: BoardConsole;
  readonly clock: RunClock;
  /** Milliseconds that Dom0 has for its login; it is asked after a tenth of them in silence, some times. */
  readonly patience: number;
  readonly note: (text: string) => void;
}

/**
 * Presses Enter, which a shell, a login, and busybox's `Please press Enter` answer, once Dom0's kernel has spoken and
 * has fallen silent.
 */
export async function nudgeLogin(
  { console, clock, patience, note }: LoginNudge,
  signal: AbortSignal,
): Promise<void> {
  const mark = console.mark();
  for (let pressed = 0; pressed < most; ) {
    const left = patience / 10 - console.silentFor();
    if (left > 0 || !console.hasSaid('linux', mark)) {
      await pause(clock, Math.max(left, shortest), signal);
      continue;
    }
    pressed++;
    note(`Dom0 is silent, and its login was not seen: Enter asks for it (${pressed} of ${most})`);
    await console.write('\r');
    await pause(clock, patience / 10, signal);
  }
}

const most = 3;
const shortest = 50;
