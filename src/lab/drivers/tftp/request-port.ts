/** Where TFTP requests come from: a UDP port of this process, or the machine's, which several processes share. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { DriverError } from '../driver-error.ts';
import { connect } from 'node:net';
import { holderOfUdpPort } from './port-holder.ts';
import { lineReader, sharedAddresses, type SharerMessage, socketName } from './shared-port-messages.ts';
import type { TftpBoard } from './tftp.ts';

export interface Client {
  readonly address: string;
  readonly port: number;
}

export interface RequestPort {
  readonly address: string;
  readonly port: number;
  /** Packets that came to the port; called once. */
  listen(heard: (bytes: Uint8Array, from: Client) => void): void;
  /**
   * Has the requests of a board's addresses come here; of a board without, those that no board claims.
   * @throws DriverError where another process has them
   */
  claim(board: Pick<TftpBoard, 'name' | 'clients'>): Promise<AsyncDisposable>;
  close(): Promise<void>;
}

/** Name of the process that shares the machine's port. */
export const sharerName = 'scmi-hil-tftp';

/**
 * A UDP port of this process.
 * @param port 0 for any that is free
 * @throws DriverError where the address or port cannot be had; of a port in use, it names the holder
 */
export async function openUdpPort(address: string, port: number): Promise<RequestPort> {
  const socket = await bind(address, port);
  return {
    ...socket.address(),
    listen: heard => void socket.on('message', heard),
    claim: async () => ({ [Symbol.asyncDispose]: async () => {} }),
    close: () => new Promise<void>(resolve => socket.close(() => resolve())),
  };
}

async function bind(address: string, port: number): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const bound = once(socket, 'listening');
  socket.bind(port, address);
  try {
    await bound;
  } catch (error) {
    socket.close();
    throw await bindError(address, port, error as NodeJS.ErrnoException);
  }
  // Single packets fail (no memory, no way back); the socket stays good.
  socket.on('error', () => {});
  return socket;
}

async function bindError(address: string, port: number, cause: NodeJS.ErrnoException): Promise<DriverError> {
  const [why, hint] =
    cause.code === 'EADDRINUSE'
      ? await inUse(port)
      : (reasons[cause.code ?? '']?.(port) ?? [cause.message, 'see the address and port in the lab file']);
  return new DriverError(`serve TFTP on ${address}:${port}`, why, hint, { cause });
}

async function inUse(port: number): Promise<readonly [why: string, hint: string]> {
  const [shared] = await sharedAddresses(port);
  if (shared !== undefined) {
    const boards = await servedOn(shared, port);
    const who = boards.length === 0 ? '' : `, for ${boards.join(', ')}`;
    return [
      `runs on this machine have it, on ${shared}${who}`,
      'wait until they have finished, or give all boards of this machine one network.server',
    ];
  }
  // A table of the kernel that changes while it is read may miss a line.
  const holder = (await holderOfUdpPort(port)) ?? (await holderOfUdpPort(port));
  if (holder === undefined) {
    return [
      'another server, of another user, has this port',
      `see which with \`sudo ss -lunp 'sport = :${port}'\` (tftpd-hpa, dnsmasq, atftpd?) and stop it`,
    ];
  }
  const who = `${holder.command} (process ${holder.pid})`;
  return [`another server has this port: ${who}`, `stop it: kill ${holder.pid}, or its service`];
}

/** Milliseconds in which the process of the port says who shares it. */
const patience = 5000;

/** @returns the boards that runs of this machine serve, each with its run; empty where nobody says */
async function servedOn(address: string, port: number): Promise<readonly string[]> {
  const { promise, resolve } = Promise.withResolvers<readonly string[]>();
  const connection = connect(socketName(address, port));
  const read = lineReader(
    line => {
      const message = JSON.parse(line) as SharerMessage;
      resolve(message.say === 'hello' ? (message.boards ?? []) : []);
    },
    () => resolve([]),
  );
  connection
    .setEncoding('utf8')
    .setTimeout(patience, () => resolve([]))
    .on('data', read)
    .on('error', () => resolve([]))
    .on('close', () => resolve([]));
  return promise.finally(() => connection.destroy());
}

const reasons: Readonly<Record<string, (port: number) => readonly [why: string, hint: string]>> = {
  EACCES: port => [
    'this user may not open a port below 1024',
    `sudo sysctl net.ipv4.ip_unprivileged_port_start=${port}, or sudo setcap cap_net_bind_service=+ep on the node binary`,
  ],
  EADDRNOTAVAIL: () => [
    'this machine does not have that address',
    "compare the lab file's network.server with `ip address`",
  ],
};
