/** A `run` among others that want the same boards: whose turn it is, and whether a board may be used at all. */
import type { Command } from 'commander';
import { hintAt } from '../config/nearest-name.ts';
import { book } from '../lab/bookings.ts';
import { claimsOf } from '../lab/claims.ts';
import { DriverError } from '../lab/drivers/driver-error.ts';
import { holderOfBoard } from '../lab/holder.ts';
import { type BoardEntry, isMadeForRun, type LoadedLab } from '../lab/load-lab.ts';
import { enterQueue } from '../lab/queue.ts';
import {
  type Candidate,
  requireInRotation,
  type TurnOptions as WaitOptions,
  waitForTurn,
} from '../lab/turn.ts';
import type { LeftOut } from '../verdict/report/left-out.ts';
import type { RunReport } from '../verdict/report/run-report.ts';
import { UsageError } from './command.ts';
import { durationOf } from './duration.ts';
import type { Job, RunPlan } from './run-plan.ts';

export interface TurnOptions {
  readonly boardType?: string;
  /** Milliseconds. */
  readonly wait?: number;
  /** Milliseconds. */
  readonly timeout?: number;
  readonly health?: boolean;
}

/** Adds the options. */
export function addTurnOptions(command: Command): Command {
  return command
    .option('--board-type <type>', 'on one board of this type: the first that is free')
    .option('--wait <duration>', 'wait for a board that others use: 90s, 30m, 2h', durationOf('--wait'))
    .option(
      '--timeout <duration>',
      'end what still runs after this time, and report',
      durationOf('--timeout'),
    )
    .option(
      '--health',
      "first boot each board with the lab's own images; one that fails twice is taken out of rotation",
    );
}

/**
 * The boards of a type, as a lab of their own.
 * @throws UsageError where there is none, or boards are named too
 */
export function boardsOfType(lab: LoadedLab, type: string | undefined, named: readonly string[]): LoadedLab {
  if (type === undefined) return lab;
  if (named.length > 0) {
    throw new UsageError('--board and --board-type contradict each other', 'leave one of them out');
  }
  const boards = new Map([...lab.boards].filter(([, board]) => board.type.type === type));
  const types = [...new Set([...lab.boards.values()].map(board => board.type.type))];
  if (boards.size === 0)
    throw new UsageError(`the lab has no board of the type ${type}`, hintAt(type, types));
  return { ...lab, boards };
}

export interface TurnsSetup extends TurnOptions {
  /** Purpose shown to others who want a board. */
  readonly command: string;
  readonly signal: AbortSignal;
  /** Boots a board of the lab. */
  readonly boot: (board: BoardEntry) => Promise<RunReport>;
  /** Prints a line. */
  readonly tell: (line: string) => void;
}

export class BoardTurns implements AsyncDisposable {
  readonly leftOut: LeftOut[] = [];
  readonly #setup: TurnsSetup;
  /** In the boards' queues, by the name of the board. */
  readonly #places = new Map<string, AsyncDisposable>();
  readonly #ready = new Map<string, Promise<void>>();
  readonly #refused = new Map<string, DriverError>();

  constructor(setup: TurnsSetup) {
    this.#setup = setup;
  }

  /** Errors of the boards that could not be used. */
  get refused(): readonly DriverError[] {
    return [...this.#refused.values()];
  }

  /**
   * Leaves the jobs of one board in the plan, the first that is free.
   * @throws DriverError where none is
   */
  async first({ jobs, leftOut }: RunPlan): Promise<RunPlan> {
    const boards = new Set(jobs.map(({ board }) => board));
    const candidates = await Promise.all([...boards].map(candidateOf));
    const checks = await Promise.allSettled(candidates.map(requireInRotation));
    const usable = candidates.filter((_, index) => checks[index]?.status === 'fulfilled');
    const [refused] = checks.filter(check => check.status === 'rejected');
    if (usable.length === 0 && refused !== undefined) throw refused.reason;
    const { board: name, place } = await waitForTurn(usable, this.#waiting(0));
    this.#places.set(name, place);
    return {
      jobs: jobs.filter(({ board }) => board.name === name),
      leftOut: leftOut.filter(({ board }) => board === name),
    };
  }

  /**
   * Waits until the job's board is this command's, and has shown its health.
   * @returns whether the job can run; else it is left out
   * @throws the signal's reason
   */
  async isReady({ board, scenario }: Job): Promise<boolean> {
    const { name } = board;
    const ready = this.#ready.get(name) ?? this.#begin(board);
    this.#ready.set(name, ready);
    try {
      await ready;
      return true;
    } catch (error) {
      this.#setup.signal.throwIfAborted();
      if (!(error instanceof DriverError)) throw error;
      this.#refused.set(name, error);
      this.leftOut.push({ board: name, scenario, why: error.message });
      return false;
    }
  }

  /** Lets the next process have the board. */
  async leave({ name }: BoardEntry): Promise<void> {
    await this.#places.get(name)?.[Symbol.asyncDispose]();
    this.#places.delete(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#places.values()].map(place => place[Symbol.asyncDispose]()));
  }

  async #begin(board: BoardEntry): Promise<void> {
    const { wait, health } = this.#setup;
    const candidate = await candidateOf(board);
    await requireInRotation(candidate);
    if (!this.#places.has(board.name)) {
      const options = this.#waiting(wait);
      const place =
        wait === undefined
          ? await enterQueue(candidate.claims, { ...options.holder, board: board.name })
          : (await waitForTurn([candidate], options)).place;
      this.#places.set(board.name, place);
    }
    if (health === true) await this.#requireHealth(board, candidate);
  }

  #waiting(wait = 0): WaitOptions {
    const { command, signal, tell } = this.#setup;
    const waiting = (words: string) => tell(`waiting: ${words}`);
    return { holder: holderOfBoard('', command), wait: this.#setup.wait ?? wait, signal, waiting };
  }

  /** @throws DriverError where the board's boot is not met, twice; then it is out of rotation */
  async #requireHealth(board: BoardEntry, { name, claims }: Candidate): Promise<void> {
    const failures: string[] = [];
    while (failures.length < 2) {
      const { verdict, directory } = await this.#setup.boot(board);
      this.#setup.signal.throwIfAborted();
      this.#setup.tell(`${name}: health check: ${verdict.outcome}`);
      if (verdict.outcome === 'met') return;
      failures.push(
        `${verdict.faults[0]?.what.split('\n', 1)[0] ?? `boot ${verdict.outcome}`} (${directory})`,
      );
    }
    const why = `it failed its health check twice: ${failures.join('; ')}`;
    if (isMadeForRun(board)) throw new DriverError(`use ${name}`, why, 'see the recordings of these boots');
    await book(name, claims, { outOfRotation: why });
    const hint = `it is out of rotation now: see it, then put it back: scmi-hil release ${name}`;
    throw new DriverError(`use ${name}`, why, hint);
  }
}

async function candidateOf(board: BoardEntry): Promise<Candidate> {
  return { name: board.name, claims: await claimsOf(board) };
}
