/** A process that has a board, or waits for one. */
import { hostname, userInfo } from 'node:os';

export interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly user: string;
  /** ISO 8601. */
  readonly since: string;
  readonly command: string;
  /** As its lab file names it. */
  readonly board: string;
  /** The run's directory, in which its recording grows; absent: nothing is recorded. */
  readonly directory?: string | undefined;
}

/** This process as the holder of a board. */
export function holderOfBoard(board: string, command: string): Holder {
  return {
    pid: process.pid,
    host: hostname(),
    user: userName(),
    since: new Date().toISOString(),
    command,
    board,
  };
}

/** A user of a container may have no name. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.()}`;
  }
}

/** @returns undefined where the text is another program's */
export function readHolder(text: string): Holder | undefined {
  try {
    const { pid, host, user, since, command, board, directory } = JSON.parse(text) as Partial<Holder>;
    if (typeof pid !== 'number') return undefined;
    return {
      pid,
      host: shown(host),
      user: shown(user),
      since: shown(since),
      command: shown(command),
      board: shown(board),
      directory: typeof directory === 'string' ? shown(directory) : undefined,
    };
  } catch {
    return undefined;
  }
}

/** Another user's words reach this user's terminal. */
export function shown(text: unknown): string {
  return String(text)
    .replaceAll(/\p{Cc}/gu, '?')
    .slice(0, 500);
}
