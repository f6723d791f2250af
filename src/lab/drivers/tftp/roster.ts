import { fileTable, type FileTable } from './files.ts';
import { Strangers } from './strangers.ts';
import type { TftpBoard, TftpEvent } from './tftp.ts';

/** A board that is being served. */
export interface Entry {
  readonly board: TftpBoard;
  readonly table: FileTable;
  readonly strangers: Strangers;
}

/** Boards that are served, and the board of each client. */
export interface Roster {
  /** @throws Error where another board has one of the addresses, or takes unclaimed clients too */
  add(board: TftpBoard): Entry;
  remove(entry: Entry): void;
  has(entry: Entry): boolean;
  /** The board that claims the address, else the one that takes any. */
  find(client: string): Entry | undefined;
  /** Tables of all boards but one. */
  others(entry: Entry): readonly FileTable[];
  /** Tells the board, or, where it is nobody's, all that want to know of strangers. */
  report(entry: Entry | undefined, event: Extract<TftpEvent, { readonly kind: 'refused' }>): void;
}

export function createRoster(): Roster {
  const entries = new Set<Entry>();
  const find = (test: (board: TftpBoard) => boolean) => [...entries].find(({ board }) => test(board));

  const refuseClash = ({ name, clients }: TftpBoard) => {
    const rival = clients
      ? find(board => board.clients?.some(address => clients.includes(address)) === true)
      : find(board => board.clients === undefined);
    if (rival !== undefined) {
      const what = clients ? `clients ${clients.join(', ')}` : 'clients that no board claims';
      throw new Error(
        `${name} and ${rival.board.name} cannot both be served ${what}: give each its own address`,
      );
    }
  };

  return {
    add: board => {
      refuseClash(board);
      const entry = {
        board,
        table: fileTable(board.name, board.files, board.prefixes),
        strangers: new Strangers(board),
      };
      entries.add(entry);
      return entry;
    },
    remove: entry => {
      if (entries.delete(entry)) entry.strangers.summarize();
    },
    has: entry => entries.has(entry),
    find: client =>
      find(board => board.clients?.includes(client) === true) ?? find(board => board.clients === undefined),
    others: entry => [...entries].filter(other => other !== entry).map(({ table }) => table),
    report: (entry, event) => {
      if (entry !== undefined) {
        entry.board.onEvent(event);
        return;
      }

      for (const { strangers } of entries) {
        strangers.heard(event);
      }
    },
  };
}
