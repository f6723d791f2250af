/** SSH to a domain. */
export interface SshDriver {
  /**
   * Logs in.
   * @param target where; `via` names a session through which the connection goes (a domU behind Dom0)
   * @throws DriverError that says which stage failed: socket, handshake, host key, authentication, deadline
   */
  connect(target: SshTarget, signal: AbortSignal): Promise<SshSession>;
}

export interface SshTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly via?: SshSession;
  /** `SHA256:...`; absent: the key seen first in the run is kept for the rest of it. */
  readonly hostKey?: string;
  readonly identity: SshIdentity;
}

/** How to log in. Never recorded, never printed. */
export type SshIdentity =
  | { readonly kind: 'key'; readonly privateKey: string; readonly passphrase?: string }
  | { readonly kind: 'agent'; readonly socket: string }
  | { readonly kind: 'password'; readonly password: string };

export interface SshSession extends AsyncDisposable {
  /** For people: `root@192.168.1.2:22`. */
  readonly name: string;
  /** `SHA256:...` of the host key that was accepted. */
  readonly hostKey: string;
  /**
   * Runs one command.
   * @param stdin bytes for its standard input
   * @returns exit status and output; a connection that breaks first is an error, never a status
   */
  exec(
    command: string,
    options: { readonly stdin?: Uint8Array; readonly signal: AbortSignal },
  ): Promise<SshResult>;
  /**
   * Writes a file, whole, and the directories that it is in: by SFTP, or by the shell where the server has no SFTP.
   * @returns which of them it was
   * @throws DriverError where it is not there afterwards with its size
   */
  put(path: string, bytes: Uint8Array, options: PutOptions): Promise<'sftp' | 'shell'>;
  /** An interactive shell with a terminal. */
  shell(events: { data(bytes: Uint8Array): void; closed(): void }, signal: AbortSignal): Promise<SshShell>;
  close(): Promise<void>;
}

export interface PutOptions {
  readonly signal: AbortSignal;
  /** Told how many bytes the domain has taken. */
  readonly onProgress?: (bytes: number) => void;
}

export interface SshResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SshShell extends AsyncDisposable {
  write(bytes: Uint8Array): void;
  resize(columns: number, rows: number): void;
  close(): Promise<void>;
}
