import { setTimeout as delay } from 'node:timers/promises';
import { SerialPort } from 'serialport';
import { abortable, cutShort } from '../abortable.ts';
import { DriverError } from '../driver-error.ts';
import { findPort } from './find-port.ts';
import { watchHangUp } from './hang-up.ts';
import { findHolders, findLocker, type Holder } from './holder.ts';
import type { SerialConnection, SerialDriver, SerialEvents } from './serial.ts';

export interface SerialDevice {
  /**
   * Device node; best one of /dev/serial/by-id, which stays when adapters are plugged anew; the last part may be a
   * pattern that one device matches.
   */
  readonly path: string;
  /** Symbols per second. */
  readonly baudRate: number;
  /** Others may have it open: only a lock keeps this one out. */
  readonly shared?: boolean;
}

/** A serial adapter of this machine, 8N1 without flow control, locked against a second opener. */
export function serialDevice({ path: name, baudRate, shared = false }: SerialDevice): SerialDriver {
  return {
    name: `${name} at ${baudRate}`,
    open: async (events, signal) => {
      const path = await findPort(name);
      const attempt = `open ${path}`;
      const locker = await findLocker(path);
      if (locker !== undefined) refuseHeld(attempt, [locker]);
      // A terminal program that takes no lock would be let in, and each would get half of the bytes.
      if (!shared) refuseHeld(attempt, await findHolders(path), readers);
      const port = new SerialPort({ path, baudRate, autoOpen: false, lock: true });
      await openPort(port, attempt, signal);
      return connect(port, events);
    },
  };
}

const readers = '; where it takes none of the bytes, say shared: true in the lab file';

function refuseHeld(attempt: string, holders: readonly Holder[], otherwise = '', cause?: Error): void {
  if (holders.length > 0) {
    const who = holders.map(({ pid, command }) => `${command} (process ${pid})`).join(', ');
    throw new DriverError(attempt, `held by ${who}`, `end ${who}, then try again${otherwise}`, { cause });
  }
}

async function openPort(port: SerialPort, attempt: string, signal: AbortSignal): Promise<void> {
  let failure: Error | undefined;
  await abortable<void>(
    signal,
    () => cutShort(attempt, 'the device to open', 'unplug the adapter and plug it in again', signal),
    (resolve, reject) => {
      port.open(error => {
        if (signal.aborted) {
          port.close(() => {});
        }

        if (error === null) {
          resolve();
        } else {
          failure = error;
          reject(error);
        }
      });
      return () => {};
    },
  ).catch(async (error: unknown) => {
    if (failure === undefined) {
      throw error;
    }

    if (/cannot lock|busy|temporarily unavailable/i.test(failure.message)) {
      refuseHeld(attempt, await findHolders(port.path), '', failure);
    }

    throw openError(attempt, failure);
  });
}

const openErrors: readonly (readonly [pattern: RegExp, why: string, hint: string])[] = [
  [
    /no such file/i,
    'there is no such device',
    'plug the adapter in; look under /dev/serial/by-id for its name and put that in the lab file',
  ],
  [
    /permission denied/i,
    'this user may not open it',
    "add the user to the device's group (`ls -l`; usually `sudo usermod -aG dialout $USER`), then log in again",
  ],
  [
    /cannot lock|busy|temporarily unavailable/i,
    'it is held by another process, or by this one',
    'see who has it: `sudo fuser -v` with the path; ModemManager and a getty on the port are often it',
  ],
  [/no such device|input\/output/i, 'the adapter does not answer', 'unplug the adapter and plug it in again'],
  [
    /inappropriate ioctl|not a tty/i,
    'it is no serial port',
    'name a serial device in the lab file, such as one of /dev/serial/by-id',
  ],
];

function openError(attempt: string, cause: Error): DriverError {
  const known = openErrors.find(([pattern]) => pattern.test(cause.message));
  const [, why, hint] = known ?? [
    undefined,
    cause.message,
    'see that the path and the speed fit the adapter',
  ];
  return new DriverError(attempt, why, hint, { cause });
}

function connect(port: SerialPort, events: SerialEvents): SerialConnection {
  const { path } = port;
  const pending = new Set<(error: Error) => void>();
  let ended: Error | undefined;
  const end = (error: Error) => {
    ended = error;
    unwatch();
    for (const reject of pending) {
      reject(error);
    }

    pending.clear();
  };

  const lose = (cause: Error | null) => {
    if (ended === undefined) {
      const why = `the line is gone${cause ? ` (${cause.message})` : ''}`;
      end(new DriverError(`use ${path}`, why, 'plug the adapter in again, and see its cable', { cause }));
      events.lost(ended ?? new Error(why));
    }
  };

  const unwatch = watchHangUp(port, error => {
    lose(error);
    port.close(() => {});
  });

  port.on('data', (bytes: Uint8Array) => {
    if (ended === undefined) {
      events.data(bytes);
    }
  });
  // A lost port says 'close', with or without an 'error' before it.
  port.on('error', () => {});
  port.on('close', lose);

  const close = async () => {
    if (ended === undefined) {
      end(new DriverError(`use ${path}`, 'it was closed', 'open it again'));
      await new Promise<void>(resolve => port.close(() => resolve()));
    }
  };

  return {
    write: bytes => {
      // After a loss the port calls back without an error.
      if (ended !== undefined) {
        return Promise.reject(ended);
      }

      return new Promise((resolve, reject) => {
        pending.add(reject);
        port.write(Buffer.from(bytes), error => {
          if (!pending.delete(reject)) {
            return;
          }

          if (error) {
            reject(
              new DriverError(`write to ${path}`, error.message, 'see the adapter and its cable', {
                cause: error,
              }),
            );
          } else {
            resolve();
          }
        });
      });
    },
    break: async milliseconds => {
      if (ended !== undefined) {
        throw ended;
      }

      await setBreak(port, true);
      await delay(milliseconds);
      // A line that was lost or closed meanwhile has no break any more.
      if (ended === undefined) {
        await setBreak(port, false);
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function setBreak(port: SerialPort, brk: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    port.set({ brk }, error => {
      if (error) {
        const hint = 'use an adapter that can: some USB consoles (ttyACM) cannot';
        reject(new DriverError(`send a break to ${port.path}`, error.message, hint, { cause: error }));
      } else {
        resolve();
      }
    });
  });
}
