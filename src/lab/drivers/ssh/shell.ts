import type { ClientChannel } from 'ssh2';
import { abortable, cutShort } from '../abortable.ts';
import type { Connection } from './connection.ts';
import type { SshShell } from './ssh.ts';

interface ShellEvents {
  data(bytes: Uint8Array): void;
  closed(): void;
}

/** Milliseconds that the server gets to confirm that the shell is closed. */
const farewell = 1000;

/**
 * Opens an interactive shell on a terminal of 80 columns and 24 rows.
 *
 * @throws DriverError where the server refuses it or the signal ends the wait
 */
export function openShell(
  connection: Connection,
  events: ShellEvents,
  signal: AbortSignal,
): Promise<SshShell> {
  const attempt = `open a shell as ${connection.name}`;
  return abortable<SshShell>(
    signal,
    () => cutShort(attempt, 'its start', 'see the log of the SSH server', signal),
    (resolve, reject) => {
      let over = false;
      try {
        connection.client.shell({ term: 'vt100', cols: 80, rows: 24 }, (error, channel) => {
          if (over) {
            channel?.close();
          } else if (error) {
            reject(connection.refused(attempt, error));
          } else {
            resolve(createShell(channel, events));
          }
        });
      } catch {
        reject(connection.lost(attempt));
      }

      return () => {
        over = true;
      };
    },
  );
}

function createShell(channel: ClientChannel, events: ShellEvents): SshShell {
  let isOver = false;
  const over = new Promise<void>(resolve => {
    channel.on('close', () => {
      isOver = true;
      events.closed();
      resolve();
    });
  });
  channel.on('data', (bytes: Uint8Array) => events.data(bytes));
  channel.stderr.on('data', (bytes: Uint8Array) => events.data(bytes));
  channel.on('error', () => {});

  const close = async () => {
    if (isOver) {
      return;
    }

    channel.close();
    const patience = setTimeout(() => channel.destroy(), farewell);
    await over;
    clearTimeout(patience);
  };

  return {
    write: bytes => {
      if (!isOver) {
        channel.write(bytes);
      }
    },
    resize: (columns, rows) => {
      if (!isOver) {
        channel.setWindow(rows, columns, 0, 0);
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
