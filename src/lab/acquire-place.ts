/** Acquires the labgrid place that a board is, and finds its console and switch among the place's resources. */
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigurationError } from '../config/configuration-error.ts';
import { hintAt } from '../config/nearest-name.ts';
import { messageOf } from '../config/text.ts';
import { processStart } from './drivers/hold-file.ts';
import { userName } from './holder.ts';
import type { LabBoard, LabgridPlace } from './lab.ts';
import { isEmulated, isVirtual, type WiredBoard } from './load-lab.ts';
import {
  Coordinator,
  coordinatorAddress,
  type Place,
  PlaceHeldError,
} from './drivers/labgrid/coordinator.ts';
import { powerOfPlace, serialOfPlace, sshOfPlace } from './place-wires.ts';

/** A place that this process has; enough for another process to give it back. */
export interface HeldPlace {
  readonly coordinator: string;
  readonly place: string;
  readonly holder: string;
}

export interface AcquireOptions {
  /** LG_COORDINATOR, LG_HOSTNAME, LG_USERNAME, LG_TOKEN. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** Milliseconds to queue for a place that others have; absent: none. */
  readonly wait?: number | undefined;
  /** Told what is waited for, and what could not be given back. */
  readonly told?: (words: string) => void;
}

export interface AcquiredBoard<Board> extends AsyncDisposable {
  /** With real consoles and a real switch. */
  readonly board: Board;
  /** Absent for a board that is no place, and for a place that the user has acquired by labgrid-client. */
  readonly held?: HeldPlace | undefined;
}

/** Milliseconds between two questions for a reservation, which expires after a minute without any. */
const interval = 1000;

/**
 * Acquires the board's place until the result is disposed of; a board that is no place is given back as it is.
 * @throws PlaceHeldError where others have the place, or all places that would do
 * @throws DriverError where the coordinator cannot be reached; ConfigurationError where there is no such place
 */
