/**
 * The guard of a controller: a process that outlives it by a moment. It holds the boards, and where the controller is
 * gone without having given them back (kill -9, out of memory), it switches them off, says so in their recordings and
 * ends.
 */
import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { DriverError } from '../drivers/driver-error.ts';
import { BoardHeldError, type Reservation } from '../reservation.ts';
import type { Guarded, GuardAnswer, GuardRequest } from './messages.ts';

const attempt = 'start the guard that switches boards off when this process is killed';
const hint = 'see that this user may start more processes: ulimit -u, free memory';

/** Variables by which CI runners find and kill what a cancelled job has left. */
const runnersOwn = [
  'RUNNER_TRACKING_ID',
  'JENKINS_NODE_COOKIE',
  'JENKINS_SERVER_COOKIE',
  'HUDSON_SERVER_COOKIE',
  'BUILD_ID',
];

export class Guard implements AsyncDisposable {
  readonly #pipe: Socket;
  readonly #waiting = new Map<number, PromiseWithResolvers<void>>();
  readonly #gone: Promise<void>;
  #ended: DriverError | undefined;
  #numbers = 0;

  /**
   * Starts a guard. It is in a session of its own, and no child of this process: what ends this process's group or
   * its tree does not end it.
   */
  static start(): Guard {
    const program = path.join(import.meta.dirname, `program${path.extname(import.meta.filename)}`);
    // Not as standard input, which a child's end closes: the shell ends at once.
    const child = spawn('/bin/sh', ['-c', '"$@" <&3 >&3 3>&- &', 'sh', process.execPath, program], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      detached: true,
      env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !runnersOwn.includes(name))),
    });
    const guard = new Guard(child.stdio[3] as Socket);
    child.on('error', error => guard.#end(error.message));
    child.unref();
    return guard;
  }

  private constructor(pipe: Socket) {
    this.#pipe = pipe;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gone = promise;
    pipe.on('error', error => this.#end(error.message));
    createInterface(pipe)
      .on('line', line => this.#heard(JSON.parse(line) as GuardAnswer))
      .on('close', () => {
        this.#end('it ended');
        resolve();
      });
    // Only what is asked of it keeps this process alive.
    pipe.unref();
  }

  /**
   * Takes a board. Its release gives it back: then the guard has nothing more to do with it.
   * @throws DriverError that says who holds it, or that there is no guard
   */
  async take(board: Guarded): Promise<Reservation> {
    const taken = await this.#ask({ ask: 'take', board });
    let released: Promise<unknown> | undefined;
    const release = async () => {
      released ??= this.#ask({ ask: 'release', taken }).catch((error: unknown) => {
        // A guard that is gone holds nothing.
        if (error !== this.#ended) throw error;
      });
      await released;
    };
    return { release, [Symbol.asyncDispose]: release };
  }

  /** Ends it; of boards that were not given back it thinks that their controller was killed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#pipe.end();
    await kept(this.#gone);
  }

  async #ask(request: Without<GuardRequest, 'number'>): Promise<number> {
    if (this.#ended !== undefined) throw this.#ended;
    const number = ++this.#numbers;
    const waiting = Promise.withResolvers<void>();
    this.#waiting.set(number, waiting);
    this.#pipe.write(`${JSON.stringify({ number, ...request })}\n`);
    try {
      await kept(waiting.promise);
    } finally {
      this.#waiting.delete(number);
    }
    return number;
  }

  #heard(answer: GuardAnswer): void {
    const waiting = this.#waiting.get(answer.number);
    if ('done' in answer) waiting?.resolve();
    else {
      const { failed } = answer;
      const kind = failed.held ? BoardHeldError : DriverError;
      waiting?.reject(new kind(failed.attempt, failed.why, failed.hint));
    }
  }

  #end(why: string): void {
    this.#ended ??= new DriverError(attempt, why, hint);
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
  }
}

/** Keeps this process alive while it waits for something on an unreferenced pipe. */
async function kept(wait: Promise<void>): Promise<void> {
  const alive = setInterval(() => undefined, 60_000);
  try {
    await wait;
  } finally {
    clearInterval(alive);
  }
}

/** `Omit` of each member of a union. */
type Without<Union, Key extends PropertyKey> = Union extends unknown ? Omit<Union, Key> : never;
