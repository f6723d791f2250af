/** Boards are held by name: no two controllers drive the same one. */
import { homedir } from 'node:os';
import path from 'node:path';
import { type Hold, type Holder, livingHolder, takeHold } from './drivers/hold-file.ts';

export type Reservation = Hold;

export interface ReserveOptions {
  /** Where the holds are; `stateDirectory()` unless told. */
  readonly directory?: string;
  /** The holder's purpose, for others to read. */
  readonly command: string;
}

/** `$XDG_STATE_HOME/scmi-hil`, or `~/.local/state/scmi-hil`. */
export function stateDirectory(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const home = environment['XDG_STATE_HOME'];
  return home !== undefined && path.isAbsolute(home)
    ? path.join(home, 'scmi-hil')
    : path.join(environment['HOME'] || homedir(), '.local', 'state', 'scmi-hil');
}

/**
 * Takes a board for this process.
 * @throws DriverError that says who holds it, or that the directory of the reservations cannot be written
 */
export function reserve(board: string, { directory, command }: ReserveOptions): Promise<Reservation> {
  return takeHold(fileOf(board, directory), { attempt: `reserve ${board}`, command });
}

/** The holder of a board, if it lives; for those who only ask. */
export function holderOf(board: string, directory?: string): Promise<Holder | undefined> {
  return livingHolder(fileOf(board, directory));
}

function fileOf(board: string, directory: string = stateDirectory()): string {
  return path.join(directory, 'boards', `${encodeURIComponent(board)}.hold`);
}
