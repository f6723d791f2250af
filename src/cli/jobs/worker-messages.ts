/** Messages between a command and its worker, over Node's IPC channel (structured clones). */
import { ConfigurationError } from '../../config/configuration-error.ts';
import { messageOf } from '../../config/text.ts';
import { DriverError } from '../../lab/drivers/driver-error.ts';
import type { Guarded } from '../../lab/guard/messages.ts';
import type { RecordedEvent } from '../../verdict/recording/event.ts';
import type { Job } from '../run-plan.ts';
import type { FinishedJob, JobSettings, PreparedJob } from './job-runner.ts';

export type ToWorker =
  | { readonly tell: 'settings'; readonly settings: JobSettings }
  | { readonly tell: 'prepare' | 'run'; readonly number: number; readonly job: Job }
  | { readonly tell: 'abort'; readonly why: string }
  /** The answer to `take` or `release` of a worker's number. */
  | { readonly tell: 'done'; readonly number: number; readonly failed?: SentError };

/** `number` is that of the request, but for `take` and `release`: these are requests of the worker's own. */
export type FromWorker =
  | { readonly say: 'prepared'; readonly number: number; readonly prepared: PreparedJob }
  | { readonly say: 'finished'; readonly number: number; readonly finished: FinishedJob }
  | { readonly say: 'failed'; readonly number: number; readonly failed: SentError }
  | { readonly say: 'event'; readonly number: number; readonly event: RecordedEvent }
  | { readonly say: 'note'; readonly number: number; readonly text: string }
  | { readonly say: 'directory'; readonly number: number; readonly directory: string }
  /** The guard of the command is the guard of its workers. */
  | { readonly say: 'take'; readonly number: number; readonly board: Guarded }
  | { readonly say: 'release'; readonly number: number; readonly taken: number };

export interface SentError {
  readonly kind: 'configuration' | 'driver' | 'other';
  readonly message: string;
  readonly hint?: string | undefined;
  /** Of a DriverError. */
  readonly attempt?: string;
  readonly stack?: string | undefined;
}

export function sentError(error: unknown): SentError {
  const message = messageOf(error);
  if (error instanceof ConfigurationError) return { kind: 'configuration', message, hint: error.hint };
  if (error instanceof DriverError) {
    const { attempt, hint } = error;
    return { kind: 'driver', message: message.slice(attempt.length + 2), attempt, hint };
  }
  return { kind: 'other', message, stack: error instanceof Error ? error.stack : undefined };
}

/** The error as it was thrown in the other process. */
export function receivedError({ kind, message, hint, attempt = '', stack }: SentError): Error {
  if (kind === 'configuration') return new ConfigurationError(message, hint);
  if (kind === 'driver') return new DriverError(attempt, message, hint ?? '');
  return Object.assign(new Error(message), { stack: stack ?? message });
}
