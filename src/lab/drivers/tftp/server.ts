import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { DriverError } from '../driver-error.ts';
import { lookUp } from './files.ts';
import { agree } from './options.ts';
import { errorPacket, readPacket, tftpError, type TftpRequest } from './packet.ts';
import { createRoster, type Entry } from './roster.ts';
import { openSource, type Source, SourceError } from './source.ts';
import type { TftpServer } from './tftp.ts';
import { startTransfer, type Transfer } from './transfer.ts';

export interface TftpListenOptions {
  /** Address of this machine; `0.0.0.0` for all. */
  readonly address: string;
  /** 69 is the one that boot ROMs ask; 0 for any that is free. */
  readonly port: number;
  /** Milliseconds until an unacknowledged window is sent again, where the client does not say. */
  readonly retransmit?: number;
  /** How often in a row before a silent client is given up. */
  readonly retries?: number;
}

/** Transfers at once; more are answered with an error, so that a flood of requests has an end. */
const mostTransfers = 256;
/** Bytes between two progress events. */
const progressStep = 256 * 1024;
/** Milliseconds after which less is told too: a slow transfer is no stalled one. */
const progressInterval = 500;

/**
 * Starts a TFTP server for reading, in `octet` mode (RFC 1350, 2347, 2348, 2349, 7440). `netascii` would change
 * an image on the way, and no boot loader asks for it: it is refused, as are writes.
 *
 * @throws DriverError where the address or port cannot be had
 */
