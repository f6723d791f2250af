/** The packets of RFC 1350, and the option acknowledgement of RFC 2347. */

export type TftpPacket =
  | TftpRequest
  | { readonly kind: 'data'; readonly block: number; readonly payload: Uint8Array }
  | { readonly kind: 'acknowledgement'; readonly block: number }
  | { readonly kind: 'error'; readonly code: number; readonly message: string };

export interface TftpRequest {
  readonly kind: 'read' | 'write';
  readonly file: string;
  /** In lower case: `octet`, `netascii`, `mail`. */
  readonly mode: string;
  /** By name in lower case (RFC 2347: case does not matter); of a name that comes twice, the first. */
  readonly options: ReadonlyMap<string, string>;
}

/** Error codes of RFC 1350 and RFC 2347. */
export const tftpError = {
  notDefined: 0,
  fileNotFound: 1,
  accessViolation: 2,
  diskFull: 3,
  illegalOperation: 4,
  unknownTransfer: 5,
  fileExists: 6,
  noSuchUser: 7,
  optionsRefused: 8,
} as const;

const opcode = {
  read: 1,
  write: 2,
  data: 3,
  acknowledgement: 4,
  error: 5,
  optionAcknowledgement: 6,
} as const;

/**
 * Reads a packet that a client may send.
 *
 * @returns undefined for what is none: too short, unterminated strings, an unknown opcode
 */
export function readPacket(bytes: Uint8Array): TftpPacket | undefined {
  if (bytes.length < 4) {
    return undefined;
  }

  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = view.getUint16(2);
  switch (view.getUint16(0)) {
    case opcode.read:
      return readRequest('read', bytes);
    case opcode.write:
      return readRequest('write', bytes);
    case opcode.data:
      return { kind: 'data', block: word, payload: bytes.subarray(4) };
    case opcode.acknowledgement:
      return { kind: 'acknowledgement', block: word };
    case opcode.error:
      // Some boot ROMs leave the terminating zero away.
      return { kind: 'error', code: word, message: readStrings(bytes.subarray(4))[0] ?? '' };
    default:
      return undefined;
  }
}

function readRequest(kind: 'read' | 'write', bytes: Uint8Array): TftpRequest | undefined {
  const strings = readStrings(bytes.subarray(2));
  // The last string may be cut short where it has no end; a mode that is known was not.
  const isCut = bytes.at(-1) !== 0 && !(strings.length === 2 && /^octet$/i.test(strings[1] ?? ''));
  const [file, mode, ...rest] = isCut ? strings.slice(0, -1) : strings;
  if (file === undefined || file === '' || mode === undefined) {
    return undefined;
  }

  const options = new Map<string, string>();
  for (let index = 0; index + 1 < rest.length; index += 2) {
    const name = (rest[index] ?? '').toLowerCase();
    if (!options.has(name)) {
      options.set(name, rest[index + 1] ?? '');
    }
  }

  return { kind, file, mode: mode.toLowerCase(), options };
}

function readStrings(bytes: Uint8Array): readonly string[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return (text.endsWith('\0') ? text.slice(0, -1) : text).split('\0');
}

/** A DATA packet. `block` is the number on the wire, 0 to 65535. */
export function dataPacket(block: number, payload: Uint8Array): Uint8Array {
  const packet = Buffer.allocUnsafe(4 + payload.length);
  packet.writeUInt16BE(opcode.data, 0);
  packet.writeUInt16BE(block, 2);
  packet.set(payload, 4);
  return packet;
}

export function errorPacket(code: number, message: string): Uint8Array {
  return Buffer.concat([words(opcode.error, code), Buffer.from(`${message}\0`)]);
}

export function optionAcknowledgement(options: ReadonlyMap<string, string>): Uint8Array {
  const strings = [...options].flat().map(text => `${text}\0`);
  return Buffer.concat([Buffer.from([0, opcode.optionAcknowledgement]), Buffer.from(strings.join(''))]);
}

function words(first: number, second: number): Buffer {
  const packet = Buffer.allocUnsafe(4);
  packet.writeUInt16BE(first, 0);
  packet.writeUInt16BE(second, 2);
  return packet;
}

/** An IPv4 client of a server on `::` comes as `::ffff:192.0.2.1`. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '');
}
