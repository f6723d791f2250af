import { connect as connectSocket } from 'node:net';
import type { Socket } from 'node:net';
import { abortable, cutShort } from '../abortable.ts';
import { DriverError } from '../driver-error.ts';
import type { SerialConnection, SerialDriver, SerialEvents } from './serial.ts';

/** Milliseconds of silence after which the peer is asked whether it is still there. */
const keepAlive = 10_000;
/** Characters of a farewell that are quoted when the line is lost. */
const farewell = 200;

/**
 * A console behind a raw TCP socket: ser2net's `tcp` accepter, a terminal server's raw port.
 *
 * Speed and framing are the other side's business.
 */
export function serialTcp(address: { readonly host: string; readonly port: number }): SerialDriver {
  const where = `${address.host}:${address.port}`;
  return {
    name: `tcp ${where}`,
    open: async (events, signal) => connect(await openSocket(address, where, signal), where, events),
  };
}

function openSocket(
  { host, port }: { readonly host: string; readonly port: number },
  where: string,
  signal: AbortSignal,
): Promise<Socket> {
  const attempt = `connect to the console at ${where}`;
  return abortable<Socket>(
    signal,
    () =>
      cutShort(attempt, 'an answer', 'see that the host is up and that no firewall drops the port', signal),
    (resolve, reject) => {
      let open = false;
      const socket = connectSocket({
        host,
        port,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: keepAlive,
      });
      socket.on('error', error => reject(connectError(attempt, error)));
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

const connectErrors: Readonly<Record<string, readonly [why: string, mend: string]>> = {
  ECONNREFUSED: [
    'nothing listens there',
    'start ser2net on that host, and compare its port with the lab file',
  ],
  EHOSTUNREACH: ['there is no way to that host', 'see that the host is up and on this network'],
  ENETUNREACH: ['there is no way to that network', "see this machine's network"],
  ENOTFOUND: ['the name is not known', 'compare the host name with the lab file, or give an address'],
  EAI_AGAIN: ['the name server does not answer', 'give an address in place of the name'],
};

function connectError(attempt: string, cause: NodeJS.ErrnoException): DriverError {
  const [why, mend] = connectErrors[cause.code ?? ''] ?? [cause.message, 'see that the host is up'];
  return new DriverError(attempt, why, mend, { cause });
}

function connect(socket: Socket, where: string, events: SerialEvents): SerialConnection {
  let ended: Error | undefined;
  let last: Error | undefined;
  let received = '';

  socket.on('data', bytes => {
    if (ended === undefined) {
      received = received.length > farewell ? received : received + bytes.toString('latin1');
      events.data(bytes);
    }
  });
  socket.on('error', error => {
    last = error;
  });
  socket.on('close', () => {
    if (ended === undefined) {
      ended = lostError(where, received, last);
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
            reject(ended ?? lostError(where, received, error));
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
function lostError(where: string, received: string, cause: Error | undefined): DriverError {
  const said = received.trim();
  const quoted = said !== '' && received.length <= farewell ? `, after it said "${said}"` : '';
  return new DriverError(
    `use the console at ${where}`,
    `the other side ended the connection${quoted}${cause ? ` (${cause.message})` : ''}`,
    'see the log of ser2net there; another client may hold the port',
    { cause },
  );
}
