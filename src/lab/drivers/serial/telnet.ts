/** The bytes of the TELNET protocol (RFC 854, RFC 855). */

const verbs = { will: 251, wont: 252, do: 253, dont: 254 } as const;
export type Verb = keyof typeof verbs;

const subnegotiationEnd = 240;
const subnegotiationBegin = 250;
const interpretAsCommand = 255;

/** Bytes of one subnegotiation; what is longer is cut off. */
const longest = 256;

export interface TelnetCommands {
  negotiation(verb: Verb, option: number): void;
  subnegotiation(option: number, payload: Uint8Array): void;
}

/**
 * Parses the bytes of the other side. Commands may be torn anywhere between two calls.
 *
 * @returns takes what came, gives the data in it
 */
export function telnetDecoder(commands: TelnetCommands): (bytes: Uint8Array) => Uint8Array {
  let state: 'data' | 'command' | 'subnegotiation' | 'command in subnegotiation' | Verb = 'data';
  let collected: number[] = [];
  const collect = (byte: number) => {
    if (collected.length < longest) {
      collected.push(byte);
    }
  };

  return bytes => {
    const data: number[] = [];
    for (const byte of bytes) {
      if (state === 'data') {
        if (byte === interpretAsCommand) {
          state = 'command';
        } else {
          data.push(byte);
        }
      } else if (state === 'command') {
        state = byte === subnegotiationBegin ? 'subnegotiation' : (verbOf(byte) ?? 'data');
        collected = [];
        if (byte === interpretAsCommand) {
          data.push(byte);
        }
      } else if (state === 'subnegotiation') {
        if (byte === interpretAsCommand) {
          state = 'command in subnegotiation';
        } else {
          collect(byte);
        }
      } else if (state === 'command in subnegotiation') {
        state = 'subnegotiation';
        if (byte === interpretAsCommand) {
          collect(byte);
        } else if (byte === subnegotiationEnd) {
          state = 'data';
          const [option, ...payload] = collected;
          if (option !== undefined) {
            commands.subnegotiation(option, Uint8Array.from(payload));
          }
        }
      } else {
        const verb = state;
        state = 'data';
        commands.negotiation(verb, byte);
      }
    }

    return Uint8Array.from(data);
  };
}

/** Data as it goes over the wire. */
export function telnetData(bytes: Uint8Array): Uint8Array {
  return bytes.includes(interpretAsCommand)
    ? Uint8Array.from([...bytes].flatMap(byte => (byte === interpretAsCommand ? [byte, byte] : [byte])))
    : bytes;
}

export function telnetNegotiation(verb: Verb, option: number): Uint8Array {
  return Uint8Array.of(interpretAsCommand, verbs[verb], option);
}

export function telnetSubnegotiation(option: number, payload: Uint8Array): Uint8Array {
  return Uint8Array.of(
    interpretAsCommand,
    subnegotiationBegin,
    option,
    ...telnetData(payload),
    interpretAsCommand,
    subnegotiationEnd,
  );
}

const verbByCode = new Map(Object.entries(verbs).map(([verb, code]) => [code as number, verb as Verb]));

function verbOf(byte: number): Verb | undefined {
  return verbByCode.get(byte);
}
