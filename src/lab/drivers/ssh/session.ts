import type { Client } from 'ssh2';
import { DriverError } from '../driver-error.ts';
import type { Connection } from './connection.ts';
import { execute } from './exec.ts';
import { putByShell } from './put-by-shell.ts';
import { NoSftp, putBySftp } from './sftp.ts';
import { openShell } from './shell.ts';
import type { SshSession } from './ssh.ts';

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

  const lost = (attempt: string) => {
    const why = `the connection was lost${trouble ? ` (${trouble.message})` : ''}`;
    return new DriverError(attempt, why, 'see the console: the domain may have gone down', {
      cause: trouble,
    });
  };
  const connection: Connection = {
    name,
    client,
    lost,
    refused: (attempt, error) =>
      // Error of ssh2 for channels that are still being opened when the connection ends.
      error.message === 'No response from server'
        ? lost(attempt)
        : new DriverError(attempt, error.message, 'see the log of the SSH server', { cause: error }),
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

  let hasSftp = true;
  const put: SshSession['put'] = async (path, bytes, options) => {
    try {
      if (hasSftp) {
        await putBySftp(connection, path, bytes, options);
        return 'sftp';
      }
    } catch (error) {
      if (!(error instanceof NoSftp)) throw error;
      // Dropbear's usual answer; it will not have one later either.
      hasSftp = false;
    }

    return putByShell(session, path, bytes, options);
  };

  const session: SshSession = {
    name,
    hostKey,
    exec: (command, options) => execute(connection, command, options),
    put,
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
