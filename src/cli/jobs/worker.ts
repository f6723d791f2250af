/** The command's side of a worker: a process of its own in which jobs run, so that a machine's other cores are used. */
import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { messageOf } from '../../config/text.ts';
import { DriverError } from '../../lab/drivers/driver-error.ts';
import type { Guard } from '../../lab/guard/guard.ts';
import type { Reservation } from '../../lab/reservation.ts';
import type { Watch } from '../run-display.ts';
import type { Job } from '../run-plan.ts';
import { reportKilledJob } from './killed-job.ts';
import {
  displayed,
  type FinishedJob,
  type JobRunner,
  type JobSettings,
  type PreparedJob,
} from './job-runner.ts';
import { type FromWorker, receivedError, sentError, type ToWorker } from './worker-messages.ts';

export interface WorkerOptions {
  readonly settings: JobSettings;
  readonly guard: Pick<Guard, 'take'>;
  readonly signal: AbortSignal;
}

/** A request that has no answer yet. */
interface Asked {
  readonly job: Job;
  readonly answered: PromiseWithResolvers<FromWorker>;
  readonly watch: Watch | undefined;
  /** Of the run. */
  directory: string | undefined;
}

/** The worker's process ended before it had answered. */
class WorkerGone extends Error {}

export class Worker implements JobRunner, AsyncDisposable {
  readonly #options: WorkerOptions;
  readonly #asked = new Map<number, Asked>();
  /** Boards that the guard holds for the worker, by the worker's number. */
  readonly #taken = new Map<number, Reservation>();
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  #numbers = 0;

  constructor(options: WorkerOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', this.#abort, { once: true });
  }

  async prepare(job: Job): Promise<PreparedJob> {
    const [, answered] = this.#ask('prepare', job);
    const answer = await answered.catch((error: unknown) => {
      throw explained(job, error);
    });
    if (answer.say !== 'prepared') throw unexpected(answer);
    return answer.prepared;
  }

  async run(job: Job, watch: Watch): Promise<FinishedJob> {
    const [asked, answered] = this.#ask('run', job, watch);
    try {
      const answer = await answered;
      if (answer.say !== 'finished') throw unexpected(answer);
      return answer.finished;
    } catch (error) {
      const { directory } = asked;
      if (!(error instanceof WorkerGone) || directory === undefined) throw explained(job, error);
      const { cwd, strict } = this.#options.settings;
      const report = await reportKilledJob(job, {
        directory,
        what: error.message,
        hint: hintOfKilled,
        strict,
      });
      return { report: { ...report, directory: displayed(directory, cwd) }, xen: {} };
    }
  }

  /** Ends the worker's process. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.signal.removeEventListener('abort', this.#abort);
    if (this.#child?.connected === true) this.#child.disconnect();
    await this.#gone;
  }

  readonly #abort = (): void => {
    if (this.#child !== undefined) this.#tell({ tell: 'abort', why: messageOf(this.#options.signal.reason) });
  };

  #ask(tell: 'prepare' | 'run', job: Job, watch?: Watch): [Asked, Promise<FromWorker>] {
    this.#start();
    const number = ++this.#numbers;
    const asked: Asked = { job, answered: Promise.withResolvers(), watch, directory: undefined };
    this.#asked.set(number, asked);
    this.#tell({ tell, number, job });
    return [asked, asked.answered.promise.finally(() => this.#asked.delete(number))];
  }

  /** Starts its process, the first time and after it has ended. */
  #start(): void {
    if (this.#child !== undefined) return;
    const program = path.join(import.meta.dirname, `worker-program${path.extname(import.meta.filename)}`);
    const child = spawn(process.execPath, [program], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
    });
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-longestWords);
    });
    this.#child = child;
    child.on('message', (message: FromWorker) => this.#heard(message));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gone = promise;
    const ended = (how: string) => {
      if (this.#child === child) this.#child = undefined;
      const words = said.trim() === '' ? '' : `: ${said.trim()}`;
      void this.#left(`its worker, process ${child.pid}, ${how}${words}`).finally(resolve);
    };
    child.once('error', error => ended(`was not started: ${error.message}`));
    child.once('exit', (status, signal) =>
      ended(signal === null ? `ended with status ${status}` : `was killed by ${signal}`),
    );
    const { settings, signal } = this.#options;
    this.#tell({ tell: 'settings', settings });
    if (signal.aborted) this.#abort();
  }

  #tell(message: ToWorker): void {
    // Of a channel that is closed `exit` tells.
    this.#child?.send(message, () => undefined);
  }

  #heard(message: FromWorker): void {
    const asked = this.#asked.get(message.number);
    switch (message.say) {
      case 'prepared':
      case 'finished':
        asked?.answered.resolve(message);
        break;
      case 'failed':
        asked?.answered.reject(receivedError(message.failed));
        break;
      case 'event':
        asked?.watch?.event(asked.job.board.name, message.event);
        break;
      case 'note':
        asked?.watch?.note(message.text);
        break;
      case 'directory':
        if (asked !== undefined) asked.directory = message.directory;
        break;
      case 'take':
      case 'release':
        void this.#guard(message).then(
          () => this.#tell({ tell: 'done', number: message.number }),
          (error: unknown) => this.#tell({ tell: 'done', number: message.number, failed: sentError(error) }),
        );
        break;
      default:
        message satisfies never;
    }
  }

  async #guard(message: Extract<FromWorker, { say: 'take' | 'release' }>): Promise<void> {
    const child = this.#child;
    if (message.say === 'take') {
      const reservation = await this.#options.guard.take(message.board);
      if (this.#child === child) this.#taken.set(message.number, reservation);
      else await reservation.release();
      return;
    }
    const reservation = this.#taken.get(message.taken);
    this.#taken.delete(message.taken);
    await reservation?.release();
  }

  /** Its process is gone, and with it the boards that it made. */
  async #left(how: string): Promise<void> {
    const taken = [...this.#taken.values()];
    this.#taken.clear();
    await Promise.allSettled(taken.map(reservation => reservation.release()));
    for (const { answered } of this.#asked.values()) answered.reject(new WorkerGone(how));
  }
}

function explained({ board, scenario }: Job, error: unknown): unknown {
  if (!(error instanceof WorkerGone)) return error;
  return new DriverError(`run ${scenario} on ${board.name}`, error.message, hintOfKilled, { cause: error });
}

/** Characters that are kept of what a worker prints. */
const longestWords = 2000;
const hintOfKilled = 'see whether the machine ran out of memory (dmesg); run fewer at once: --jobs N';

function unexpected(answer: FromWorker): Error {
  return new Error(`a worker answered ${answer.say}`);
}
