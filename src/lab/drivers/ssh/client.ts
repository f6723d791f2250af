import { Client, type ClientErrorExtensions, type ConnectConfig } from 'ssh2';
import { connect as connectSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import { abortable, cutShort } from '../abortable.ts';
import { DriverError } from '../driver-error.ts';
import { createHostKeys, fingerprintOf, type HostKeys } from './host-keys.ts';
import { clientOf, createSession } from './session.ts';
import { ServerWords } from './server-words.ts';
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
  /** Trying again changes nothing: a server that let this user in before refuses it, and has done so again. */
  readonly isFinal: boolean;

  constructor(
    attempt: string,
    why: string,
    hint: string,
    { isFinal = false, ...options }: ErrorOptions & { readonly isFinal?: boolean } = {},
  ) {
    super(attempt, why, hint, options);
    this.isFinal = isFinal;
  }
}

/** SSH by the package ssh2. One driver for one run: it keeps the host keys that it saw first, and why logins failed. */
export function sshClient(options: SshClientOptions = {}): SshDriver {
  const hostKeys = createHostKeys();
  const histories = new Map<string, History>();
  return {
    connect: async (target, signal) => {
      const server = serverOf(target);
      const history = histories.get(server) ?? { refusals: 0, wasLoggedIn: false };
      histories.set(server, history);
      try {
        const session = await connect(target, signal, hostKeys, options);
        Object.assign(history, { cause: undefined, refusals: 0, wasLoggedIn: true });
        return session;
      } catch (error) {
        throw error instanceof Failure ? withFirstCause(error, history) : error;
      }
    },
  };
}

/** Result of the attempts to log in to one server since the last one that worked. */
interface History {
  /** The failure that came furthest, and first of those. */
  cause?: Failure | undefined;
  /** Logins that were refused. */
  refusals: number;
  wasLoggedIn: boolean;
}

const stages = ['socket', 'handshake', 'host key', 'authentication'] as const;
type Stage = (typeof stages)[number];

/** A failed attempt, before it is told with those before it. */
class Failure extends Error {
  readonly stage: Stage;
  readonly attempt: string;

  constructor(attempt: string, stage: Stage, why: string, options?: ErrorOptions) {
    super(why, options);
    this.attempt = attempt;
    this.stage = stage;
  }
}

/**
 * A server that was asked too often refuses before the login (OpenSSH's PerSourcePenalties and MaxStartups): the
 * cause is what it refused before that.
 */
function withFirstCause(failure: Failure, history: History): DriverError {
  const { stage, attempt, message } = failure;
  const known = history.cause;
  const isFurther = known === undefined || stages.indexOf(stage) >= stages.indexOf(known.stage);
  if (isFurther) history.cause = failure;
  if (stage === 'authentication') history.refusals += 1;
  if (stage === 'socket')
    return new HostUnreachable(`${attempt}, ${stage}`, message, hints[stage], { cause: failure.cause });
  const [cause, why] = isFurther
    ? [failure, message]
    : [known, `${known.message}; now, in the ${stage}: ${message}`];
  return new NoLogin(`${attempt}, ${cause.stage}`, why, hints[cause.stage], {
    cause: failure.cause,
    isFinal: history.wasLoggedIn && history.refusals > 1,
  });
}

function serverOf({ host, port, via }: SshTarget): string {
  return `${via ? `${via.name} ` : ''}${host}:${port}`;
}

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
  const sock = via
    ? await forward(via, target, attempt, signal)
    : (dial?.(host, port) ?? connectSocket({ host, port }));
  const words = new ServerWords(sock);
  const client = new Client();
  let stage: Stage = 'socket';
  let hostKey = '';
  let mismatch: string | undefined;

  const fail = (why: string, cause?: Error) => new Failure(attempt, stage, why + words.quoted, { cause });
  const config: ConnectConfig = {
    sock,
    ...credentials(target.identity),
    username: user,
    // The signal is the deadline.
    readyTimeout: 0,
    keepaliveInterval: keepAlive,
    keepaliveCountMax: keepAliveCount,
    hostVerifier: (key: Buffer) => {
      stage = 'host key';
      hostKey = fingerprintOf(key);
      mismatch = hostKeys.check(serverOf(target), hostKey, target.hostKey);
      return mismatch === undefined;
    },
  };

  const expired = () => {
    const error = cutShort(attempt, awaited[stage], hints[stage], signal);
    return fail(error.message.slice(error.attempt.length + 2), error);
  };
  if (signal.aborted) {
    sock.destroy();
    throw expired();
  }
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
    client.on('banner', text => words.add(text));
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
      const why =
        mismatch === undefined
          ? reasonOf(error)
          : `the server has the key ${hostKey}, expected was ${mismatch}`;
      reject(fail(why, error));
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
        sock.destroy();
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
