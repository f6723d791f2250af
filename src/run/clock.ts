/** Time as a run counts it. */
export interface RunClock {
  /** Milliseconds since the run began. */
  now(): number;
  setTimeout(callback: (...arguments_: unknown[]) => void, milliseconds: number): unknown;
  clearTimeout(handle: unknown): void;
}

/** The clock on the wall, started now. */
export function systemClock(): RunClock {
  const began = performance.now();
  return {
    now: () => performance.now() - began,
    setTimeout: (callback, milliseconds) => setTimeout(callback, milliseconds),
    clearTimeout: handle => clearTimeout(handle as NodeJS.Timeout),
  };
}

/** Waits, or rejects with the signal's reason. */
export function pause(clock: RunClock, milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const stop = () => {
      clock.clearTimeout(handle);
      reject(signal.reason as Error);
    };
    const handle = clock.setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal.addEventListener('abort', stop, { once: true });
  });
}

export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** The work has come further: the time begins anew. */
  renew(): void;
}

/** A deadline for one piece of work within a longer one: aborted by either. Dispose of it when the work is over. */
export function deadline(clock: RunClock, milliseconds: number, what: string, outer: AbortSignal): Deadline {
  const controller = new AbortController();
  const expire = () => {
    const error = new Error(`waited ${(milliseconds / 1000).toFixed(1)} s for ${what}`);
    error.name = 'TimeoutError';
    controller.abort(error);
  };
  let handle = clock.setTimeout(expire, milliseconds);
  const end = () => clock.clearTimeout(handle);
  return {
    signal: AbortSignal.any([outer, controller.signal]),
    renew: () => {
      end();
      handle = clock.setTimeout(expire, milliseconds);
    },
    [Symbol.dispose]: end,
  };
}
