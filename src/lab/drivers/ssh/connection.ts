import type { Client } from 'ssh2';
import type { DriverError } from '../driver-error.ts';

/** A logged-in connection, for what runs on it. */
export interface Connection {
  readonly name: string;
  readonly client: Client;
  /** The error of an attempt that the connection's end broke off. */
  lost(attempt: string): DriverError;
  /** The error of an attempt that got no channel: the server refused it, or the connection ended first. */
  refused(attempt: string, error: Error): DriverError;
}
