/**
 * Boards are held by what they share (claims.ts), for all users of a machine. A hold is a name of the kernel
 * (kernel-names.ts) for each claim: no file is left, and none can be put in its place. Controllers in different network
 * namespaces do not see each other's.
 */
import type { Server } from 'node:net';
import { bookingsOf, type FoundBooking } from './bookings.ts';
import type { Claim } from './claims.ts';
import { DriverError } from './drivers/driver-error.ts';
import { type Holder, readHolder } from './holder.ts';
import { ask, giveBack, hashOf, namesLike, takeName } from './kernel-names.ts';
import { queueBefore } from './queue.ts';

export interface Reservation extends AsyncDisposable {
  release(): Promise<void>;
}

const prefix = 'scmi-hil.';

/** Somebody has the board, or has a right to it first. */
export class BoardHeldError extends DriverError {}

/**
 * Takes a board for this process.
 * @param claims of the board; none for a board that is made for this process
 * @param holder who is named to others: this process, or the one for which it holds the board
 * @throws BoardHeldError that says who holds which of them, since when and for what; who waits for it; who has booked it
 */
export async function reserve(claims: readonly Claim[], holder: Holder): Promise<Reservation> {
  const taken: Server[] = [];
  const release = async () => {
    await Promise.all(taken.splice(0).map(giveBack));
  };
  try {
    for (const claim of claims) taken.push(await take(claim, holder));
    await requireOwnTurn(claims, holder);
  } catch (error) {
    await release();
    throw error;
  }
  return { release, [Symbol.asyncDispose]: release };
}

/** The holder of any of the claims; for those who only ask. */
export async function holderOf(claims: readonly Claim[]): Promise<Holder | undefined> {
  const holders = await Promise.all(claims.map(claim => holderAt(nameOf(claim))));
  return holders.find(holder => typeof holder === 'object');
}

/** Everyone who holds a board on this machine, once for each board. */
export async function allHolders(): Promise<readonly Holder[]> {
  const names = await namesLike(/^scmi-hil\.[0-9a-f]{32}$/);
  const holders = (await Promise.all(names.map(holderAt))).filter(holder => typeof holder === 'object');
  return [...new Map(holders.map(holder => [`${holder.pid} ${holder.board}`, holder])).values()];
}

function nameOf(claim: Claim): string {
  return `${prefix}${hashOf(claim)}`;
}

async function take(claim: Claim, holder: Holder): Promise<Server> {
  const text = JSON.stringify(holder);
  for (let attempt = 0; ; attempt++) {
    const server = await takeName(nameOf(claim), text);
    if (server !== undefined) return server;
    const other = await holderAt(nameOf(claim));
    // It was given back between the two questions.
    if (other === undefined && attempt < 20) continue;
    throw held(claim, holder.board, other);
  }
}

/** @returns undefined: nobody; `silent`: a process that does not say who it is */
async function holderAt(name: string): Promise<Holder | 'silent' | undefined> {
  const text = await ask(name);
  return text === undefined ? undefined : (readHolder(text) ?? 'silent');
}

/** A free board may be booked, or the turn of a process that waits for it. */
async function requireOwnTurn(claims: readonly Claim[], { board, pid }: Holder): Promise<void> {
  const attempt = `reserve ${board}`;
  const booking = await otherBooking(claims);
  if (booking !== undefined) {
    throw new BoardHeldError(
      attempt,
      bookedWords(booking),
      'wait for it (run --wait 2h), or use another board (scmi-hil boards says who has which)',
    );
  }
  const [first, ...more] = await queueBefore(claims, pid);
  if (first === undefined) return;
  const others = more.length === 0 ? '' : `, and ${more.length} more after it`;
  throw new BoardHeldError(
    attempt,
    `it is the turn of ${holderWords(first)}${others}`,
    'wait in the queue too: run --wait 30m; scmi-hil boards shows it',
  );
}

/** The booking by which another user has the board now. */
export async function otherBooking(claims: readonly Claim[]): Promise<FoundBooking | undefined> {
  const bookings = await bookingsOf(claims);
  return bookings.find(({ isOwn, outOfRotation }) => !isOwn && outOfRotation === undefined);
}

/** `ada@lab1 has reserved it since ..., until ...`. */
export function bookedWords({
  user,
  host,
  since,
  until,
}: Pick<FoundBooking, 'user' | 'host' | 'since' | 'until'>): string {
  const end = until === null ? 'until it is released' : `until ${until}`;
  return `${user}@${host} has reserved it since ${since}, ${end}`;
}

/** `ada@lab1 since ...: process 4711, scmi-hil run ...`. */
export function holderWords({ user, host, since, pid, command }: Holder): string {
  return `${user}@${host} since ${since}: process ${pid}, ${command}`;
}

function held(claim: Claim, board: string, other: Holder | 'silent' | undefined): DriverError {
  const attempt = `reserve ${board}`;
  if (typeof other !== 'object') {
    return new BoardHeldError(
      attempt,
      `another process holds its ${claim} and does not say who it is`,
      'see who listens: sudo ss -xlp | grep scmi-hil',
    );
  }
  const { user, host, since, pid, command, board: name } = other;
  const alias = name === board ? '' : ` as ${name}`;
  return new BoardHeldError(
    attempt,
    `${user}@${host} holds its ${claim}${alias} since ${since}: process ${pid}, ${command}`,
    'wait for it (run --wait 30m), or use another board (scmi-hil boards says who has which)',
  );
}
