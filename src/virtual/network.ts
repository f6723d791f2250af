/** The wire between a virtual board and the lab: real UDP, with the package node-tftp as the board's client. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { fetchTftp } from '../drivers/tftp/client.ts';
import type { FetchOptions, VirtualNetwork } from './boot/handover.ts';

const PROBE_DEADLINE = 5000;
const READ_REQUEST = 1;
const ERROR = 5;

export interface NetworkOptions {
  readonly address: string;
  readonly server: string;
  readonly tftpPort: number;
  /** File in the middle of which the board falls silent, as one that crashes while it loads. */
  readonly stallsIn?: string;
}

export function createNetwork(options: NetworkOptions): VirtualNetwork {
  return {
    address: options.address,
    server: options.server,
    tftpPort: options.tftpPort,
    fetch(file, fetching) {
      return file.endsWith(options.stallsIn ?? '\0')
        ? fallSilent(file, fetching)
        : fetchTftp({ file, ...fetching });
    },
    probe(file, signal) {
      return probe(file, options, signal);
    },
  };
}

/** Sends a read request, ends the transfer with ERROR 0 at its first packet. @returns whether the file is there */
async function probe(
  file: string,
  { server, tftpPort }: NetworkOptions,
  signal: AbortSignal,
): Promise<boolean> {
  await using socket = createSocket('udp4');
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(PROBE_DEADLINE)]);
  socket.send(readRequest(file, { tsize: '0', blksize: '1468' }), tftpPort, server);
  try {
    const [packet, from] = await once(socket, 'message', { signal: deadline });
    if (packet.readUInt16BE(0) === ERROR) return false;
    const end = Buffer.concat([Buffer.from([0, ERROR, 0, 0]), Buffer.from('Early terminate\0')]);
    await new Promise(sent => socket.send(end, from.port, from.address, sent));
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.aborted) return false;
    throw error;
  }
}

/** Takes the first packets of a file and then no more, until the supply goes. */
async function fallSilent(file: string, { server, port, signal }: FetchOptions): Promise<never> {
  await using socket = createSocket('udp4');
  socket.send(readRequest(file, { blksize: '1468' }), port, server);
  await once(socket, 'message', { signal });
  await once(signal, 'abort');
  throw signal.reason;
}

function readRequest(file: string, options: Readonly<Record<string, string>>): Buffer {
  const words = [file, 'octet', ...Object.entries(options).flat()];
  return Buffer.concat([Buffer.from([0, READ_REQUEST]), ...words.map(word => Buffer.from(`${word}\0`))]);
}
