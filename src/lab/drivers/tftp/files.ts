import { tftpError } from './packet.ts';

/** The files of one board by the names that it asks for. */
export interface FileTable {
  readonly board: string;
  /** Without leading slash, `.` or empty segments. */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  /** In the same form. */
  readonly prefixes: readonly string[];
}

export type Lookup =
  | { readonly kind: 'found'; readonly name: string; readonly source: string | Uint8Array }
  | { readonly kind: 'refused'; readonly code: number; readonly why: string };

/** Brings the names of a board's files into the form in which requests are looked up. */
export function fileTable(
  board: string,
  files: ReadonlyMap<string, string | Uint8Array>,
  prefixes: readonly string[] = [],
): FileTable {
  return {
    board,
    files: new Map([...files].map(([name, source]) => [normalise(name), source])),
    prefixes: prefixes.map(normalise).filter(prefix => prefix !== ''),
  };
}

/**
 * Finds what a board means by a name: itself, or what is left of it without one of the prefixes.
 *
 * Nothing but the table is ever looked at, so no name leads out of it; names that try are told apart because
 * they say something about the board.
 *
 * @param others tables of the other boards, to say where a name was found instead
 */
export function lookUp(table: FileTable, requested: string, others: Iterable<FileTable> = []): Lookup {
  if (requested.split(/[/\\]/).includes('..')) {
    return { kind: 'refused', code: tftpError.accessViolation, why: 'the name leads upwards' };
  }

  const name = normalise(requested);
  for (const candidate of candidates(name, table.prefixes)) {
    const source = table.files.get(candidate);
    if (source !== undefined) {
      return { kind: 'found', name: candidate, source };
    }
  }

  if (requested.startsWith('/')) {
    return {
      kind: 'refused',
      code: tftpError.accessViolation,
      why: `an absolute path, and not among the files of ${table.board}`,
    };
  }

  const owner = [...others].find(other =>
    candidates(name, other.prefixes).some(candidate => other.files.has(candidate)),
  );
  const elsewhere = owner ? `; it is one of ${owner.board}'s` : '';
  return {
    kind: 'refused',
    code: tftpError.fileNotFound,
    why: `not among the files of ${table.board}${elsewhere}`,
  };
}

function candidates(name: string, prefixes: readonly string[]): readonly string[] {
  const stripped = prefixes
    .filter(prefix => name.startsWith(`${prefix}/`))
    .map(prefix => name.slice(prefix.length + 1));
  return [name, ...stripped];
}

function normalise(name: string): string {
  return name
    .split('/')
    .filter(segment => segment !== '' && segment !== '.')
    .join('/');
}
