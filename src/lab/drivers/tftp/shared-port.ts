/** A run's side of the machine's TFTP port: joins the process that shares it, and starts that where there is none. */
import { spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DriverError } from '../driver-error.ts';
import type { Client, RequestPort } from './request-port.ts';
import { lineReader, type RunMessage, type SharerMessage, socketName } from './shared-port-messages.ts';
import type { TftpBoard } from './tftp.ts';

/** How often it is tried to join: another run may be starting or ending the process at the same time. */
const attempts = 40;
/** Milliseconds between two attempts. */
const interval = 100;
/** Milliseconds for an answer of the process. */
const patience = 10_000;

/**
 * The machine's port, shared with the other runs of this machine.
 * @throws DriverError where the address or port cannot be had
 */
export async function joinSharedPort(address: string, port: number): Promise<RequestPort> {
  const shared = new SharedPort(address, port);
  await shared.join();
  return shared;
}

interface Claim {
  readonly board: Pick<TftpBoard, 'name' | 'clients'>;
  readonly settled: PromiseWithResolvers<void>;
}

class SharedPort implements RequestPort {
  readonly address: string;
  readonly port: number;
  readonly #claims = new Map<number, Claim>();
  readonly #since = new Date().toISOString();
  #numbers = 0;
  #connection: Socket | undefined;
  #heard: ((bytes: Uint8Array, from: Client) => void) | undefined;
  #isClosed = false;

  constructor(address: string, port: number) {
    this.address = address;
    this.port = port;
  }

  listen(heard: (bytes: Uint8Array, from: Client) => void): void {
    this.#heard = heard;
  }

  async join(): Promise<void> {
    let failure: DriverError | undefined;
    for (let attempt = 0; attempt < attempts; attempt++) {
      const connection = await this.#connect();
      if (connection !== undefined) {
        this.#connection = connection;
        connection.once('close', () => {
          // Somebody ended the process: any of its runs starts it again.
          if (!this.#isClosed) void this.join().catch(() => undefined);
        });
        for (const [number, { board }] of this.#claims) this.#claim(number, board);
        return;
      }
      failure = await start(this.address, this.port);
      // The process may have been started, or be ending, on behalf of another run.
      if (failure !== undefined) await delay(interval);
      if (failure !== undefined && attempt >= attempts / 4) break;
    }
    throw (
      failure ??
      new DriverError(
        `serve TFTP on ${this.address}:${this.port}`,
        'its process does not answer',
        'try again',
      )
    );
  }

  async claim(board: Pick<TftpBoard, 'name' | 'clients'>): Promise<AsyncDisposable> {
    const number = ++this.#numbers;
    const settled = Promise.withResolvers<void>();
    this.#claims.set(number, { board, settled });
    this.#claim(number, board);
    const late = setTimeout(
      () => settled.reject(cannotClaim(board.name, 'its process does not answer')),
      patience,
    );
    try {
      await settled.promise;
    } catch (error) {
      this.#claims.delete(number);
      throw error;
    } finally {
      clearTimeout(late);
    }
    return {
      [Symbol.asyncDispose]: async () => {
        if (this.#claims.delete(number)) this.#tell({ say: 'release', number });
      },
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const connection = this.#connection;
    if (connection === undefined || connection.closed) return;
    const closed = new Promise<void>(resolve => connection.once('close', () => resolve()));
    connection.end();
    const late = setTimeout(() => connection.destroy(), patience);
    await closed;
    clearTimeout(late);
  }

  /** @returns undefined where there is no such process, or it is ending */
  #connect(): Promise<Socket | undefined> {
    const { promise, resolve } = Promise.withResolvers<Socket | undefined>();
    const connection = connect(socketName(this.address, this.port));
    const read = lineReader(
      line => {
        const message = JSON.parse(line) as SharerMessage;
        if (message.say === 'hello') resolve(connection);
        else this.#take(message);
      },
      () => connection.destroy(),
    );
    connection.setEncoding('utf8').on('data', read);
    connection.on('error', () => {});
    connection.on('close', () => resolve(undefined));
    return promise;
  }

  #take(message: Exclude<SharerMessage, { readonly say: 'hello' }>): void {
    if (message.say === 'packet') {
      const { bytes, address, port } = message;
      this.#heard?.(Buffer.from(bytes, 'base64'), { address, port });
      return;
    }
    const claim = this.#claims.get(message.number);
    if (message.say === 'claimed') claim?.settled.resolve();
    else
      claim?.settled.reject(
        cannotClaim(claim.board.name, `${message.holder} of another run has its address`),
      );
  }

  #claim(number: number, { name, clients }: Pick<TftpBoard, 'name' | 'clients'>): void {
    const run = `process ${process.pid}, since ${this.#since}`;
    this.#tell({ say: 'claim', number, board: `${name} (${run})`, clients });
  }

  #tell(message: RunMessage): void {
    this.#connection?.write(`${JSON.stringify(message)}\n`);
  }
}

function cannotClaim(board: string, why: string): DriverError {
  return new DriverError(
    `serve files to ${board}`,
    why,
    'give each board its own network.address, or wait for that run',
  );
}

/** @returns why it could not start; undefined: it runs */
async function start(address: string, port: number): Promise<DriverError | undefined> {
  const file = path.join(import.meta.dirname, `sharer${path.extname(import.meta.filename)}`);
  const child = spawn(process.execPath, [file, address, String(port)], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let said = '';
  await new Promise<void>(resolve => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('\n')) resolve();
    });
    child.once('error', () => resolve());
    child.once('close', () => resolve());
  });
  child.stdout.destroy();
  child.unref();
  const attempt = `serve TFTP on ${address}:${port}`;
  const answer = parse(said);
  if (answer?.ready === true) return undefined;
  const why = answer?.message ?? 'its process ended without a word';
  return new DriverError(
    attempt,
    why.startsWith(`${attempt}: `) ? why.slice(attempt.length + 2) : why,
    answer?.hint ?? 'try again',
  );
}

interface Started {
  readonly ready?: boolean;
  readonly message?: string;
  readonly hint?: string;
}

function parse(text: string): Started | undefined {
  try {
    return JSON.parse(text) as Started;
  } catch {
    return undefined;
  }
}
