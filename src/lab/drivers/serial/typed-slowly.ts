import { setTimeout as delay } from 'node:timers/promises';
import type { SerialConnection, SerialDriver } from './serial.ts';

/**
 * A line for a board that loses input when it comes faster than it reads: bytes go one by one. What is written
 * while others are still going waits for them.
 *
 * @param charactersPerSecond at most; more than 0
 */
export function typedSlowly(driver: SerialDriver, charactersPerSecond: number): SerialDriver {
  return {
    name: `${driver.name}, ${charactersPerSecond} characters a second`,
    open: async (events, signal) => pace(await driver.open(events, signal), 1000 / charactersPerSecond),
  };
}

/** @param interval milliseconds from one byte to the next */
function pace(line: SerialConnection, interval: number): SerialConnection {
  const closing = new AbortController();
  let due = 0;
  const turn = async () => {
    const wait = due - performance.now();
    if (wait > 0) {
      // A line that is closed meanwhile refuses the byte that is next.
      await delay(wait, undefined, { signal: closing.signal }).catch(() => {});
    }

    due = Math.max(due, performance.now()) + interval;
  };

  let queue: Promise<unknown> = Promise.resolve();
  const write = (bytes: Uint8Array): Promise<void> => {
    const copy = Uint8Array.from(bytes);
    const written = queue.then(async () => {
      for (const byte of copy) {
        await turn();
        await line.write(Uint8Array.of(byte));
      }

      return undefined;
    });
    queue = written.catch(() => {});
    return written;
  };

  const close = async () => {
    const closed = line.close();
    closing.abort();
    await closed;
  };

  return { ...line, write, close, [Symbol.asyncDispose]: close };
}
