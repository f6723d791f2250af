/** The guard's process: see guard.ts. It reads requests on standard input, whose end is the end of its controller. */
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { DriverError } from '../drivers/driver-error.ts';
import { processStart } from '../drivers/hold-file.ts';
import type { PowerDriver } from '../drivers/power/power.ts';
import { recordKilled } from '../../verdict/recording/killed.ts';
import { BoardHeldError, type Reservation, reserve } from '../reservation.ts';
import type { Guarded, GuardAnswer, GuardRequest } from './messages.ts';

interface Taken {
  readonly board: Guarded;
  readonly reservation: Reservation;
  /** Loaded when the board is taken: later the disk may be full, or gone. Absent: nothing to switch, or nobody can. */
  readonly power: PowerDriver | undefined;
  /** Gives its place back, loaded likewise; absent: it is none. */
  readonly giveBack: ((signal: AbortSignal) => Promise<void>) | undefined;
}

const taken = new Map<number, Taken>();
/** Attempts to switch a board off. */
const attempts = 3;

async function answer(request: GuardRequest): Promise<void> {
  if (request.ask === 'release') {
    const board = taken.get(request.taken);
    taken.delete(request.taken);
    await board?.reservation.release();
    return;
  }
  const { board } = request;
  const reservation = await reserve(board.claims, board.holder);
  taken.set(request.number, {
    board,
    reservation,
    power: await powerFor(board),
    giveBack: await giveBackFor(board),
  });
}

async function powerFor({ power, holder }: Guarded): Promise<PowerDriver | undefined> {
  if (power === undefined || power.setup.kind === 'ask') return undefined;
  const { openPower } = await import('../open-power.ts');
  return openPower(holder.board, power.setup, process.env).power;
}

async function giveBackFor({ held }: Guarded): Promise<Taken['giveBack']> {
  if (held === undefined) return undefined;
  const { releasePlace } = await import('../acquire-place.ts');
  return signal => releasePlace(held, signal);
}

/** The controller is gone. */
async function clearUp({ board, reservation, power, giveBack }: Taken): Promise<void> {
  if (board.worker !== undefined) await ended(board.worker);
  const killed = `process ${board.holder.pid} was killed during the run`;
  if (board.power === undefined) recordIn(board, killed);
  else if (power === undefined)
    recordIn(board, `${killed}; somebody has to switch ${board.holder.board} off by hand`);
  else {
    const failed = await switchOff(power, board.power.deadline);
    recordIn(
      board,
      failed === undefined
        ? `${killed}; its guard switched ${board.holder.board} off (${power.name})`
        : `${killed}; its guard could not switch ${board.holder.board} off: ${failed}`,
    );
  }
  // A coordinator that is gone has forgotten who had the place.
  await giveBack?.(AbortSignal.timeout(releaseDeadline)).catch(() => undefined);
  await reservation.release();
}

/** Milliseconds to give a place back. */
const releaseDeadline = 20_000;

/** Until a worker is gone: it ends with its controller, and writes the recording until then. */
async function ended(worker: number): Promise<void> {
  for (let turn = 0; turn < turnsForWorker; turn++) {
    if ((await processStart(worker)) === undefined) return;
    await delay(20);
  }
}

const turnsForWorker = 500;

/** @returns why it could not */
async function switchOff(power: PowerDriver, deadline: number): Promise<string | undefined> {
  let why = '';
  for (let attempt = 0; attempt < attempts; attempt++) {
    try {
      await power.off(AbortSignal.timeout(deadline));
      return undefined;
    } catch (error) {
      why = error instanceof Error ? error.message : String(error);
    }
  }
  return why;
}

/** The disk may be full, and the directory gone: the board is off all the same. */
function recordIn({ directory }: Guarded, what: string): void {
  if (directory === undefined) return;
  try {
    recordKilled(directory, { class: 'interrupted', what });
  } catch {
    // Nobody is left to be told.
  }
}

function failureOf(error: unknown): Extract<GuardAnswer, { failed: unknown }>['failed'] {
  if (error instanceof DriverError)
    return {
      attempt: error.attempt,
      why: error.message.slice(error.attempt.length + 2),
      hint: error.hint,
      held: error instanceof BoardHeldError,
    };
  return {
    attempt: 'guard the board',
    why: error instanceof Error ? error.message : String(error),
    hint: 'correct the lab file, or report it',
    held: false,
  };
}

// It ends with its controller, and with nothing else.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
process.stdout.on('error', () => undefined);

const working = new Set<Promise<unknown>>();
const say = (message: GuardAnswer) => process.stdout.write(`${JSON.stringify(message)}\n`);
createInterface(process.stdin)
  .on('line', line => {
    const request = JSON.parse(line) as GuardRequest;
    const { number } = request;
    const work = answer(request).then(
      () => say({ number, done: true }),
      (error: unknown) => say({ number, failed: failureOf(error) }),
    );
    working.add(work);
    void work.finally(() => working.delete(work));
  })
  .on('close', () => {
    void Promise.all(working).then(() => Promise.all([...taken.values()].map(clearUp)));
  });
process.stdin.on('error', () => undefined);
