import type { SerialPort } from 'serialport';

/** Milliseconds between two looks. */
const interval = 250;

/**
 * Notices a device that was taken away in the moment in which the package was reading from it. A read from a
 * hung-up terminal gives no bytes and no error; the package then reads again, for ever, at the cost of a
 * processor, and says nothing. Asking for the speed of such a terminal fails, and costs no traffic to the
 * adapter.
 *
 * @param port open
 * @returns what ends the watch
 */
export function watchHangUp(port: SerialPort, onHangUp: (error: Error) => void): () => void {
  let watching = true;
  const look = async () => {
    try {
      await port.port?.getBaudRate();
    } catch (error) {
      if (
        watching &&
        error instanceof Error &&
        /input\/output|no such device|bad file/i.test(error.message)
      ) {
        onHangUp(error);
      }
    }
  };
  const timer = setInterval(() => void look(), interval);
  return () => {
    watching = false;
    clearInterval(timer);
  };
}
