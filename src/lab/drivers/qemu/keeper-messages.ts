/** Messages between a controller and the keeper of its emulated board, over Node's IPC channel. */
import type { TftpEvent } from '../tftp/tftp.ts';

/** Parameters of the keeper when it is started. */
export interface KeeperSettings {
  /** Where the sockets are; removed when the keeper ends. */
  readonly directory: string;
  /** The controller's end of the board's network; absent: QEMU makes the network, and is all of it. */
  readonly network?: {
    readonly address: string;
    readonly prefixLength: number;
    readonly tap: string;
    readonly tftpPort: number;
  };
  readonly sockets: KeeperSockets;
}

/** The two ends of a serial line, Unix sockets. */
interface LineSockets {
  /** QEMU connects to it whenever it is started. */
  readonly machine: string;
  /** The controller connects to it, and stays however often the machine is switched. */
  readonly controller: string;
}

/** Unix sockets. The keeper listens on all of them. */
interface KeeperSockets {
  /** The console, and the serial ports after it. */
  readonly lines: readonly LineSockets[];
  /** QEMU Machine Protocol. */
  readonly monitor: string;
  /** A connection whose first line is `HOST PORT` goes there, in the board's network. */
  readonly gate: string;
}

/** Each request is answered by one reply with its number. */
export type KeeperRequest =
  | { readonly ask: 'prepare'; readonly settings: KeeperSettings }
  | { readonly ask: 'start'; readonly commandLine: readonly string[] }
  | { readonly ask: 'stop' }
  | { readonly ask: 'state' }
  | {
      readonly ask: 'serve';
      readonly board: number;
      readonly name: string;
      readonly clients: readonly string[] | undefined;
      readonly prefixes: readonly string[] | undefined;
      readonly files: ReadonlyMap<string, string | Uint8Array>;
    }
  | { readonly ask: 'unserve'; readonly board: number };

export interface NumberedRequest {
  readonly number: number;
  readonly request: KeeperRequest;
}

export type KeeperMessage =
  | { readonly say: 'ready' }
  | { readonly say: 'reply'; readonly number: number; readonly value: string }
  | {
      readonly say: 'failed';
      readonly number: number;
      readonly attempt: string;
      readonly why: string;
      readonly hint: string;
    }
  | { readonly say: 'tftp'; readonly board: number; readonly event: TftpEvent }
  | { readonly say: 'stranger'; readonly board: number; readonly event: Refused };

type Refused = Extract<TftpEvent, { readonly kind: 'refused' }>;
