import { DriverError } from './driver-error.ts';

/**
 * Waits for something that the signal may cut short.
 *
 * @param signal ends the wait
 * @param expired the error to reject with when the signal ends it
 * @param start begins; gets what to call with the outcome, returns what undoes the beginning. The undoing is
 *   called in every case, once, before the promise settles.
 */
export function abortable<T>(
  signal: AbortSignal,
  expired: () => Error,
  start: (resolve: (value: T) => void, reject: (error: Error) => void) => () => void,
): Promise<T> {
  if (signal.aborted) {
    return Promise.reject(expired());
  }

  return new Promise((resolve, reject) => {
    let undo: (() => void) | undefined;
    let settle: (() => void) | undefined;
    const end = (how: () => void) => {
      if (settle !== undefined) {
        return;
      }

      settle = how;
      signal.removeEventListener('abort', onAbort);
      if (undo !== undefined) {
        undo();
        how();
      }
    };
    const onAbort = () => end(() => reject(expired()));

    signal.addEventListener('abort', onAbort, { once: true });
    try {
      undo = start(
        value => end(() => resolve(value)),
        error => end(() => reject(error)),
      );
    } catch (error) {
      signal.removeEventListener('abort', onAbort);
      reject(error instanceof Error ? error : new Error(String(error)));
      return;
    }

    // The outcome came while `start` was still running.
    if (settle !== undefined) {
      undo();
      settle();
    }
  });
}

/**
 * The error of a wait that its signal ended: the deadline passed, or somebody interrupted it.
 *
 * @param attempt `open /dev/ttyUSB0`
 * @param awaited what never came: `an answer to the connection request`
 * @param hint what to do where the deadline passed
 */
export function cutShort(attempt: string, awaited: string, hint: string, signal: AbortSignal): DriverError {
  const reason: unknown = signal.reason;
  const cause = { cause: reason };
  return reason instanceof Error && reason.name === 'TimeoutError'
    ? new DriverError(attempt, `waited for ${awaited} until the deadline`, hint, cause)
    : new DriverError(
        attempt,
        `interrupted while waiting for ${awaited}`,
        'nothing: it was asked to stop',
        cause,
      );
}
