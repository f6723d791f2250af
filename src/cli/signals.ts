/** Deadlines and interruption of commands. */
import { setImmediate } from 'node:timers/promises';

/** Aborts after some milliseconds, or when the command is interrupted. */
export function within(milliseconds: number, signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(milliseconds)]);
}

/** Milliseconds that pass unless the command is interrupted, which rejects with its reason. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', interrupted);
      resolve();
    }, milliseconds);
    const interrupted = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', interrupted, { once: true });
  });
}

/** Milliseconds of work between two looks at the signal. */
const slice = 50;

/**
 * Does work that waits for nothing, with pauses in which Ctrl-C is heard.
 * @param work yields wherever it may be interrupted
 * @returns what the work returns
 * @throws the signal's reason
 */
export async function interruptible<Result>(
  work: Generator<unknown, Result, void>,
  signal: AbortSignal,
): Promise<Result> {
  await breathe(signal);
  for (let since = performance.now(); ; ) {
    const { done, value } = work.next();
    if (done === true) return value;
    if (performance.now() - since < slice) continue;
    await breathe(signal);
    since = performance.now();
  }
}

/**
 * Hears signals that have come.
 * @throws the signal's reason
 */
export async function breathe(signal: AbortSignal): Promise<void> {
  await setImmediate();
  signal.throwIfAborted();
}
