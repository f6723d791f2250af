/** A process waits until it is its turn to use a board. */
import { setTimeout as delay } from 'node:timers/promises';
import { bookingsOf } from './bookings.ts';
import type { Claim } from './claims.ts';
import { DriverError } from './drivers/driver-error.ts';
import type { Holder } from './holder.ts';
import { enterQueue, queueBefore } from './queue.ts';
import { BoardHeldError, bookedWords, holderOf, holderWords, otherBooking } from './reservation.ts';

/** A board that would do. */
export interface Candidate {
  readonly name: string;
  readonly claims: readonly Claim[];
}

export interface TurnOptions {
  /** This process. */
  readonly holder: Omit<Holder, 'board'>;
  /** Milliseconds to wait. */
  readonly wait: number;
  readonly signal: AbortSignal;
  /** Told whom it waits for, again after each change. */
  readonly waiting: (words: string) => void;
}

export interface Turn {
  /** Name of the board that is free. */
  readonly board: string;
  /** At the head of its queue; the next process has its turn when it is disposed of. */
  readonly place: AsyncDisposable;
}

/** Milliseconds between two looks at the queue. */
const interval = 300;

/**
 * Waits for the first board of several that is free.
 * @param candidates at least one
 * @throws BoardHeldError when the time is over; the signal's reason
 */
export async function waitForTurn(
  candidates: readonly Candidate[],
  { holder, wait, signal, waiting }: TurnOptions,
): Promise<Turn> {
  const names = candidates.map(({ name }) => name).join(' or ');
  const places = await Promise.all(
    candidates.map(({ name, claims }) => enterQueue(claims, { ...holder, board: name })),
  );
  let got: number | undefined;
  try {
    const end = performance.now() + wait;
    for (let told = ''; ; ) {
      const blockers = await Promise.all(candidates.map(({ claims }) => blockerOf(claims, holder.pid)));
      got = blockers.indexOf(undefined);
      const place = places[got];
      if (place !== undefined) return { board: candidates[got]?.name ?? '', place };
      const words = blockers
        .map((who, index) =>
          index === 0 && blockers.length === 1 ? who : `${candidates[index]?.name}: ${who}`,
        )
        .join('; ');
      if (performance.now() >= end) {
        const hint = 'wait longer (--wait), or use another board (see: scmi-hil boards)';
        throw new BoardHeldError(
          `wait for ${names}`,
          `${wait === 0 ? '' : `still not free after ${wait / 1000} s: `}${words}`,
          hint,
        );
      }
      if (words !== told) waiting(words);
      told = words;
      await delay(interval, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  } finally {
    // The queues of the other boards, and all of them after a failure.
    await Promise.all(places.filter((_, index) => index !== got).map(place => place[Symbol.asyncDispose]()));
  }
}

/** @returns who has the board now, or is before this process, in words */
async function blockerOf(claims: readonly Claim[], pid: number): Promise<string | undefined> {
  const holder = await holderOf(claims);
  const before = (await queueBefore(claims, pid)).filter(waiter => waiter.pid !== holder?.pid);
  const booking = holder === undefined && before.length === 0 ? await otherBooking(claims) : undefined;
  if (booking !== undefined) return bookedWords(booking);
  const [first, ...others] = holder === undefined ? before : [holder, ...before];
  if (first === undefined) return undefined;
  return `${holderWords(first)}${others.length === 0 ? '' : `, and ${others.length} before this process`}`;
}

/** @throws DriverError where the board was taken out of rotation */
export async function requireInRotation({ name, claims }: Candidate): Promise<void> {
  const out = (await bookingsOf(claims)).find(({ outOfRotation }) => outOfRotation !== undefined);
  if (out === undefined) return;
  throw new DriverError(
    `use ${name}`,
    `it is out of rotation since ${out.since}: ${out.outOfRotation}`,
    `see the board, then put it back: scmi-hil release ${name}`,
  );
}
