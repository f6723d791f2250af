import { setTimeout as delay } from 'node:timers/promises';
import { DriverError } from '../driver-error.ts';
import type { PowerDriver } from '../power/power.ts';
import type { SerialConnection, SerialDriver, SerialEvents } from './serial.ts';

export interface TransientOptions {
  /** Milliseconds for which a powered board may be without its port. */
  readonly patience?: number;
  /** Milliseconds between two looks for the port. */
  readonly interval?: number;
}

/** Nothing can be typed: that is no word about who would have read it. */
class PortAway extends DriverError {
  readonly blames = 'lab';
}

/** Milliseconds that one opening of the port may take. */
const opening = 2000;

/**
 * A console whose adapter is fed by the board, and so comes and goes with its power. It is opened whether the
 * port is there or not, and opened again each time it appears. While the switch is off, or has not been used
 * yet, an absent port is as it should be; the line is lost where a board that was switched on goes without it
 * for longer than `patience`.
 *
 * @returns the two to use in place of those given
 */
export function transientWith(
  driver: SerialDriver,
  power: PowerDriver,
  options: TransientOptions = {},
): { readonly serial: SerialDriver; readonly power: PowerDriver } {
  const lines = new Set<(powered: boolean) => void>();
  let powered = false;
  const switched = (to: boolean) => {
    powered = to;
    lines.forEach(tell => tell(to));
  };

  return {
    serial: {
      name: `${driver.name}, gone while the power is off`,
      open: async (events, signal) => {
        signal.throwIfAborted();
        // Away is what it is meant to be at times.
        const heard = {
          data: (bytes: Uint8Array) => events.data(bytes),
          lost: (error: Error) => events.lost(error),
        };
        const line = createLine(driver, heard, options);
        line.powered(powered);
        lines.add(line.powered);
        const close = async () => {
          lines.delete(line.powered);
          await line.connection.close();
        };
        await line.firstLook;
        return { ...line.connection, close, [Symbol.asyncDispose]: close };
      },
    },
    power: {
      ...power,
      on: async signal => {
        await power.on(signal);
        switched(true);
      },
      off: async signal => {
        switched(false);
        await power.off(signal);
      },
    },
  };
}

export interface Line {
  readonly connection: SerialConnection;
  /** Settles when the port has been looked for once. */
  readonly firstLook: Promise<void>;
  readonly powered: (on: boolean) => void;
}

/** Opens a port each time that it appears, and loses it where a powered board goes without it for too long. */
export function createLine(
  driver: SerialDriver,
  events: SerialEvents,
  { patience = 15_000, interval = 250 }: TransientOptions,
): Line {
  const attempt = `use ${driver.name}`;
  const over = new AbortController();
  let line: SerialConnection | undefined;
  let ended: Error | undefined;
  let last: unknown = new DriverError(attempt, 'it is not there', 'see that the board has power');
  let on = false;
  let wentAway = performance.now();
  let alarm: NodeJS.Timeout | undefined;

  const end = (error: Error) => {
    ended ??= error;
    clearTimeout(alarm);
    over.abort();
  };
  const watch = () => {
    clearTimeout(alarm);
    if (on && isAway()) {
      alarm = setTimeout(giveUp, patience);
    }
  };
  const giveUp = () => {
    const why = last instanceof Error ? last.message : String(last);
    const error = new DriverError(
      attempt,
      `the board is switched on, but for ${patience / 1000} s its port did not come back (${why})`,
      'see that the board has power, and the cable of its port',
      { cause: last },
    );
    end(error);
    events.lost(error);
  };

  const isAway = () => line === undefined && ended === undefined;

  const look = async () => {
    try {
      const opened = await driver.open(
        {
          data: bytes => {
            if (ended === undefined) {
              events.data(bytes);
            }
          },
          lost: error => {
            last = error;
            line = undefined;
            wentAway = performance.now();
            events.away?.(error);
            watch();
            void seek();
          },
        },
        AbortSignal.any([over.signal, AbortSignal.timeout(opening)]),
      );
      if (ended === undefined) {
        line = opened;
        events.back?.(performance.now() - wentAway);
        watch();
      } else {
        await opened.close();
      }
    } catch (error) {
      last = error;
    }
  };
  let seeking: Promise<void> = Promise.resolve();
  const seek = () => {
    seeking = (async () => {
      while (isAway()) {
        await delay(interval, undefined, { signal: over.signal }).catch(() => {});
        if (isAway()) {
          await look();
        }
      }
    })();
    return seeking;
  };

  const firstLook = look();
  void firstLook.then(() => (line === undefined ? seek() : undefined));

  const close = async () => {
    end(new DriverError(attempt, 'it was closed', 'open it again'));
    await firstLook;
    await seeking;
    await line?.close();
  };
  const present = (): SerialConnection => {
    if (ended === undefined && line !== undefined) {
      return line;
    }

    throw ended ?? new PortAway(attempt, 'its port is away', 'switch the board on', { cause: last });
  };

  return {
    connection: {
      write: async bytes => {
        await present().write(bytes);
      },
      break: async milliseconds => {
        await present().break?.(milliseconds);
      },
      close,
      [Symbol.asyncDispose]: close,
    },
    firstLook,
    powered: to => {
      on = to;
      watch();
    },
  };
}
