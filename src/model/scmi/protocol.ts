import type { Fault } from './faults.ts';
import type { FirmwareProfile } from './profile.ts';
import type { Quirk } from './quirks.ts';
import type { FirmwareState } from './state.ts';
import { status } from './status.ts';

/** State that a message handler reads and changes. */
export interface Server {
  readonly profile: FirmwareProfile;
  readonly quirks: ReadonlySet<Quirk>;
  readonly faults: readonly Fault[];
  /** Agent that may use messages 0x9, 0xA, 0xB of Base; null: nobody. */
  readonly privilegedAgent: number | null;
  readonly state: FirmwareState;
  /** Prints one line, without its end, on the firmware's console. */
  print(line: string): void;
}

/** A command as the transport hands it over. */
export interface Request {
  /** The caller, by its channel. */
  readonly agent: number;
  readonly protocol: number;
  readonly message: number;
  /** Bytes of the payload. */
  readonly size: number;
  /** The payload as 32-bit words. */
  readonly words: readonly number[];
}

export interface Reply {
  readonly status: number;
  /** Words after the status. A firmware that fails sends the status alone. */
  readonly words: readonly number[];
}

type Handler = (server: Server, request: Request) => Reply;

/** One message of a protocol: which payload it takes, and what answers it. */
export interface Message {
  /** Bytes that the payload must have; with `orMore` at least. Otherwise: PROTOCOL_ERROR. */
  readonly size: number;
  readonly orMore?: boolean;
  readonly handle: Handler;
}

/** The messages of one protocol, by message id. */
export type Protocol = ReadonlyMap<number, Message>;

export const succeed = (...words: readonly number[]): Reply => ({ status: status.SUCCESS, words });

export const fail = (code: number): Reply => ({ status: code, words: [] });

/** Word `index` of a payload whose size was checked. */
export const argument = (request: Request, index: number): number => request.words[index] ?? 0;

/**
 * Messages 0x0 to 0x2, which every protocol has.
 *
 * @param attributes - Words that PROTOCOL_ATTRIBUTES answers.
 * @param isSupported - Whether a message id exists, for PROTOCOL_MESSAGE_ATTRIBUTES.
 */
export function commonMessages(
  version: (server: Server) => number,
  attributes: (server: Server, request: Request) => readonly number[],
  isSupported: (server: Server, message: number) => boolean,
): [number, Message][] {
  return [
    [0x0, { size: 0, handle: server => succeed(version(server)) }],
    [0x1, { size: 0, handle: (server, request) => succeed(...attributes(server, request)) }],
    [
      0x2,
      {
        size: 4,
        handle: (server, request) =>
          isSupported(server, argument(request, 0)) ? succeed(0) : fail(status.NOT_FOUND),
      },
    ],
  ];
}
