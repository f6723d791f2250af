/**
 * Boards are held by what they share (claims.ts), for all users of a machine.
 *
 * A hold is a listening socket in the kernel's abstract namespace (unix(7)), one for each claim: two processes cannot
 * have the same one, whichever user runs them, and it is gone with its process, however that ended. No file is left, and
 * none can be put in its place. Controllers in different network namespaces do not see each other's.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { hostname, userInfo } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import type { Claim } from './claims.ts';
import { DriverError } from './drivers/driver-error.ts';

/** Holder of a board. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly user: string;
  /** ISO 8601. */
  readonly since: string;
  readonly command: string;
  /** As its lab file names it. */
  readonly board: string;
}

export interface Reservation extends AsyncDisposable {
  release(): Promise<void>;
}

/** Milliseconds in which a holder says who it is. */
const patience = 5000;
/** Also in /proc/net/unix. */
const prefix = 'scmi-hil.';

/** This process as the holder of a board. */
export function holderOfBoard(board: string, command: string): Holder {
  return {
    pid: process.pid,
    host: hostname(),
    user: userName(),
    since: new Date().toISOString(),
    command,
    board,
  };
}

/**
 * Takes a board for this process.
 * @param claims of the board; none for a board that is made for this process
 * @param holder who is named to others: this process, or the one for which it holds the board
 * @throws DriverError that says who holds which of them, since when and for what
 */
export async function reserve(claims: readonly Claim[], holder: Holder): Promise<Reservation> {
  const taken: Server[] = [];
  const release = async () => {
    await Promise.all(taken.splice(0).map(closed));
  };
  try {
    for (const claim of claims) taken.push(await take(claim, holder));
  } catch (error) {
    await release();
    throw error;
  }
  return { release, [Symbol.asyncDispose]: release };
}

/** The holder of any of the claims; for those who only ask. */
export async function holderOf(claims: readonly Claim[]): Promise<Holder | undefined> {
  const holders = await Promise.all(claims.map(claim => ask(nameOf(claim))));
  return holders.find(holder => typeof holder === 'object');
}

/** Everyone who holds a board on this machine, once for each board. */
export async function allHolders(): Promise<readonly Holder[]> {
  const table = await readFile('/proc/net/unix', 'utf8').catch(() => '');
  const names = new Set([...table.matchAll(/@(scmi-hil\.[0-9a-f]{32})$/gm)].map(([, name]) => `\0${name}`));
  const holders = (await Promise.all([...names].map(ask))).filter(holder => typeof holder === 'object');
  return [...new Map(holders.map(holder => [`${holder.pid} ${holder.board}`, holder])).values()];
}

function nameOf(claim: Claim): string {
  return `\0${prefix}${createHash('sha256').update(claim).digest('hex').slice(0, 32)}`;
}

async function take(claim: Claim, holder: Holder): Promise<Server> {
  const text = JSON.stringify(holder);
  for (let attempt = 0; ; attempt++) {
    const server = createServer(socket =>
      socket.on('error', () => undefined).end(text, () => socket.destroySoon()),
    );
    const error = await listening(server, nameOf(claim));
    if (error === undefined) return server.unref();
    if (error.code !== 'EADDRINUSE') throw error;
    const other = await ask(nameOf(claim));
    // It was given back between the two questions.
    if (other === undefined && attempt < 20) continue;
    throw held(claim, holder.board, other);
  }
}

function listening(server: Server, name: string): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise(resolve => {
    server.once('error', resolve).listen(name, () => resolve(undefined));
  });
}

/** @returns undefined: nobody; `silent`: somebody who does not say */
function ask(name: string): Promise<Holder | 'silent' | undefined> {
  const { promise, resolve } = Promise.withResolvers<Holder | 'silent' | undefined>();
  let text = '';
  const socket: Socket = connect(name)
    .setEncoding('utf8')
    .setTimeout(patience, () => void heardOut().then(() => resolve('silent')))
    .on('data', (more: string) => {
      text += more;
      if (text.length > longestAnswer) resolve('silent');
    })
    .on('end', () => resolve(parsed(text)))
    .on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ECONNREFUSED' ? undefined : 'silent'),
    );
  return promise.finally(() => socket.destroy());
}

/** A process that was busy for longer than its patience has not read yet what has come. */
async function heardOut(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await setImmediate();
}

/** Characters; another program may have the name. */
const longestAnswer = 10_000;

function parsed(text: string): Holder | 'silent' {
  try {
    const { pid, host, user, since, command, board } = JSON.parse(text) as Partial<Holder>;
    if (typeof pid !== 'number') return 'silent';
    return {
      pid,
      host: shown(host),
      user: shown(user),
      since: shown(since),
      command: shown(command),
      board: shown(board),
    };
  } catch {
    return 'silent';
  }
}

/** Another user's words reach this user's terminal. */
function shown(text: unknown): string {
  return String(text)
    .replaceAll(/\p{Cc}/gu, '?')
    .slice(0, 500);
}

function held(claim: Claim, board: string, other: Holder | 'silent' | undefined): DriverError {
  const attempt = `reserve ${board}`;
  if (typeof other !== 'object') {
    return new DriverError(
      attempt,
      `another process holds its ${claim} and does not say who it is`,
      'see who listens: sudo ss -xlp | grep scmi-hil',
    );
  }
  const { user, host, since, pid, command, board: name } = other;
  const alias = name === board ? '' : ` as ${name}`;
  return new DriverError(
    attempt,
    `${user}@${host} holds its ${claim}${alias} since ${since}: process ${pid}, ${command}`,
    'wait until it has finished, or use another board (scmi-hil boards says who has which)',
  );
}

function closed(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve());
  });
}

/** A user of a container may have no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.()}`;
  }
}
