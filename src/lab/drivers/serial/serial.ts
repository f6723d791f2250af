/** A console line to a board. Opened before power-on, closed after power-off. */
export interface SerialDriver {
  /** For people: `/dev/ttyUSB0 at 115200`, `tcp 10.0.0.5:7001`. */
  readonly name: string;
  /**
   * Opens the line.
   * @throws DriverError where the port is missing, held by another process, or does not answer in time
   */
  open(events: SerialEvents, signal: AbortSignal): Promise<SerialConnection>;
}

export interface SerialEvents {
  data(bytes: Uint8Array): void;
  /** The line is gone (adapter unplugged, peer closed); called once, never after `close`. */
  lost(error: Error): void;
  /** The line is away, and looked for again; what the other end sends now is not known. */
  away?(error: Error): void;
  /** It is there again, after this time in milliseconds. */
  back?(milliseconds: number): void;
}

export interface SerialConnection extends AsyncDisposable {
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Holds the line in the break condition; absent where the transport cannot carry one.
   * @throws DriverError where the adapter cannot send one
   */
  break?(milliseconds: number): Promise<void>;
  /** Closes the line; further calls do nothing. */
  close(): Promise<void>;
}
