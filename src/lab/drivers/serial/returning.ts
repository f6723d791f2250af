import { createLine, type Line, type TransientOptions } from './transient.ts';
import type { SerialDriver } from './serial.ts';

/**
 * A console whose adapter may be unplugged, or reset by its hub, and be there again: it is opened anew by its name
 * for as long as `patience`. What the board said meanwhile is gone, which `away` and `back` tell.
 *
 * @param driver of a port that has the same name when it comes back (see `keepsItsName`)
 */
export function returning(driver: SerialDriver, options: TransientOptions = {}): SerialDriver {
  return {
    name: driver.name,
    open: async (events, signal) => {
      let again: Line | undefined;
      let isClosed = false;
      const first = await driver.open(
        {
          data: bytes => events.data(bytes),
          lost: error => {
            events.away?.(error);
            if (isClosed) return;
            again = createLine(driver, events, options);
            again.powered(true);
          },
        },
        signal,
      );
      const close = async () => {
        isClosed = true;
        await first.close();
        await again?.connection.close();
      };
      return {
        write: bytes => (again?.connection ?? first).write(bytes),
        ...(first.break !== undefined && {
          break: async (milliseconds: number) => (again?.connection ?? first).break?.(milliseconds),
        }),
        close,
        [Symbol.asyncDispose]: close,
      };
    },
  };
}

/**
 * Whether a device node is one adapter's, wherever it is plugged in: those of udev below /dev/serial are. The
 * kernel's own names (/dev/ttyUSB0) go to whichever adapter is there first.
 */
export function keepsItsName(path: string): boolean {
  return !/^\/dev\/(?:tty|pts\/)/.test(path);
}
