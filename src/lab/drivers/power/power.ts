/** A switch for a board's supply. Each call has a deadline in `signal` and says what it tried when it fails. */
export interface PowerDriver {
  /** For people: `command "pdu 3"`, `virtual switch`. */
  readonly name: string;
  on(signal: AbortSignal): Promise<void>;
  off(signal: AbortSignal): Promise<void>;
  /** The state that the switch itself reports; `unknown` if it cannot tell. */
  state(signal: AbortSignal): Promise<'on' | 'off' | 'unknown'>;
}
