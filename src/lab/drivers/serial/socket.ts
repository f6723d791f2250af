import { connect as connectSocket, type NetConnectOpts, type Socket } from 'node:net';
import { abortable, cutShort } from '../abortable.ts';
import { DriverError } from '../driver-error.ts';
import type { SerialConnection, SerialEvents } from './serial.ts';

/** Texts about a socket for people: the words of the errors. */
export interface SocketWords {
  /** `10.0.0.5:7001`, `/run/board.sock` */
  readonly where: string;
  /** Hint if nothing answers in time. */
  readonly silent: string;
  /** Hint if the other side ends the connection. */
  readonly ended: string;
  /** Why a connection was refused, and what to do, by error code. */
  readonly refusals: Readonly<Record<string, readonly [why: string, hint: string]>>;
}

/** Characters of a farewell that are quoted when the line is lost. */
const farewell = 200;

/**
 * Opens a socket.
 *
 * @throws DriverError where it is refused, or the signal ends the wait
 */
export function openSocket(
  address: NetConnectOpts,
  { where, silent, refusals }: SocketWords,
  signal: AbortSignal,
): Promise<Socket> {
  const attempt = `connect to the console at ${where}`;
  return abortable<Socket>(
    signal,
    () => cutShort(attempt, 'an answer', silent, signal),
    (resolve, reject) => {
      let open = false;
      const socket = connectSocket(address);
      socket.on('error', (cause: NodeJS.ErrnoException) => {
        const [why, hint] = refusals[cause.code ?? ''] ?? [cause.message, silent];
        reject(new DriverError(attempt, why, hint, { cause }));
      });
      socket.once('connect', () => {
        open = true;
        resolve(socket);
      });
      return () => {
        if (!open) {
          socket.destroy();
        }
      };
    },
  );
}

/**
 * A console line whose bytes are those of an open socket. Closing it closes the socket.
 *
 * @param decode gives the data in what came; all of it unless given
 */
export function connectOver(
  socket: Socket,
  words: SocketWords,
  events: SerialEvents,
  decode: (bytes: Uint8Array) => Uint8Array = bytes => bytes,
): SerialConnection {
  const { where } = words;
  let ended: Error | undefined;
  let last: Error | undefined;
  let received = '';

  socket.on('data', bytes => {
    if (ended === undefined) {
      const data = decode(bytes);
      received = received.length > farewell ? received : received + Buffer.from(data).toString('latin1');
      if (data.length > 0) {
        events.data(data);
      }
    }
  });
  socket.on('error', error => {
    last = error;
  });
  socket.on('close', () => {
    if (ended === undefined) {
      ended = lostError(words, received, last);
      events.lost(ended);
    }
  });

  const close = async () => {
    ended ??= new DriverError(`use the console at ${where}`, 'it was closed', 'open it again');
    if (!socket.destroyed) {
      await new Promise<void>(resolve => {
        socket.once('close', () => resolve());
        socket.destroy();
      });
    }
  };

  return {
    write: bytes => {
      if (ended !== undefined) {
        return Promise.reject(ended);
      }

      return new Promise((resolve, reject) => {
        socket.write(bytes, error => {
          if (error) {
            reject(ended ?? lostError(words, received, error));
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

/** ser2net refuses a second client with a line of text and an end: so a short life is quoted. */
function lostError(words: SocketWords, received: string, cause: Error | undefined): DriverError {
  const said = received.trim();
  const quoted = said !== '' && received.length <= farewell ? `, after it said "${said}"` : '';
  return new DriverError(
    `use the console at ${words.where}`,
    `the other side ended the connection${quoted}${cause ? ` (${cause.message})` : ''}`,
    words.ended,
    { cause },
  );
}
