/** Deadlines and interruption for the commands that talk to a board. */

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
