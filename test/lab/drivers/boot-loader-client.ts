import { createSocket, type Socket } from 'node:dgram';

export interface RawPacket {
  readonly opcode: number;
  /** Block number, or error code. */
  readonly word: number;
  readonly rest: Buffer;
  readonly port: number;
}

/** A UDP socket that sends what it is told to and hands out what comes, in order. */
export interface RawClient {
  readonly port: number;
  send(bytes: Uint8Array, port: number): void;
  /** The next packet; undefined where none came within the time (milliseconds). */
  next(patience?: number): Promise<RawPacket | undefined>;
  close(): Promise<void>;
}

export async function openRawClient(address = '127.0.0.1'): Promise<RawClient> {
  const socket: Socket = createSocket('udp4');
  await new Promise<void>(resolve => {
    socket.bind(0, address, resolve);
  });
  const queue: RawPacket[] = [];
  // A test that fails does not close it.
  socket.unref();
  const outgoing = new Set<Promise<void>>();
  let waiting: ((packet: RawPacket) => void) | undefined;
  socket.on('message', (bytes, { port }) => {
    const packet = {
      opcode: bytes.readUInt16BE(0),
      word: bytes.readUInt16BE(2),
      rest: bytes.subarray(4),
      port,
    };
    if (waiting === undefined) {
      queue.push(packet);
    } else {
      waiting(packet);
    }
  });

  return {
    port: socket.address().port,
    send: (bytes, port) => {
      const sent = new Promise<void>(resolve => {
        socket.send(bytes, port, '127.0.0.1', () => resolve());
      });
      outgoing.add(sent);
      void sent.finally(() => outgoing.delete(sent));
    },
    next: (patience = 2000) => {
      const first = queue.shift();
      if (first !== undefined) {
        return Promise.resolve(first);
      }

      return new Promise(resolve => {
        const timer = setTimeout(() => {
          waiting = undefined;
          resolve(undefined);
        }, patience);
        waiting = packet => {
          clearTimeout(timer);
          waiting = undefined;
          resolve(packet);
        };
      });
    },
    close: async () => {
      await Promise.all(outgoing);
      await new Promise<void>(resolve => {
        socket.close(() => resolve());
      });
    },
  };
}

export function request(
  file: string,
  options: Readonly<Record<string, string | number>> = {},
  opcode = 1,
): Buffer {
  const strings = [file, 'octet', ...Object.entries(options).flat().map(String)];
  return Buffer.concat([Buffer.from([0, opcode]), Buffer.from(strings.map(text => `${text}\0`).join(''))]);
}

export function acknowledgement(block: number): Buffer {
  return Buffer.from([0, 4, (block >> 8) & 255, block & 255]);
}

export function error(code: number, message: string): Buffer {
  return Buffer.from(`\0\u0005\0${String.fromCharCode(code)}${message}\0`, 'latin1');
}

/**
 * Fetches as U-Boot's tftp.c does: options, a window, and after a silence the last acknowledgement again.
 *
 * @param silence milliseconds
 */
export async function bootLoaderFetch(
  port: number,
  file: string,
  { blockSize = 1468, windowSize = 1, silence = 40, patience = 400 } = {},
): Promise<Buffer> {
  const client = await openRawClient();
  const ask = request(file, {
    blksize: blockSize,
    ...(windowSize > 1 && { windowsize: windowSize }),
    tsize: 0,
  });
  const blocks: Buffer[] = [];
  let server: number | undefined;
  let last = ask;
  let inWindow = 0;
  const send = (bytes: Buffer) => {
    last = bytes;
    client.send(bytes, server ?? port);
  };

  try {
    send(ask);
    for (let silences = 0; silences < patience; ) {
      const packet = await client.next(silence);
      if (packet === undefined) {
        silences += 1;
        inWindow = 0;
        send(last);
        continue;
      }

      server ??= packet.port;
      if (packet.port !== server) {
        continue;
      }

      if (packet.opcode === 5) {
        throw new Error(`error ${packet.word}: ${packet.rest.toString()}`);
      }

      if (packet.opcode === 6 && blocks.length === 0) {
        send(acknowledgement(0));
      } else if (packet.opcode === 3 && packet.word === ((blocks.length + 1) & 0xffff)) {
        blocks.push(packet.rest);
        inWindow += 1;
        const isLast = packet.rest.length < blockSize;
        if (isLast || inWindow === windowSize) {
          inWindow = 0;
          send(acknowledgement(blocks.length));
        } else {
          last = acknowledgement(blocks.length);
        }

        if (isLast) {
          return Buffer.concat(blocks);
        }
      } else if (packet.opcode === 3) {
        inWindow = 0;
        send(last);
      }
    }

    throw new Error(`no more packets after ${blocks.length} blocks`);
  } finally {
    await client.close();
  }
}
