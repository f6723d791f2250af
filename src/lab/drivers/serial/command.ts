import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { abortable, cutShort } from '../abortable.ts';
import { DriverError } from '../driver-error.ts';
import { endGroup } from '../process-group.ts';
import type { SerialConnection, SerialDriver, SerialEvents } from './serial.ts';

type Program = ChildProcessByStdio<Writable, Readable, Readable>;

/** Characters kept of what it said on standard error. */
const kept = 1000;

const hint = 'run the command by hand; it is in the lab file';

/**
 * A console that is the standard input and output of a command: `ssh host picocom -q /dev/ttyUSB0`. It is ended
 * with all that it started when the line is closed. It is never shown: it may have secrets in it.
 *
 * @param command for `/bin/sh`
 * @param environment of the command, asked for when it is started
 */
export function serialCommand(
  command: string,
  environment: () => NodeJS.ProcessEnv = () => process.env,
): SerialDriver {
  return {
    name: 'a command of the lab file',
    open: async (events, signal) => connect(await start(command, environment(), signal), events),
  };
}

function start(command: string, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<Program> {
  const attempt = 'start the console by the command of the lab file';
  return abortable<Program>(
    signal,
    () => cutShort(attempt, 'its start', hint, signal),
    (resolve, reject) => {
      const child = spawn('/bin/sh', ['-c', command], {
        detached: true,
        env,
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      child.once('error', cause =>
        reject(new DriverError(attempt, cause.message, 'see that /bin/sh is there', { cause })),
      );
      child.once('spawn', () => resolve(child));
      return () => {};
    },
  );
}

function connect(child: Program, events: SerialEvents): SerialConnection {
  const attempt = 'use the console by the command of the lab file';
  let ended: Error | undefined;
  let said = '';
  const exit = new Promise<void>(resolve => child.once('exit', () => resolve()));

  child.stdout.on('data', (bytes: Uint8Array) => {
    if (ended === undefined) {
      events.data(bytes);
    }
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-kept);
  });
  // A write that the end of the command cuts off; the end itself tells why.
  child.stdin.on('error', () => {});
  child.once('close', (status, killer) => {
    if (ended === undefined) {
      const how = status === null ? `it was ended by ${killer}` : `it ended with status ${status}`;
      ended = new DriverError(attempt, said.trim() === '' ? how : `${how}, saying:\n${said.trim()}`, hint);
      events.lost(ended);
    }
  });

  let closed: Promise<void> | undefined;
  const close = () => {
    ended ??= new DriverError(attempt, 'it was closed', 'open it again');
    closed ??= endGroup(child, exit).then(() => {
      for (const stream of [child.stdin, child.stdout, child.stderr]) {
        stream.destroy();
      }

      return undefined;
    });
    return closed;
  };

  return {
    write: bytes => {
      if (ended !== undefined) {
        return Promise.reject(ended);
      }

      return new Promise((resolve, reject) => {
        child.stdin.write(bytes, cause => {
          if (cause) {
            reject(
              ended ?? new DriverError(attempt, `it takes no input (${cause.message})`, hint, { cause }),
            );
          } else {
            resolve();
          }
        });
      });
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
