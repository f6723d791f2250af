/** A TFTP server for boards (RFC 1350, 2347, 2348, 2349, 7440): our own, or a lab's that files are put before. */
export interface TftpServer extends AsyncDisposable {
  /** Address and port in use. */
  readonly address: string;
  readonly port: number;
  /** Whether it sees what boards ask for and tells them by `onEvent`; a lab's own server does not tell. */
  readonly observes: boolean;
  /** What a boot loader that is told file names has to put before each, with its slash; absent: nothing. */
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
  readonly clients?: readonly string[];
  /** Leading directories that are taken off a requested name (`bd989ae1/`), tried in order. */
  readonly prefixes?: readonly string[];
  /** By the name that the board asks for: a path on this machine, or the bytes. */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  readonly onEvent: (event: TftpEvent) => void;
  /** A request from an address that no board claims: perhaps this one, with another address than expected. */
  readonly onStranger?: (event: Extract<TftpEvent, { readonly kind: 'refused' }>) => void;
  /** What was found and repaired on the way: what a run that was killed had left, for instance. */
  readonly onNote?: (text: string) => void;
}

/** What becomes of a board's requests. Where it is read off the board's console, what that does not say is absent. */
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
      /** Where it had looked like one that is served: the board's own console. */
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
