/**
 * Boards that are set aside without a process: reserved by a person for some hours, or taken out of rotation after a
 * failed health check. Each is a file that all users of a machine can read, and that its owner can remove; its owner as
 * the file system tells it is the user who booked.
 */
import { constants } from 'node:fs';
import { chmod, lstat, mkdir, open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import path from 'node:path';
import { messageOf } from '../config/text.ts';
import type { Claim } from './claims.ts';
import { DriverError } from './drivers/driver-error.ts';
import { shown, userName } from './holder.ts';

export interface Booking {
  /** As its lab file names it. */
  readonly board: string;
  readonly claims: readonly Claim[];
  readonly user: string;
  readonly host: string;
  /** ISO 8601. */
  readonly since: string;
  /** ISO 8601; null: until somebody gives it back. */
  readonly until: string | null;
  /** Absent for a person's; else why the board is out of rotation. */
  readonly outOfRotation?: string | undefined;
}

/** A booking as it was found. */
export interface FoundBooking extends Booking {
  readonly file: string;
  /** This user's. */
  readonly isOwn: boolean;
}

/** Bytes of a booking; a longer file is none. */
const longest = 64 * 1024;

/** Survives a restart of the machine, unlike /tmp and /run. */
function bookingsDirectory(): string {
  return process.env['SCMI_HIL_BOOKINGS'] ?? '/var/tmp/scmi-hil-bookings';
}

/**
 * Books a board for this user. The caller holds the board meanwhile, so that nobody else does the same.
 * @param until milliseconds since the epoch; undefined: until somebody gives it back
 * @throws DriverError where the booking cannot be written
 */
export async function book(
  board: string,
  claims: readonly Claim[],
  { until, outOfRotation }: { readonly until?: number; readonly outOfRotation?: string },
): Promise<Booking> {
  const booking: Booking = {
    board,
    claims,
    user: userName(),
    host: hostname(),
    since: new Date().toISOString(),
    until: until === undefined ? null : new Date(until).toISOString(),
    outOfRotation,
  };
  const directory = bookingsDirectory();
  const file = path.join(directory, `${randomUUID()}.json`);
  try {
    await makeShared(directory);
    await writeWhole(file, `${JSON.stringify(booking, undefined, 2)}\n`);
  } catch (error) {
    throw new DriverError(
      `book ${board}`,
      messageOf(error),
      'name a directory that all users of this machine may write to: SCMI_HIL_BOOKINGS=/srv/scmi-hil',
      { cause: error },
    );
  }
  return booking;
}

/** The bookings of a board that are not over, the earliest first. */
export async function bookingsOf(claims: readonly Claim[]): Promise<readonly FoundBooking[]> {
  if (claims.length === 0) return [];
  const directory = bookingsDirectory();
  const names: readonly string[] = await readdir(directory).catch(() => []);
  const files = names.filter(name => name.endsWith('.json')).map(name => path.join(directory, name));
  const all = (await Promise.all(files.map(read))).filter(found => found !== undefined);
  const now = Date.now();
  return all
    .filter(
      ({ file, outOfRotation }) => outOfRotation === undefined || !names.includes(path.basename(ended(file))),
    )
    .filter(({ until }) => until === null || Date.parse(until) > now)
    .filter(booking => booking.claims.some(claim => claims.includes(claim)))
    .toSorted((one, other) => (one.since < other.since ? -1 : 1));
}

/**
 * Ends a booking: its owner a reservation, anybody a board's time out of rotation.
 * @throws DriverError where it is another user's reservation
 */
export async function endBooking({ file, board, user, outOfRotation }: FoundBooking): Promise<void> {
  try {
    await unlink(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    if (outOfRotation !== undefined) return writeWhole(ended(file), '');
    const hint = `ask ${user}, or remove it as root: sudo rm ${file}`;
    throw new DriverError(`release ${board}`, `the booking is ${user}'s`, hint, { cause: error });
  }
}

/** The file by which another user than the owner has ended it. */
function ended(file: string): string {
  return file.replace(/\.json$/, '.ended');
}

/** Anybody may write there, and only the owner of a file may remove it. */
async function makeShared(directory: string): Promise<void> {
  const made = await mkdir(directory, { recursive: true });
  // mkdir(2) takes the bits of umask away.
  if (made !== undefined) await chmod(directory, 0o1777);
}

/** A reader sees all of it or nothing. */
async function writeWhole(file: string, text: string): Promise<void> {
  const aside = `${file}.new`;
  const { O_WRONLY, O_CREAT, O_EXCL } = constants;
  const handle = await open(aside, O_WRONLY | O_CREAT | O_EXCL, 0o644);
  try {
    await handle.writeFile(text);
    await handle.chmod(0o644);
  } finally {
    await handle.close();
  }
  await rename(aside, file);
}

/** @returns undefined where the file is none, also somebody's link or pipe; one that is over and this user's is removed */
async function read(file: string): Promise<FoundBooking | undefined> {
  try {
    const about = await lstat(file);
    if (!about.isFile() || about.size > longest) return undefined;
    const { board, claims, user, host, since, until, outOfRotation } = JSON.parse(
      await readFile(file, 'utf8'),
    ) as Partial<Booking>;
    if (!Array.isArray(claims) || (typeof until !== 'string' && until !== null)) return undefined;
    const isOwn = about.uid === process.getuid?.();
    if (isOwn && until !== null && Date.parse(until) < Date.now()) await unlink(file);
    return {
      board: shown(board),
      claims: claims.map(String),
      user: shown(user),
      host: shown(host),
      since: shown(since),
      until: until === null ? null : shown(until),
      outOfRotation: outOfRotation === undefined ? undefined : shown(outOfRotation),
      file,
      isOwn,
    };
  } catch {
    return undefined;
  }
}
