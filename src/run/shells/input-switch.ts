/** Switches what is typed on Xen's console from one domain to another, by reading where it went. */
import { DriverError } from '../../lab/drivers/driver-error.ts';
import type { BoardConsole } from '../board-console.ts';
import { deadline, type RunClock } from '../clock.ts';
import { inputAnnouncement, type InputTarget, switchKeys } from './input-target.ts';

/** Milliseconds in which Xen says where the input went. */
const announcement = 3000;
/** Xen, Dom0 and a few domains take turns; an announcement may be lost on the way. */
const attempts = 12;

/**
 * Presses Ctrl-a three times until Xen says that the input is where it is wanted.
 * @throws DriverError with all that was announced, where it never is; the signal's reason
 */
export async function switchInput(
  console: BoardConsole,
  to: InputTarget,
  clock: RunClock,
  signal: AbortSignal,
): Promise<void> {
  const went: InputTarget[] = [];
  for (let attempt = 1; console.input !== to; attempt++) {
    if (attempt > attempts) throw never(console, to, went);
    const target = await pressed(console, clock, signal);
    if (target !== undefined) went.push(target);
    // Once round: it is not among them.
    if (target !== undefined && target !== to && went.filter(each => each === target).length > 2) {
      throw never(console, to, went);
    }
  }
}

/** @returns undefined where Xen said nothing */
async function pressed(
  console: BoardConsole,
  clock: RunClock,
  signal: AbortSignal,
): Promise<InputTarget | undefined> {
  const mark = console.mark();
  await console.write(switchKeys);
  using patience = deadline(clock, announcement, 'Xen to say where its input goes', signal);
  try {
    return await console.until(() => lastAnnounced(console.xenSince(mark)), patience.signal);
  } catch (error) {
    signal.throwIfAborted();
    if (patience.signal.aborted) return undefined;
    throw error;
  }
}

function lastAnnounced(lines: readonly string[]): InputTarget | undefined {
  return lines.map(inputAnnouncement).findLast(target => target !== undefined);
}

function never(console: BoardConsole, to: InputTarget, went: readonly InputTarget[]): DriverError {
  const why =
    went.length === 0
      ? 'Ctrl-a three times brought no word of Xen'
      : `Xen sent it to ${[...new Set(went)].join(', ')} and never there`;
  return new DriverError(
    `switch the input of ${console.name} to ${to}`,
    why,
    went.length === 0
      ? "see that the adapter's TX is wired, and `conswitch` on the command line of Xen"
      : 'see whether that domain runs, and has `vpl011` in its node under /chosen',
  );
}