export async function acquireBoard<Board extends WiredBoard>(
  board: Board,
  options: AcquireOptions,
): Promise<AcquiredBoard<Board>> {
  const setup = board.setup;
  if (isVirtual(setup) || isEmulated(setup) || setup.labgrid === undefined) {
    return { board, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const { env, signal, told } = options;
  const address = coordinatorAddress(setup.labgrid.coordinator ?? env['LG_COORDINATOR']);
  const names = await namesOf(env);
  await using stack = new AsyncDisposableStack();
  const session = stack.use(await Coordinator.open({ address, name: names.own, signal }));
  const { place, isOurs } = await acquired(session, setup.labgrid, names, options);
  if (isOurs) {
    stack.defer(() =>
      session.release(place, names.own).catch((error: unknown) => {
        told?.(`labgrid place ${place} was not given back: ${messageOf(error)}; scmi-hil farm release`);
      }),
    );
  }
  await session.sync(signal);
  const resources = [...session.resources.values()].filter(resource => resource.place === place);
  const { serial, uarts, power } = setup;
  const wired = <Line extends typeof serial>(line: Line): Line =>
    line.kind === 'labgrid' ? { ...line, ...serialOfPlace(place, resources, line.resource) } : line;
  const real = {
    ...setup,
    serial: wired(serial),
    uarts: Object.fromEntries(Object.entries(uarts).map(([name, line]) => [name, wired(line)])),
    power:
      power.kind === 'labgrid'
        ? powerOfPlace({ coordinator: address, place }, resources, power.resource)
        : power,
    ...('ssh' in setup && { ssh: { ...sshOfPlace(resources), ...(setup as LabBoard).ssh } }),
  };
  const done = stack.move();
  return {
    board: { ...board, setup: real },
    held: isOurs ? { coordinator: address, place, holder: names.own } : undefined,
    [Symbol.asyncDispose]: () => done.disposeAsync(),
  };
}

/** Gives back a place whose holder is gone. */
export async function releasePlace(
  { coordinator, place, holder }: HeldPlace,
  signal: AbortSignal,
): Promise<void> {
  await using session = await Coordinator.open({ address: coordinator, name: holder, signal });
  await session.release(place, holder);
}

/** Places that runs of this user on this machine have left acquired: their processes are gone. */
export async function abandonedPlaces(
  session: Pick<Coordinator, 'places'>,
  env: AcquireOptions['env'],
): Promise<readonly Place[]> {
  const { user } = await namesOf(env);
  const found: Place[] = [];
  for (const place of session.places.values()) {
    if (await isAbandoned(place, user)) found.push(place);
  }
  return found;
}

interface Names {
  /** `host/user`, as labgrid-client has it. */
  readonly user: string;
  /** Of this process: what a killed one has left can be told from what its user has acquired by hand. */
  readonly own: string;
}

/** @returns the user's own name where a reservation of labgrid-client is used, which is for that name */
async function namesOf(env: AcquireOptions['env']): Promise<Names> {
  const user = `${env['LG_HOSTNAME'] || hostname()}/${env['LG_USERNAME'] || userName()}`;
  const start = (await processStart(process.pid)) ?? '0';
  return { user, own: env['LG_TOKEN'] ? user : `${user}${mark}${process.pid}.${start}` };
}

const mark = '.scmi-hil.';

async function isAbandoned({ acquired: holder }: Place, user: string): Promise<boolean> {
  if (holder === undefined || !holder.startsWith(`${user}${mark}`)) return false;
  const [pid = '', start = ''] = holder.slice(user.length + mark.length).split('.');
  return (await processStart(Number(pid))) !== start;
}

/** A place that is acquired now. */
interface Acquired {
  readonly place: string;
  /** This call has acquired it; else its user has, by hand, or another part of this process. */
  readonly isOurs: boolean;
}

async function acquired(
  session: Coordinator,
  wanted: LabgridPlace,
  names: Names,
  { env, signal, wait, told }: AcquireOptions,
): Promise<Acquired> {
  const token = env['LG_TOKEN'];
  const candidates = await candidatesFor(session, wanted, token);
  for (const place of candidates) {
    if (await isAbandoned(place, names.user)) await session.release(place.name, place.acquired ?? '');
    else if (place.acquired === names.user || place.acquired === names.own) {
      return { place: place.name, isOurs: false };
    }
  }
  for (const { name } of candidates) {
    try {
      await session.acquire(name);
      return { place: name, isOurs: true };
    } catch (error) {
      if (!(error instanceof PlaceHeldError)) throw error;
    }
  }
  await session.sync(signal);
  const holders = candidates.map(
    ({ name }) => `${name} is ${session.places.get(name)?.acquired ?? 'reserved'}'s`,
  );
  const words = holders.join(', ');
  if (wait === undefined) {
    throw new PlaceHeldError('acquire a labgrid place', words, 'wait for it: --wait 30m; labgrid-client who');
  }
  told?.(`waiting for a labgrid place: ${words}`);
  const within = AbortSignal.any([signal, AbortSignal.timeout(wait)]);
  return { place: await queued(session, wanted, within, words), isOurs: true };
}

/** Waits in the coordinator's queue. */
async function queued(
  session: Coordinator,
  wanted: LabgridPlace,
  signal: AbortSignal,
  words: string,
): Promise<string> {
  let reservation = await session.reserve('tags' in wanted ? wanted.tags : { name: wanted.place });
  const { token } = reservation;
  try {
    while (reservation.state === 0 || reservation.state === undefined) {
      await delay(interval, undefined, { signal });
      reservation = await session.poll(token);
    }
    const place = reservation.allocations?.['main'];
    if (place === undefined) {
      throw new PlaceHeldError('queue for a labgrid place', 'the reservation has expired', 'run again');
    }
    await session.acquire(place);
    return place;
  } catch (error) {
    if (!signal.aborted || !(signal.reason instanceof Error) || signal.reason.name !== 'TimeoutError')
      throw error;
    throw new PlaceHeldError('queue for a labgrid place', `its time is over: ${words}`, 'a longer --wait', {
      cause: error,
    });
  } finally {
    // Once the place is acquired nothing needs it.
    await session.cancel(token).catch(() => undefined);
  }
}

async function candidatesFor(
  session: Coordinator,
  wanted: LabgridPlace,
  token: string | undefined,
): Promise<readonly Place[]> {
  if ('tags' in wanted) {
    const fit = [...session.places.values()].filter(({ tags }) =>
      Object.entries(wanted.tags).every(([tag, value]) => tags[tag] === value),
    );
    if (fit.length > 0) return fit.toSorted((one, other) => (one.name < other.name ? -1 : 1));
    const tags = Object.entries(wanted.tags).map(([tag, value]) => `${tag}=${value}`);
    throw new ConfigurationError(
      `no labgrid place has the tags ${tags.join(' ')}`,
      `there are ${[...session.places.keys()].join(', ') || 'no places at all'}: labgrid-client places`,
    );
  }
  const name = wanted.place === '+' ? await placeOfToken(session, token) : wanted.place;
  const place = session.places.get(name);
  if (place !== undefined) return [place];
  throw new ConfigurationError(`there is no labgrid place ${name}`, hintAt(name, [...session.places.keys()]));
}

/** `+`: the place of the reservation in LG_TOKEN, as for labgrid-client. */
async function placeOfToken(session: Coordinator, token: string | undefined): Promise<string> {
  if (!token)
    throw new ConfigurationError('labgrid place + needs LG_TOKEN', 'labgrid-client reserve --wait --shell');
  const { allocations = {} } = await session.poll(token);
  const place = allocations['main'];
  if (place !== undefined) return place;
  throw new ConfigurationError(`the reservation ${token} has no place yet`, 'labgrid-client wait');
}
