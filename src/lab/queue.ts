/**
 * The queue for a board, first come first served, for all users of a machine. A place in it is a name for each of the
 * board's claims (kernel-names.ts) with the time of arrival in it: the process that is gone has left the queue. A
 * command stays in its place until it has done all its work on the board: between two of its runs nobody takes it.
 */
import type { Claim } from './claims.ts';
import { type Holder, readHolder } from './holder.ts';
import { ask, giveBack, hashOf, namesLike, takeName } from './kernel-names.ts';

const prefix = 'scmi-hil-queue.';

/** A process in the queue. */
interface Place {
  /** Sorts by arrival. */
  readonly ticket: string;
  readonly pid: number;
  /** Its names. */
  readonly names: readonly string[];
}

/**
 * Enters the queue.
 * @param claims of the board; none for a board that is made for this process, which needs no queue
 * @returns leaves it when it is disposed of
 */
export async function enterQueue(claims: readonly Claim[], holder: Holder): Promise<AsyncDisposable> {
  // The monotonic clock is one for all processes of a machine.
  const ticket = process.hrtime.bigint().toString(16).padStart(16, '0');
  const text = JSON.stringify(holder);
  await using stack = new AsyncDisposableStack();
  for (const claim of claims) {
    const server = await takeName(`${prefix}${hashOf(claim)}.${ticket}.${holder.pid}`, text);
    if (server !== undefined) stack.defer(() => giveBack(server));
  }
  return stack.move();
}

/**
 * Processes that are in the queue before this one.
 * @param pid of the process that asks; one that is not in the queue is behind all
 */
export async function queueBefore(claims: readonly Claim[], pid: number): Promise<readonly Holder[]> {
  const places = await placesOf(claims);
  const own = places.findIndex(place => place.pid === pid);
  return holdersOf(own < 0 ? places : places.slice(0, own));
}

/** All processes in the queue, in its order. The first one has the board, or is about to. */
export async function queueOf(claims: readonly Claim[]): Promise<readonly Holder[]> {
  return holdersOf(await placesOf(claims));
}

async function placesOf(claims: readonly Claim[]): Promise<readonly Place[]> {
  if (claims.length === 0) return [];
  const pattern = new RegExp(String.raw`^${prefix}(?:${claims.map(hashOf).join('|')})\.[0-9a-f]{16}\.\d+$`);
  const byPlace = Map.groupBy(await namesLike(pattern), name => name.split('.').slice(2).join('.'));
  return [...byPlace]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([place, names]) => ({ ticket: place, pid: Number(place.split('.')[1]), names }));
}

/** A process that has left meanwhile is not among them; of one that does not answer only its number is known. */
async function holdersOf(places: readonly Place[]): Promise<readonly Holder[]> {
  const answers = await Promise.all(
    places.map(async ({ names: [name = ''], pid }) => {
      const text = await ask(name);
      const holder = text === undefined ? undefined : readHolder(text);
      if (holder !== undefined || (await namesLike(/^scmi-hil-queue\./)).every(each => each !== name))
        return holder;
      return { pid, host: '?', user: '?', since: '?', command: 'does not answer', board: '?' };
    }),
  );
  return answers.filter(holder => holder !== undefined);
}
