import { messageOf } from '../../../config/text.ts';
import { lookup } from 'node:dns/promises';
import { setImmediate } from 'node:timers/promises';
import tftp from 'node-tftp';
import { abortable, cutShort } from '../abortable.ts';

export interface TftpFetch {
  /** Name or address of the server. */
  readonly server: string;
  readonly port: number;
  readonly file: string;
  /** Bytes of a block, 8 to 65464. */
  readonly blockSize?: number;
  /** Milliseconds of silence until the last acknowledgement is sent again; at least 256. */
  readonly timeout?: number;
  /** How often in a row before the server is given up. */
  readonly retries?: number;
  /** Ends the transfer; the server is told the reason's message. */
  readonly signal: AbortSignal;
  /** @param size as the server announced it; undefined where it did not */
  readonly onProgress?: (bytes: number, size: number | undefined) => void;
}

/** A file that could not be fetched. */
export class TftpFetchError extends Error {
  /** Error code that the server sent (1: file not found); undefined where it was not the server that ended it. */
  readonly code: number | undefined;

  constructor(file: string, why: string, code: number | undefined, options?: ErrorOptions) {
    super(`fetch ${file}: ${why}`, options);
    this.name = 'TftpFetchError';
    this.code = code;
  }
}

/**
 * Fetches a file by TFTP as a boot loader does: with the package node-tftp, whose code has nothing in common
 * with this project's server.
 *
 * Of the package only what is sound is used: no windows (it keeps their blocks in order of arrival), the
 * stream and not `get` (which may call back twice), and no time-out under 256 ms (it is sent as a number of
 * seconds, which servers take where it is one, RFC 2349).
 *
 * @throws TftpFetchError where the server refuses, ends or stays silent
 * @throws DriverError where the signal ended it
 */
export async function fetchTftp(fetch: TftpFetch): Promise<Uint8Array> {
  const { server, port, file, blockSize = 1468, timeout = 1000, retries = 5, signal, onProgress } = fetch;
  const attempt = `fetch ${file} from ${server}:${port}`;
  const expired = () => cutShort(attempt, 'the last block', 'see the link to the server', signal);
  if (signal.aborted) {
    throw expired();
  }

  const { address } = await lookup(server).catch((error: unknown) => {
    throw new TftpFetchError(file, `the server ${server} has no address`, undefined, { cause: error });
  });
  const client = tftp.createClient({
    host: address,
    port,
    blockSize,
    windowSize: 1,
    retries,
    timeout: Math.max(timeout, 256),
  });
  const stream = openStream(client, file);
  const code = watchPackets(stream);
  // An error may follow the one that was reported.
  stream.on('error', () => {});
  // Until its socket is open it cannot be aborted.
  await setImmediate();

  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let size: number | undefined;
  return abortable<Uint8Array>(signal, expired, (resolve, reject) => {
    let settled = false;
    stream.on('stats', stats => {
      size = stats.size ?? undefined;
    });
    stream.on('error', error => {
      settled = true;
      reject(new TftpFetchError(file, error.message, code(), { cause: error }));
    });
    stream.on('data', (chunk: Uint8Array) => {
      chunks.push(chunk);
      bytes += chunk.length;
      onProgress?.(bytes, size);
    });
    stream.on('end', () => {
      settled = true;
      if (size !== undefined && size !== bytes) {
        reject(new TftpFetchError(file, `${bytes} bytes came of the ${size} announced`, undefined));
      } else {
        resolve(Buffer.concat(chunks));
      }
    });
    return () => {
      if (!settled) {
        stream.abort(signal.reason instanceof Error ? signal.reason.message : 'Early terminate');
      }
    };
  });
}

function openStream(client: tftp.Client, file: string): tftp.GetStream {
  try {
    return client.createGetStream(file);
  } catch (error) {
    const why = messageOf(error);
    throw new TftpFetchError(file, why, undefined, { cause: error });
  }
}

/** Where the package takes packets in; not in its types. */
const hook = '_onMessage';

/**
 * Repairs two things where packets come in: the package drops the number of a server's error and keeps its text,
 * and it ends a transfer when the option acknowledgement comes twice, as it does when either side was slow.
 *
 * @returns tells the code of the server's error
 */
function watchPackets(stream: tftp.GetStream): () => number | undefined {
  const { _reader: reader } = stream as tftp.GetStream & {
    readonly _reader?: { [hook]?: (packet: Buffer) => void };
  };
  const original = reader?.[hook];
  let code: number | undefined;
  let agreed = false;
  if (reader !== undefined && original !== undefined) {
    reader[hook] = packet => {
      const opcode = packet.readUInt16BE(0);
      if (opcode === 5 && packet.length >= 4) {
        code = packet.readUInt16BE(2);
      }

      if (opcode !== 6 || !agreed) {
        original.call(reader, packet);
      }

      agreed ||= opcode === 6;
    };
  }

  return () => code;
}
