import { Client, type ClientErrorExtensions, type ConnectConfig } from 'ssh2';
import type { Duplex } from 'node:stream';
import { abortable, cutShort } from '../abortable.ts';
import { DriverError } from '../driver-error.ts';
import { createHostKeys, fingerprintOf, type HostKeys } from './host-keys.ts';
import { clientOf, createSession } from './session.ts';
import type { SshDriver, SshIdentity, SshSession, SshTarget } from './ssh.ts';

export interface SshClientOptions {
  /** Milliseconds of silence after which the server is asked whether it is still there. */
  readonly keepAlive?: number;
  /** Questions without an answer after which the connection counts as lost. */
  readonly keepAliveCount?: number;
  /** Connects to a host that is not on this machine's network; absent: TCP from here. */
  readonly dial?: (host: string, port: number) => Duplex;
}

/** Nothing at the other end took the connection: it may have no network. */
export class HostUnreachable extends DriverError {}

/** A server took the connection, and no login came of it: it hangs, has another key, knows no such user. */
export class NoLogin extends DriverError {
  /** A domain that takes connections runs. */
  readonly blames = 'lab';
}

/** SSH by the package ssh2. One driver for one run: it keeps the host keys that it saw first. */
export function sshClient(options: SshClientOptions = {}): SshDriver {
  const hostKeys = createHostKeys();
  return { connect: (target, signal) => connect(target, signal, hostKeys, options) };
}

type Stage = 'socket' | 'handshake' | 'host key' | 'authentication';

const awaited: Readonly<Record<Stage, string>> = {
  socket: 'the connection',
  handshake: "the server's side of the key exchange",
  'host key': 'the host key',
  authentication: 'the login',
};

const hints: Readonly<Record<Stage, string>> = {
  socket: 'see that the domain is up, has the address of the lab file and runs an SSH server',
  handshake: 'see what listens on that port; an SSH server that hangs shows on the console or in its log',
  'host key':
    'if it was installed anew, change or remove ssh.hostKey in the lab file; else find out who answers',
  authentication:
    "see ssh.user and ssh.identity in the lab file, and the user's authorized_keys on the board",
};

async function connect(
  target: SshTarget,
  signal: AbortSignal,
  hostKeys: HostKeys,
  { keepAlive = 5000, keepAliveCount = 3, dial }: SshClientOptions,
): Promise<SshSession> {
  const { host, port, user, via } = target;
  const name = `${user}@${host}:${port}`;
  const attempt = `log in to ${name}${via ? ` through ${via.name}` : ''}`;
  const tunnel = via ? await forward(via, target, attempt, signal) : dial?.(host, port);
  const client = new Client();
  let stage: Stage = 'socket';
  let hostKey = '';
  let mismatch: string | undefined;

  const fail = (why: string, cause?: Error) => {
    const Failure = stage === 'socket' ? HostUnreachable : NoLogin;
    return new Failure(`${attempt}, ${stage}`, why, hints[stage], { cause });
  };

  const config: ConnectConfig = {
    ...(tunnel ? { sock: tunnel } : { host, port }),
    ...credentials(target.identity),
    username: user,
    // The signal is the deadline.
    readyTimeout: 0,
    keepaliveInterval: keepAlive,
    keepaliveCountMax: keepAliveCount,
    hostVerifier: (key: Buffer) => {
      stage = 'host key';
      hostKey = fingerprintOf(key);
      mismatch = hostKeys.check(`${via ? `${via.name} ` : ''}${host}:${port}`, hostKey, target.hostKey);
      return mismatch === undefined;
    },
  };

  const expired = () => {
    const error = cutShort(`${attempt}, ${stage}`, awaited[stage], hints[stage], signal);
    return fail(error.message.slice(error.attempt.length + 2), error);
  };
  return abortable<SshSession>(signal, expired, (resolve, reject) => {
    let ready = false;
    client.on('connect', () => {
      stage = 'handshake';
      // Else every small packet waits for the acknowledgement of the one before.
      client.setNoDelay(true);
    });
    client.on('handshake', () => {
      stage = 'authentication';
    });
    client.on('keyboard-interactive', (_name, _instructions, _language, prompts, answer) => {
      const { identity } = target;
      answer(prompts.map(() => (identity.kind === 'password' ? identity.password : '')));
    });
    client.on('ready', () => {
      ready = true;
      resolve(createSession(client, name, hostKey));
    });
    // It may come twice.
    client.on('error', error => {
      reject(
        mismatch === undefined
          ? fail(reasonOf(error), error)
          : fail(`the server has the key ${hostKey}, expected was ${mismatch}`, error),
      );
    });
    client.on('close', () => reject(fail('the server closed the connection')));

    try {
      client.connect(config);
    } catch (error) {
      stage = 'authentication';
      reject(fail(error instanceof Error ? error.message : 'the identity cannot be used'));
    }

    return () => {
      if (!ready) {
        client.destroy();
        tunnel?.destroy();
      }
    };
  });
}

function credentials(identity: SshIdentity): ConnectConfig {
  if (identity.kind === 'agent') {
    return { agent: identity.socket };
  }

  if (identity.kind === 'password') {
    return { password: identity.password, tryKeyboard: true };
  }

  const { privateKey, passphrase } = identity;
  return passphrase === undefined ? { privateKey } : { privateKey, passphrase };
}

const socketErrors: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  ENOTFOUND: 'the name is not known',
  ECONNRESET: 'the server broke the connection off',
};

function reasonOf(error: Error & ClientErrorExtensions & { readonly code?: string }): string {
  return socketErrors[error.code ?? ''] ?? error.message;
}

/** A connection from the domain of `via` to the target. */
async function forward(
  via: SshSession,
  { host, port }: SshTarget,
  attempt: string,
  signal: AbortSignal,
): Promise<Duplex> {
  const gate = clientOf(via);
  const where = `${attempt}, socket`;
  const fail = (cause: Error) => {
    const why = `${via.name} cannot reach ${host}:${port} (${cause.message})`;
    return new DriverError(where, why, hints.socket, { cause });
  };

  return abortable<Duplex>(
    signal,
    () => cutShort(where, `${via.name} to reach ${host}:${port}`, hints.socket, signal),
    (resolve, reject) => {
      let given = false;
      try {
        gate.forwardOut('127.0.0.1', 0, host, port, (error, channel) => {
          if (error) {
            reject(fail(error));
          } else if (given) {
            channel.destroy();
          } else {
            // OpenSSH keeps a channel whose far end is gone until this end is closed too.
            channel.once('end', () => channel.close());
            resolve(channel);
          }
        });
      } catch (error) {
        reject(fail(error instanceof Error ? error : new Error(String(error))));
      }

      return () => {
        given = true;
      };
    },
  );
}
