/** A worker's process: see worker.ts. It runs jobs for a command until that closes the channel, or is gone. */
import type { Guard } from '../../lab/guard/guard.ts';
import type { Guarded } from '../../lab/guard/messages.ts';
import type { Reservation } from '../../lab/reservation.ts';
import { eventWords, transferOf } from '../../verdict/report/event-words.ts';
import { exitCode } from '../command.ts';
import type { Watch } from '../run-display.ts';
import type { Job } from '../run-plan.ts';
import { JobsHere, type JobSettings } from './job-runner.ts';
import { type FromWorker, receivedError, sentError, type ToWorker } from './worker-messages.ts';

function say(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}

/** The guard of the command. */
class GuardOfCommand implements Pick<Guard, 'take'> {
  readonly #waiting = new Map<number, PromiseWithResolvers<void>>();
  #numbers = 0;

  async take(board: Guarded): Promise<Reservation> {
    const taken = await this.#ask(number => ({
      say: 'take',
      number,
      board: { ...board, worker: process.pid },
    }));
    let released: Promise<unknown> | undefined;
    const release = async () => {
      released ??= this.#ask(number => ({ say: 'release', number, taken }));
      await released;
    };
    return { release, [Symbol.asyncDispose]: release };
  }

  heard({ number, failed }: Extract<ToWorker, { tell: 'done' }>): void {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (failed === undefined) waiting?.resolve();
    else waiting?.reject(receivedError(failed));
  }

  async #ask(request: (number: number) => FromWorker): Promise<number> {
    const number = ++this.#numbers;
    const waiting = Promise.withResolvers<void>();
    this.#waiting.set(number, waiting);
    say(request(number));
    await waiting.promise;
    return number;
  }
}

class Worker {
  readonly #controller = new AbortController();
  readonly #guard = new GuardOfCommand();
  /** By file and board, the number of the request by which it runs. */
  readonly #running = new Map<Job, number>();
  #jobs: JobsHere | undefined;

  heard(message: ToWorker): void {
    switch (message.tell) {
      case 'settings':
        this.#set(message.settings);
        break;
      case 'prepare':
      case 'run':
        void this.#answer(message).catch((error: unknown) =>
          say({ say: 'failed', number: message.number, failed: sentError(error) }),
        );
        break;
      case 'abort':
        this.#controller.abort(new Error(message.why));
        break;
      case 'done':
        this.#guard.heard(message);
        break;
      default:
        message satisfies never;
    }
  }

  #set(settings: JobSettings): void {
    this.#jobs = new JobsHere(settings, {
      guard: this.#guard,
      signal: this.#controller.signal,
      onDirectory: (job, directory) =>
        say({ say: 'directory', number: this.#running.get(job) ?? 0, directory }),
    });
  }

  async #answer({ tell, number, job }: Extract<ToWorker, { tell: 'prepare' | 'run' }>): Promise<void> {
    const jobs = this.#jobs;
    if (jobs === undefined) throw new Error('a worker was given a job before its settings');
    if (tell === 'prepare') {
      say({ say: 'prepared', number, prepared: await jobs.prepare(job) });
      return;
    }
    this.#running.set(job, number);
    const watch: Watch = {
      event: (_, event) => {
        const isShown = eventWords(event) !== undefined || transferOf(event) !== undefined;
        if (isShown) say({ say: 'event', number, event });
      },
      note: text => say({ say: 'note', number, text }),
      over: () => undefined,
    };
    try {
      say({ say: 'finished', number, finished: await jobs.run(job, watch) });
    } finally {
      this.#running.delete(job);
    }
  }
}

// A signal to the process group is the command's to hear: it tells its workers.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined);
const worker = new Worker();
process.on('message', (message: ToWorker) => worker.heard(message));
// Boards that it made are gone with it; the guard does what else is to be done.
process.on('disconnect', () => process.exit(exitCode.interrupted));
