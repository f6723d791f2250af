/** Which jobs run at the same time, and where. */
import { isMadeForRun, runsAtOnce } from '../../lab/load-lab.ts';
import type { RunDisplay } from '../run-display.ts';
import type { Job } from '../run-plan.ts';
import { breathe } from '../signals.ts';
import type { FinishedJob, JobRunner, PreparedJob } from './job-runner.ts';

/** Jobs that one runner does one after the other. Lanes that share a queue take turns at it. */
export interface Lane {
  readonly runner: JobRunner;
  /** In the order of the plan. */
  readonly queue: readonly Job[];
  /** Among lanes in which one board may run several times at once; absent: no board does. */
  readonly number?: number | undefined;
}

export interface LaneOptions {
  /** `--jobs`. */
  readonly asked: number | undefined;
  readonly cores: number;
  /** Runs jobs in this process. */
  readonly here: JobRunner;
  /** Makes a worker. */
  readonly worker: () => JobRunner;
}

/** Jobs from which on a worker is worth its start. */
const worthWorkers = 4;

/**
 * A lane for each board that stands in the lab, and lanes that share the jobs of boards which are made for their runs.
 * If nobody asks for lanes, a few of these jobs are not worth workers: then each board has a lane.
 */
export function lanesOf(jobs: readonly Job[], { asked, cores, here, worker }: LaneOptions): Lane[] {
  const made = jobs.filter(({ board }) =>
    asked === undefined ? runsAtOnce(board, cores) > 1 : isMadeForRun(board),
  );
  const shared = new Set(asked === undefined && made.length < worthWorkers ? [] : made);
  const count = Math.min(asked ?? cores, shared.size);
  const queue = [...shared];
  const others = Map.groupBy(
    jobs.filter(job => !shared.has(job)),
    ({ board }) => board,
  );
  return [
    ...Array.from({ length: count }, (_, index) =>
      count === 1 ? { runner: here, queue } : { runner: worker(), queue, number: index + 1 },
    ),
    ...[...others.values()].map(own => ({ runner: here, queue: own })),
  ];
}

/**
 * Prepares all jobs, those of each lane by its runner.
 * @returns in the order of the jobs
 * @throws the error of the first of them that is wrong, or the signal's reason
 */
export async function prepareAll(
  jobs: readonly Job[],
  lanes: readonly Lane[],
  signal: AbortSignal,
): Promise<ReadonlyMap<Job, Ready>> {
  const ready = new Map<Job, Ready>();
  const failed = new Map<Job, unknown>();
  const begun = new Set<Job>();
  const prepareLane = async ({ runner, queue }: Lane) => {
    for (const job of queue) {
      if (begun.has(job)) continue;
      // Jobs before the first that is wrong may be wrong too, jobs after it do not matter.
      if (failed.size > 0) return;
      begun.add(job);
      try {
        ready.set(job, { by: runner, ...(await runner.prepare(job)) });
      } catch (error) {
        failed.set(job, error);
      }
      await breathe(signal);
    }
  };
  const all = await Promise.allSettled(lanes.map(prepareLane));
  signal.throwIfAborted();
  const wrong = jobs.find(job => failed.has(job));
  if (wrong !== undefined) throw failed.get(wrong);
  for (const lane of all) if (lane.status === 'rejected') throw lane.reason;
  return ready;
}

/** A job that is prepared, and the runner that has it loaded. */
export interface Ready extends PreparedJob {
  readonly by: JobRunner;
}

export interface RunningOptions {
  readonly signal: AbortSignal;
  readonly show: Pick<RunDisplay, 'watch'>;
  /** Asked before a job runs: it may have to wait for its board. */
  readonly isWanted: (job: Job) => Promise<boolean>;
  /** A lane has no more to do on a board. */
  readonly leave: (board: Job['board']) => Promise<void>;
  readonly finished: (job: Job, finished: FinishedJob) => void;
  /** How often a run that ends as an infrastructure error is made again. */
  readonly retries: number;
}

/**
 * Runs all jobs. An error on one board does not take the others' runs away.
 * @throws the first error in the order of the jobs, when all else has run
 */
export async function runAll(
  jobs: readonly Job[],
  lanes: readonly Lane[],
  ready: ReadonlyMap<Job, Ready>,
  { signal, show, isWanted, leave, finished, retries }: RunningOptions,
): Promise<void> {
  const left = new Set(jobs);
  const failed = new Map<Job, unknown>();
  const isOnFailedBoard = ({ board }: Job) => [...failed.keys()].some(job => job.board === board);
  /** The next one, by preference one that the lane's runner has loaded. */
  const next = ({ queue, runner }: Lane): Job | undefined => {
    const open = queue.filter(job => left.has(job) && !isOnFailedBoard(job));
    return open.find(job => ready.get(job)?.by === runner) ?? open[0];
  };
  const runLane = async (lane: Lane) => {
    for (let job = next(lane); job !== undefined && !signal.aborted; job = next(lane)) {
      left.delete(job);
      const once = () => {
        const watch = show.watch(lane.number);
        return lane.runner.run(job, watch).finally(() => watch.over());
      };
      try {
        if (!(await isWanted(job))) continue;
        finished(job, await runAgain(once, retries, signal));
      } catch (error) {
        failed.set(job, error);
      }
    }
    // Boards of other lanes run several times at once, and are made for it.
    const boards = new Set(lane.number === undefined ? lane.queue.map(({ board }) => board) : []);
    for (const board of boards) await leave(board);
  };
  await Promise.all(lanes.map(runLane));
  const first = jobs.find(job => failed.has(job));
  if (first !== undefined) throw failed.get(first);
}

/**
 * Runs a job until it ends as something else than an infrastructure error, at most `retries` times more. The notes of
 * its verdict name the runs before.
 */
async function runAgain(
  once: () => Promise<FinishedJob>,
  retries: number,
  signal: AbortSignal,
): Promise<FinishedJob> {
  const before: string[] = [];
  for (;;) {
    const { report, xen } = await once();
    const { verdict, directory } = report;
    if (verdict.outcome !== 'infrastructure' || before.length >= retries || signal.aborted) {
      const notes = [...before, ...(verdict.notes ?? [])];
      return { xen, report: notes.length === 0 ? report : { ...report, verdict: { ...verdict, notes } } };
    }
    const what = verdict.faults[0]?.what.split('\n', 1)[0] ?? 'infrastructure error';
    before.push(
      `run ${before.length + 1} was made again: ${what}${directory === null ? '' : ` (${directory})`}`,
    );
  }
}
