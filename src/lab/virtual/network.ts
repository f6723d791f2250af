/** The wire between a virtual board and the lab: real UDP, with the package node-tftp as the board's client. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { fetchTftp } from '../drivers/tftp/client.ts';
import { BoardReset, type FetchOptions, type VirtualNetwork } from './boot/handover.ts';
import type { Mishaps } from './mishaps.ts';
import { untilAborted } from './time.ts';

const probeDeadline = 5000;
const readRequestOpcode = 1;
const errorOpcode = 5;

export interface NetworkOptions {
  readonly address: string;
  readonly server: string;
  readonly tftpPort: number;
  /** A port that packets go through on their way to the server; absent: none lies between. */
  readonly detour?: number;
  readonly mishaps: Mishaps;
}

export function createNetwork(options: NetworkOptions): VirtualNetwork {
  const { mishaps, detour } = options;
  return {
    address: options.address,
    server: options.server,
    tftpPort: options.tftpPort,
    async fetch(file, fetching) {
      if (!eventful.test(file)) return await fetchOver(detour, file, fetching);
      const { tftp } = mishaps.faults;
      if (mishaps.reached('transfer')) {
        await firstPacket(file, fetching);
        throw new BoardReset();
      }
      if (tftp === 'stalls' || (tftp === 'stalls-once' && mishaps.isFirstPowerOn)) {
        await firstPacket(file, fetching);
        await untilAborted(fetching.signal);
      }
      return await fetchOver(detour, tftp === 'file-missing' ? `${file}-missing` : file, fetching);
    },
    probe(file, signal) {
      return probe(file, options, signal);
    },
  };
}

/** The file in which things happen. */
const eventful = /(?:^|\/)xen$/;
/** Packets that have to be sent again should not take a second each. */
const lossyTimeout = 256;
const lossyRetries = 20;

function fetchOver(detour: number | undefined, file: string, fetching: FetchOptions): Promise<Uint8Array> {
  return detour === undefined
    ? fetchTftp({ file, ...fetching })
    : fetchTftp({ file, ...fetching, port: detour, timeout: lossyTimeout, retries: lossyRetries });
}

/** Sends a read request, ends the transfer with ERROR 0 at its first packet. @returns whether the file is there */
async function probe(
  file: string,
  { server, tftpPort }: NetworkOptions,
  signal: AbortSignal,
): Promise<boolean> {
  await using socket = createSocket('udp4');
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(probeDeadline)]);
  socket.send(readRequest(file, { tsize: '0', blksize: '1468' }), tftpPort, server);
  try {
    const [packet, from] = await once(socket, 'message', { signal: deadline });
    if (packet.readUInt16BE(0) === errorOpcode) return false;
    const end = Buffer.concat([Buffer.from([0, errorOpcode, 0, 0]), Buffer.from('Early terminate\0')]);
    await new Promise(sent => socket.send(end, from.port, from.address, sent));
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.aborted) return false;
    throw error;
  }
}

/** Takes the first packet of a file and acknowledges none. */
async function firstPacket(file: string, { server, port, signal }: FetchOptions): Promise<void> {
  await using socket = createSocket('udp4');
  socket.send(readRequest(file, { blksize: '1468' }), port, server);
  await once(socket, 'message', { signal });
}

function readRequest(file: string, options: Readonly<Record<string, string>>): Buffer {
  const words = [file, 'octet', ...Object.entries(options).flat()];
  return Buffer.concat([Buffer.from([0, readRequestOpcode]), ...words.map(word => Buffer.from(`${word}\0`))]);
}
