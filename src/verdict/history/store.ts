/**
 * The verdicts of a directory of runs in an SQLite file beside them. The runs are the truth: the store is made from
 * their directories, brought up to date each time it is opened, and made anew when it is of another version or damaged.
 */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { runFiles } from '../recording/run-directory.ts';
import { type PastRun, readPastRun } from './past-run.ts';

/** Of the table below; a store of another version is made anew. */
const version = 1;

const storeFile = 'history.sqlite';

const table = `create table if not exists run (
  name text primary key, stamp text not null, scenario text not null, board text not null, boardType text not null,
  virtual integer not null, onPurpose text, started text not null, milliseconds real, outcome text not null, cause text, xen text,
  xenBuild text
) strict; create index if not exists run_by_scenario on run (scenario, board, started)`;

export interface PastRunsQuery {
  readonly scenario?: string | undefined;
  readonly board?: string | undefined;
}

export class HistoryStore {
  readonly #database: DatabaseSync;
  readonly #directory: string;

  /**
   * Opens the store of a directory of runs, makes it where there is none, and takes the runs in that are new or changed.
   *
   * @param directory with a directory for each run; where it cannot be written, the store is kept in memory
   * @throws the system's error where the directory cannot be read
   */
  constructor(directory: string) {
    this.#directory = directory;
    this.#database = openDatabase(path.join(directory, storeFile));
    try {
      this.#update();
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** The runs that match, the oldest first. */
  runs({ scenario, board }: PastRunsQuery = {}): PastRun[] {
    const rows = this.#database
      .prepare(
        `select name, scenario, board, boardType, virtual, onPurpose, started, milliseconds, outcome, cause, xen, xenBuild from run
         where (?1 is null or scenario = ?1) and (?2 is null or board = ?2) order by started, name`,
      )
      .all(scenario ?? null, board ?? null) as unknown as (Omit<PastRun, 'virtual'> & { virtual: number })[];
    return rows.map(row => ({ ...row, virtual: row.virtual === 1 }));
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #update(): void {
    const stamps = new Map<string, string>();
    for (const name of readdirSync(this.#directory)) {
      const file = statSync(path.join(this.#directory, name, runFiles.verdict), { throwIfNoEntry: false });
      if (file !== undefined) stamps.set(name, `${file.mtimeMs} ${file.size}`);
    }
    this.#database.exec('begin immediate');
    try {
      const known = new Map(
        this.#database
          .prepare('select name, stamp from run')
          .all()
          .map(row => [String(row['name']), String(row['stamp'])]),
      );
      const remove = this.#database.prepare('delete from run where name = ?');
      for (const name of known.keys()) if (!stamps.has(name)) remove.run(name);
      for (const [name, stamp] of stamps) {
        if (known.get(name) === stamp) continue;
        const run = readPastRun(path.join(this.#directory, name));
        if (run === undefined) remove.run(name);
        else this.#put(run, stamp);
      }
      this.#database.exec('commit');
    } catch (error) {
      this.#database.exec('rollback');
      throw error;
    }
  }

  #put(run: PastRun, stamp: string): void {
    this.#database
      .prepare('insert or replace into run values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(
        run.name,
        stamp,
        run.scenario,
        run.board,
        run.boardType,
        run.virtual ? 1 : 0,
        run.onPurpose,
        run.started,
        run.milliseconds,
        run.outcome,
        run.cause,
        run.xen,
        run.xenBuild,
      );
  }
}

/** A store of this version: the file's, else a new one in its place, else one in memory. */
function openDatabase(file: string): DatabaseSync {
  for (const name of [file, file, ':memory:']) {
    const database = tryToOpen(name);
    if (database !== undefined) return database;
    if (existsSync(file)) tryToRemove(file);
  }
  throw new Error(`SQLite opens neither ${file} nor a store in memory`);
}

function tryToOpen(name: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    // Others that have it open are waited for.
    database = new DatabaseSync(name, { timeout: 10_000 });
    const found = database.prepare('pragma user_version').get()?.['user_version'];
    const tables = database.prepare('select count(*) as count from sqlite_schema').get()?.['count'];
    if (found === version || tables === 0) {
      database.exec(`begin immediate; ${table}; pragma user_version = ${version}; commit`);
      return database;
    }
  } catch {
    // Damaged, or in a directory that cannot be written.
  }
  database?.close();
  return undefined;
}

function tryToRemove(file: string): void {
  try {
    rmSync(file);
  } catch {
    // The directory cannot be written: the store is kept in memory.
  }
}
