/** Waiting on a board that may lose its supply at any moment. */
import { setTimeout as sleep } from 'node:timers/promises';

/** @throws the signal's reason when the supply goes away first */
export async function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  try {
    await sleep(milliseconds, undefined, { signal });
  } catch {
    throw signal.reason;
  }
}

/** @throws the signal's reason once the supply goes away */
export async function untilAborted(signal: AbortSignal): Promise<never> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return await promise;
}
