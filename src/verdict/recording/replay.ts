/** Plays a recording again in time. */
import { setTimeout as delay } from 'node:timers/promises';
import type { RecordedEvent } from './event.ts';

export interface ReplayOptions {
  /** 1 is as it was, 10 ten times as fast; Infinity does not wait. */
  readonly speed: number;
  /** Ends the replay. */
  readonly signal?: AbortSignal;
  /** Longest pause, in milliseconds of the replay. */
  readonly longestPause?: number;
  /** Stands in for the system's timer in tests. */
  readonly wait?: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;
}

/** The events of a recording, each when its turn comes; ends early, without an error, once `signal` aborts. */
export async function* replay<Event extends RecordedEvent>(
  events: Iterable<Event> | AsyncIterable<Event>,
  { speed, signal, longestPause = Number.POSITIVE_INFINITY, wait = systemWait }: ReplayOptions,
): AsyncGenerator<Event, void, void> {
  if (!(speed > 0)) throw new RangeError(`a replay's speed is greater than 0, not ${speed}`);
  let last: number | undefined;
  for await (const event of events) {
    // Clocks of a damaged recording may go backwards; nobody waits for that.
    last ??= event.t;
    const pause = Math.min(Math.max(0, event.t - last) / speed, longestPause);
    last = Math.max(last, event.t);
    if (pause > 0) await wait(pause, signal);
    if (signal?.aborted) return;
    yield event;
  }
}

async function systemWait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}
