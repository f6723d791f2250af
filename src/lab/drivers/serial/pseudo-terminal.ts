import { closeSync, constants, openSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import * as nodePty from '@lydell/node-pty';

/** The far end of a console line: what a board's UART is to the adapter that `path` stands for. */
export interface PseudoTerminal {
  /** Path for a serial driver: `/dev/pts/7`. */
  readonly path: string;
  /** Bytes that the driver wrote; one listener, set before the driver writes. */
  onData(listener: (bytes: Uint8Array) => void): void;
  /** Sends to the driver. Like a wire: nobody is told whether anybody listens. */
  write(bytes: Uint8Array): void;
  /** Takes the line away: a driver that has it open sees it lost. Further calls do nothing. */
  close(): void;
}

/**
 * Opens a pseudo-terminal, 8-bit clean both ways, without echo.
 *
 * The board's end is inherited by processes that are started while it is open: a driver sees the line lost only
 * when they are gone too.
 *
 * @throws Error where the system has none left
 */
export function openPseudoTerminal(): PseudoTerminal {
  const terminal = openTerminal();
  const path = terminal.ptsName;
  const keeper = keepRaw(path);
  // Before its first read: it would take bytes that are meant for the driver.
  terminal.slave.destroy();

  const { master } = terminal;
  let closed = false;
  master.on('error', () => {
    // A read or write that the closing cut off.
  });

  return {
    path,
    onData: listener => {
      master.on('data', (bytes: Uint8Array) => {
        if (!closed) {
          listener(bytes);
        }
      });
    },
    write: bytes => {
      if (!closed) {
        master.write(bytes);
      }
    },
    close: () => {
      if (!closed) {
        closed = true;
        master.destroy();
        keeper.destroy();
      }
    },
  };
}

interface OpenedTerminal {
  readonly ptsName: string;
  readonly master: ReadStream;
  readonly slave: ReadStream;
  kill: () => void;
}

/**
 * `open` is not in the package's types. Its result has the process id -1, and its `destroy` and `kill` signal
 * that id, which means every process that may be signalled: so `kill` is replaced at once, neither is ever
 * called, and the two ends are closed one by one.
 */
function openTerminal(): OpenedTerminal {
  const library = nodePty as unknown as { open: (options: { encoding: null }) => OpenedTerminal };
  const terminal = library.open({ encoding: null });
  terminal.kill = () => {};
  return terminal;
}

/**
 * Holds the driver's end open, so that the board's end has no hang-up while no driver is there, and without
 * echo, so that the board never reads its own output. It never reads.
 */
function keepRaw(path: string): ReadStream {
  const descriptor = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
  try {
    const keeper = new ReadStream(descriptor);
    keeper.setRawMode(true);
    return keeper;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}