export async function listenTftp(options: TftpListenOptions): Promise<TftpServer> {
  const { retransmit = 1000, retries = 5 } = options;
  const socket = await bind(options.address, options.port);
  const { address, port } = socket.address();
  const roster = createRoster();
  /** By client address and port. */
  const active = new Map<string, ActiveTransfer>();
  const opening = new Set<string>();
  /** What must be over before the server is closed. */
  const pending = new Set<Promise<void>>();
  let transfers = 0;
  let closing: Promise<void> | undefined;

  const settle = (work: Promise<void>) => {
    pending.add(work);
    void work.finally(() => pending.delete(work));
  };

  const answer = async (request: TftpRequest, from: RemoteInfo) => {
    const client = plainAddress(from.address);
    const entry = roster.find(client);
    const refuse = (code: number, why: string) => {
      settle(refuseFrom(options.address, from, code, why));
      roster.report(entry, { kind: 'refused', client, file: request.file, code, why });
    };

    if (entry === undefined) {
      return refuse(tftpError.accessViolation, 'no board has this address');
    }

    const refusal = refusalOf(request);
    if (refusal !== undefined) {
      return refuse(...refusal);
    }

    const found = lookUp(entry.table, request.file, roster.others(entry));
    if (found.kind === 'refused') {
      return refuse(found.code, found.why);
    }

    if (active.size >= mostTransfers) {
      return refuse(tftpError.notDefined, `${mostTransfers} transfers are running already`);
    }

    const source = await openSource(found.source).catch(asSourceError);
    if (source instanceof SourceError) {
      return refuse(source.code, source.message);
    }

    if (closing !== undefined || !roster.has(entry)) {
      return source.close();
    }

    begin(entry, found.name, request, source, from);
  };

  const begin = (entry: Entry, file: string, request: TftpRequest, source: Source, from: RemoteInfo) => {
    const key = clientKey(from);
    const number = (transfers += 1);
    const started = performance.now();
    const agreement = agree(request.options, source.size);
    const { onEvent } = entry.board;
    let reported = 0;
    let reportedAt = started;

    onEvent({
      kind: 'request',
      transfer: number,
      client: plainAddress(from.address),
      file,
      options: Object.fromEntries(request.options),
    });
    const transfer = startTransfer({
      local: options.address,
      client: { address: from.address, port: from.port },
      source,
      agreement,
      retransmit: agreement.retransmit ?? retransmit,
      retries,
      progress: bytes => {
        const now = performance.now();
        if (bytes - reported >= progressStep || now - reportedAt >= progressInterval) {
          reported = bytes;
          reportedAt = now;
          onEvent({ kind: 'progress', transfer: number, file, bytes, size: source.size });
        }
      },
      ended: (end, { bytes, blocks, resent }) => {
        if (active.get(key)?.transfer === transfer) {
          active.delete(key);
        }

        const milliseconds = Math.round(performance.now() - started);
        onEvent(
          end.kind === 'done'
            ? { kind: 'done', transfer: number, file, bytes, blocks, resent, milliseconds }
            : { kind: 'ended', transfer: number, file, bytes, why: end.why, detail: end.detail },
        );
      },
    });
    active.set(key, { transfer, entry, asked: request.file });
    settle(transfer.closed);
  };

  const onRequest = async (request: TftpRequest, from: RemoteInfo) => {
    const key = clientKey(from);
    const running = active.get(key);
    // The same request twice on the way, or the client's own repetition of it.
    if (opening.has(key) || (running?.asked === request.file && running.transfer.isFresh())) {
      return;
    }

    opening.add(key);
    try {
      running?.transfer.end('client-error', `the client asked for ${request.file} from the same port`);
      await answer(request, from);
    } finally {
      opening.delete(key);
    }
  };

  socket.on('message', (bytes, from) => {
    const packet = readPacket(bytes);
    if (closing === undefined && (packet?.kind === 'read' || packet?.kind === 'write')) {
      settle(onRequest(packet, from));
    }
  });

  const close = () => {
    closing ??= (async () => {
      for (const { transfer } of active.values()) {
        transfer.end('closed', 'the server was closed');
      }

      while (pending.size > 0) {
        await Promise.all(pending);
      }

      await new Promise<void>(resolve => socket.close(() => resolve()));
    })();
    return closing;
  };

  return {
    address,
    port,
    observes: true,
    // Nothing is copied: a path is opened when the board asks for it.
    serve: async board => {
      const entry = roster.add(board);
      return {
        [Symbol.asyncDispose]: async () => {
          roster.remove(entry);
          for (const { transfer, entry: owner } of active.values()) {
            if (owner === entry) {
              transfer.end('closed', `the files of ${board.name} were taken away`);
            }
          }
        },
      };
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function asSourceError(error: unknown): SourceError {
  return error instanceof SourceError ? error : new SourceError(tftpError.notDefined, String(error));
}

interface ActiveTransfer {
  readonly transfer: Transfer;
  readonly entry: Entry;
  /** The name as it was asked for. */
  readonly asked: string;
}

function refusalOf({ kind, mode }: TftpRequest): readonly [code: number, why: string] | undefined {
  if (kind === 'write') {
    return [tftpError.accessViolation, 'nothing may be written here'];
  }

  return mode === 'octet'
    ? undefined
    : [tftpError.illegalOperation, `mode ${mode} is not served, ask for octet`];
}

/** The answer comes from a new port, as a transfer's would. */
function refuseFrom(local: string, to: RemoteInfo, code: number, why: string): Promise<void> {
  const socket = createSocket(local.includes(':') ? 'udp6' : 'udp4');
  return new Promise(resolve => {
    socket.once('close', () => resolve());
    socket.once('error', () => socket.close());
    socket.bind(0, local, () => {
      socket.send(errorPacket(code, why), to.port, to.address, () => socket.close());
    });
  });
}

function clientKey({ address, port }: RemoteInfo): string {
  return `${address} ${port}`;
}

/** An IPv4 client of a server on `::` comes as `::ffff:192.0.2.1`. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '');
}

function bind(address: string, port: number): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => {
      socket.close();
      reject(bindError(address, port, error));
    };

    socket.once('error', onError);
    socket.bind(port, address, () => {
      socket.off('error', onError);
      // Single packets fail (no memory, no way back); the socket stays good.
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}

function bindError(address: string, port: number, cause: NodeJS.ErrnoException): DriverError {
  const hints: Readonly<Record<string, readonly [why: string, hint: string]>> = {
    EADDRINUSE: [
      'another server has this port',
      `see which with \`ss -lunp 'sport = :${port}'\` (tftpd-hpa, dnsmasq, atftpd?) and stop it`,
    ],
    EACCES: [
      'this user may not open a port below 1024',
      `sudo sysctl net.ipv4.ip_unprivileged_port_start=${port}, or sudo setcap cap_net_bind_service=+ep on the node binary`,
    ],
    EADDRNOTAVAIL: [
      'this machine does not have that address',
      "compare the lab file's network.server with `ip address`",
    ],
  };
  const [why, hint] = hints[cause.code ?? ''] ?? [cause.message, 'see the address and port in the lab file'];
  return new DriverError(`serve TFTP on ${address}:${port}`, why, hint, { cause });
}
