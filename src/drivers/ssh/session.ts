import type { Client } from 'ssh2';
import { DriverError } from '../driver-error.ts';
import { execute } from './exec.ts';
import { openShell } from './shell.ts';
import type { SshSession } from './ssh.ts';

/** A logged-in connection, for what runs on it. */
export interface Connection {
  readonly name: string;
  readonly client: Client;
  /** The error of an attempt that the connection's end broke off. */
  lost(attempt: string): DriverError;
}

/** Milliseconds that the server gets for a polite end. */
const farewell = 1000;

const clients = new WeakMap<SshSession, Client>();

/**
 * The session of a client that has logged in.
 *
 * @param hostKey fingerprint of the key that was accepted
 */
export function createSession(client: Client, name: string, hostKey: string): SshSession {
  let trouble: Error | undefined;
  const ended = new Promise<void>(resolve => client.once('close', () => resolve()));
  client.on('error', error => {
    trouble = error;
  });

  const connection: Connection = {
    name,
    client,
    lost: attempt => {
      const why = `the connection was lost${trouble ? ` (${trouble.message})` : ''}`;
      return new DriverError(attempt, why, 'see the console: the domain may have gone down', {
        cause: trouble,
      });
    },
  };

  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= (async () => {
      const patience = setTimeout(() => client.destroy(), farewell);
      client.end();
      await ended;
      clearTimeout(patience);
    })();
    return closed;
  };

  const session: SshSession = {
    name,
    hostKey,
    exec: (command, options) => execute(connection, command, options),
    shell: (events, signal) => openShell(connection, events, signal),
    close,
    [Symbol.asyncDispose]: close,
  };
  clients.set(session, client);
  return session;
}

/** @throws TypeError where another driver made the session */
export function clientOf(session: SshSession): Client {
  const client = clients.get(session);
  if (client === undefined) {
    throw new TypeError(`${session.name} is no session of this driver: nothing can be reached through it`);
  }

  return client;
}
