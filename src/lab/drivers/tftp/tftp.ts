/** A TFTP server for boards (RFC 1350, 2347, 2348, 2349, 7440): our own, or a lab's that files are put before. */
export interface TftpServer extends AsyncDisposable {
  /** Address and port in use. */
  readonly address: string;
  readonly port: number;
  /** Whether it sees what boards ask for and tells them by `onEvent`; a lab's own server does not tell. */
  readonly observes: boolean;
  /** Prefix with its slash that a boot loader has to put before each file name; absent: none. */
  readonly below?: string;
  /**
   * Gives one board its files: it can fetch them once this resolves.
   * @returns a handle that takes the files away again (running transfers of that board are ended)
   * @throws DriverError where they cannot be given; none of them is then left
   */
  serve(board: TftpBoard): Promise<AsyncDisposable>;
  close(): Promise<void>;
}

export interface TftpBoard {
  readonly name: string;
  /** Client addresses that this board asks from; absent: any that no other board claims. */
  readonly clients?: readonly string[] | undefined;
  /** Leading directories that are taken off a requested name (`bd989ae1/`), tried in order. */
  readonly prefixes?: readonly string[];
  /** By the name that the board asks for: a path on this machine, or the bytes. */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  readonly onEvent: (event: TftpEvent) => void;
  /** A request from an address that no board claims: perhaps this one, with another address than expected. */
  readonly onStranger?: (event: Extract<TftpEvent, { readonly kind: 'refused' }>) => void;
  /** Repairs on the way: the files that a killed run had left, for instance. */
  readonly onNote?: (text: string) => void;
}

/** Events of a board's requests. If they are read off the board's console, fields that it does not show are absent. */
export type TftpEvent =
  | {
      readonly kind: 'request';
      readonly transfer: number;
      readonly client?: string;
      readonly file: string;
      readonly options?: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'progress';
      readonly transfer: number;
      readonly file: string;
      readonly bytes: number;
      readonly size?: number;
    }
  | {
      readonly kind: 'done';
      readonly transfer: number;
      readonly file: string;
      readonly bytes: number;
      readonly blocks?: number;
      readonly resent?: number;
      readonly milliseconds: number;
    }
  /** Refused or missing: a normal answer, not a failure of the run by itself. */
  | {
      readonly kind: 'refused';
      /** The board's own console, if the client looked like one that is served. */
      readonly transfer?: number;
      readonly client?: string;
      readonly file: string;
      readonly code: number;
      readonly why: string;
    }
  /** Ended before the last block: by the client's ERROR (`Early terminate` of a probe), or by time-out. */
  | {
      readonly kind: 'ended';
      readonly transfer: number;
      readonly file: string;
      readonly bytes: number;
      readonly why: 'client-error' | 'timeout' | 'closed' | 'read-error';
      readonly detail: string;
    };
