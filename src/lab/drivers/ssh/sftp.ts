/** Files by the SSH File Transfer Protocol (draft-ietf-secsh-filexfer-02: version 3, which OpenSSH has). */
import { setTimeout as delay } from 'node:timers/promises';
import type { SFTPWrapper } from 'ssh2';
import { abortable, cutShort } from '../abortable.ts';
import { DriverError } from '../driver-error.ts';
import { NotWritten } from './not-written.ts';
import type { Connection } from './connection.ts';
import type { PutOptions } from './ssh.ts';

/** The server has no such subsystem, or one that does not start. */
export class NoSftp extends Error {}

/** Milliseconds that the server gets to confirm that it is over. */
const farewell = 1000;
/** Bytes of one write: a packet of 34000 bytes is what all servers should take (section 3); ssh2 splits larger ones. */
const piece = 30 * 1024;
/** Writes that may be on their way before an answer has come. */
const onTheirWay = 16;

/**
 * Writes a file, and the directories that it is in; one that is there is replaced. Its size is asked for afterwards.
 * @throws NoSftp; NotWritten where the server refuses it or its size is another; DriverError where the connection
 *   breaks or the signal ends it
 */
export async function putBySftp(
  connection: Connection,
  path: string,
  bytes: Uint8Array,
  { signal, onProgress }: PutOptions,
): Promise<void> {
  const attempt = `send ${path} to ${connection.name}`;
  const sftp = await start(connection, attempt, signal);
  const server = new Server(sftp, () => connection.lost(attempt));
  let taken = 0;
  const written = (count: number) => {
    taken += count;
    onProgress?.(taken);
  };
  const awaited = () => `the server to take it, of which ${taken} of ${bytes.length} bytes were taken`;
  try {
    await abortable<void>(
      signal,
      () => cutShort(attempt, awaited(), hint, signal),
      (resolve, reject) => {
        const run = async () => {
          try {
            await server.put(path, bytes, written);
            resolve();
          } catch (error) {
            reject(failure(connection, attempt, error));
          }
        };
        void run();
        return () => {};
      },
    );
  } finally {
    await server.close();
  }
}

const hint = 'see that the domain still runs, and its disk';

/** @throws NoSftp; DriverError where the connection breaks or the signal ends the wait */
function start(connection: Connection, attempt: string, signal: AbortSignal): Promise<SFTPWrapper> {
  return abortable<SFTPWrapper>(
    signal,
    () => cutShort(attempt, "the start of the server's sftp", hint, signal),
    (resolve, reject) => {
      let over = false;
      try {
        connection.client.sftp((error, sftp) => {
          if (over) {
            sftp?.end();
          } else if (error) {
            reject(new NoSftp(error.message, { cause: error }));
          } else {
            resolve(sftp);
          }
        });
      } catch {
        reject(connection.lost(attempt));
      }

      return () => {
        over = true;
      };
    },
  );
}

class Server {
  readonly #sftp: SFTPWrapper;
  readonly #gone: Promise<never>;

  /** @param lost the error of a connection that ends while an answer is due */
  constructor(sftp: SFTPWrapper, lost: () => Error) {
    this.#sftp = sftp;
    this.#gone = new Promise((_, reject) => {
      sftp.once('close', () => reject(lost()));
    });
    this.#gone.catch(() => {});
    sftp.on('error', () => {});
  }

  async put(path: string, bytes: Uint8Array, written: (bytes: number) => void): Promise<void> {
    const handle = await this.#create(path);
    const flying = new Set<Promise<void>>();
    for (let offset = 0; offset < bytes.length; offset += piece) {
      if (flying.size === onTheirWay) await Promise.race(flying);
      const part = Buffer.from(bytes.subarray(offset, offset + piece));
      const write = this.#ask<undefined>(done => {
        this.#sftp.write(handle, part, 0, part.length, offset, error => done(error, undefined));
      }).then(() => {
        flying.delete(write);
        return written(part.length);
      });
      flying.add(write);
    }
    await Promise.all(flying);
    await this.#ask<undefined>(done => this.#sftp.close(handle, error => done(error, undefined)));
    const { size } = await this.#ask<{ size: number }>(done => this.#sftp.stat(path, done));
    if (size !== bytes.length) throw new OtherSize(`${bytes.length} bytes were sent, ${size} are there`);
  }

  /** Waits until the server has closed its end too: dropbear takes no command before. */
  async close(): Promise<void> {
    const patience = new AbortController();
    this.#sftp.end();
    await Promise.race([this.#gone.catch(() => {}), delay(farewell, undefined, { signal: patience.signal })]);
    patience.abort();
  }

  async #create(path: string): Promise<Buffer> {
    const create = () => this.#ask<Buffer>(done => this.#sftp.open(path, 'w', done));
    try {
      return await create();
    } catch (error) {
      if (statusOf(error) !== noSuchFile) throw error;
      await this.#makeDirectories(path);
      return await create();
    }
  }

  /** Those that are there already are refused, in words that no two servers share: only the file shows. */
  async #makeDirectories(path: string): Promise<void> {
    for (let end = path.indexOf('/', 1); end > 0; end = path.indexOf('/', end + 1)) {
      const directory = path.slice(0, end);
      await this.#ask<undefined>(done => this.#sftp.mkdir(directory, error => done(error, undefined))).catch(
        (error: unknown) => {
          if (statusOf(error) === undefined) throw error;
        },
      );
    }
  }

  #ask<T>(ask: (done: (error: Error | null | undefined, answer: T) => void) => void): Promise<T> {
    const answered = new Promise<T>((resolve, reject) => {
      ask((error, answer) => {
        if (error) {
          reject(error);
        } else {
          resolve(answer);
        }
      });
    });
    return Promise.race([answered, this.#gone]);
  }
}

/** SSH_FX_NO_SUCH_FILE (section 7). */
const noSuchFile = 2;

/** The number of a refusal; undefined for what is none. */
function statusOf(error: unknown): number | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : undefined;
}

function failure(connection: Connection, attempt: string, error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if (error instanceof DriverError) return error;
  if (statusOf(error) === undefined && !(error instanceof OtherSize))
    return connection.refused(attempt, error);
  return new NotWritten(
    attempt,
    error.message,
    'see whether the user of ssh.user may write there, and whether the disk is full (df)',
    { cause: error },
  );
}

class OtherSize extends Error {}
