/**
 * A DHCP client (RFC 2131) of a board that boots over the network, to be run in the network namespace of that board:
 * `node dhcp-client.ts '{ "macAddress": "...", "vendorClass": "...", ... }'` prints what it is offered and then given.
 */
import { createSocket } from 'node:dgram';

export interface DhcpAsk {
  readonly macAddress: string;
  /** Option numbers that it wants to have (option 55). */
  readonly wanted: readonly number[];
  /** Further options: number -> hexadecimal. */
  readonly options: Readonly<Record<number, string>>;
}

export interface DhcpReply {
  readonly address: string;
  /** `siaddr` */
  readonly nextServer: string;
  /** The `file` field. */
  readonly file: string;
  /** Hexadecimal by number. */
  readonly options: Readonly<Record<number, string>>;
}

const cookie = Buffer.of(99, 130, 83, 99);
const messageType = { discover: 1, offer: 2, request: 3, acknowledge: 5 } as const;
const broadcastFlag = 0x8000;
const transaction = 0x5c311;

function message(ask: DhcpAsk, type: number, more: Readonly<Record<number, Buffer>> = {}): Buffer {
  const fixed = Buffer.alloc(236);
  fixed.set([1, 1, 6, 0]);
  fixed.writeUInt32BE(transaction, 4);
  fixed.writeUInt16BE(broadcastFlag, 10);
  fixed.set(Buffer.from(ask.macAddress.replaceAll(':', ''), 'hex'), 28);
  const options: Record<number, Buffer> = { 53: Buffer.of(type), 55: Buffer.from(ask.wanted), ...more };
  for (const [number, hexadecimal] of Object.entries(ask.options)) {
    options[Number(number)] = Buffer.from(hexadecimal, 'hex');
  }
  const encoded = Object.entries(options).flatMap(([number, value]) => [
    Buffer.of(Number(number), value.length),
    value,
  ]);
  return Buffer.concat([fixed, cookie, ...encoded, Buffer.of(255)]);
}

function read(bytes: Buffer): DhcpReply & { readonly type: number; readonly isMine: boolean } {
  const options: Record<number, string> = {};
  for (let at = 240; at < bytes.length && bytes[at] !== 255; ) {
    const [number = 0, length = 0] = bytes.subarray(at, at + 2);
    if (number === 0) {
      at += 1;
      continue;
    }
    options[number] = bytes.subarray(at + 2, at + 2 + length).toString('hex');
    at += 2 + length;
  }
  const address = (offset: number) => [...bytes.subarray(offset, offset + 4)].join('.');
  return {
    isMine: bytes[0] === 2 && bytes.readUInt32BE(4) === transaction,
    type: Number.parseInt(options[53] ?? '0', 16),
    address: address(16),
    nextServer: address(20),
    file: bytes.toString('latin1', 108, 236).replace(/\0.*/s, ''),
    options,
  };
}

function addressBytes(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number));
}

const [given] = process.argv.slice(2);
if (given !== undefined) {
  const ask = JSON.parse(given) as DhcpAsk;
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  const replies: DhcpReply[] = [];
  let sending = message(ask, messageType.discover);
  const send = () => socket.send(sending, 67, '255.255.255.255');
  socket.on('message', bytes => {
    const { isMine, type, ...reply } = read(bytes);
    if (!isMine || type !== (replies.length === 0 ? messageType.offer : messageType.acknowledge)) return;
    replies.push(reply);
    if (replies.length === 2) {
      process.stdout.write(JSON.stringify(replies), () => process.exit(0));
      return;
    }
    const server = Buffer.from(reply.options[54] ?? '', 'hex');
    sending = message(ask, messageType.request, { 50: addressBytes(reply.address), 54: server });
    send();
  });
  socket.bind(68, () => {
    socket.setBroadcast(true);
    send();
    setInterval(send, 500);
  });
}
