/** Runs jobs in this process. Job in `run-plan.ts`: one scenario for one board. */
import path from 'node:path';
import type { BoardEntry } from '../../lab/load-lab.ts';
import { acquireBoard } from '../../lab/acquire-place.ts';
import type { Guard } from '../../lab/guard/guard.ts';
import { openBoard } from '../../lab/open.ts';
import type { OpenBoard } from '../../lab/open-board.ts';
import { fullDisk, requiredFault, together, type VirtualFaults } from '../../lab/virtual-faults.ts';
import { type Finding, placeText } from '../../model/lint/finding.ts';
import { lintScenario } from '../../model/lint/lint.ts';
import type { XenSeen } from '../../model/predict/other-build.ts';
import type { Scenario } from '../../model/predict/scenario.ts';
import type { XenBuild } from '../../model/xen/build.ts';
import { runOnBoard } from '../../run/run.ts';
import type { Mutant } from '../../trials/mutants/mutant.ts';
import type { RunReport } from '../../verdict/report/run-report.ts';
import { hold } from '../hold.ts';
import { packageVersion } from '../package.ts';
import type { Watch } from '../run-display.ts';
import { type Job, loadJob } from '../run-plan.ts';

/** Settings that all jobs of a command have in common. Plain data: another process can be told. */
export interface JobSettings {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Full path of the directory in which each run gets its own. */
  readonly runs: string;
  readonly strict: boolean;
  /** Milliseconds to queue for a place of a farm; absent: none. */
  readonly wait?: number | undefined;
  /** Name of the bug that virtual boards have. */
  readonly mutant?: string | undefined;
  /** Names of the faults that virtual boards and their lab have. */
  readonly faults: readonly string[];
}

/** Facts of a job before it runs. */
export interface PreparedJob {
  /** Errors of lint that its scenario does not name as its subject, as lines for people. */
  readonly lintErrors: readonly string[];
  readonly xen: XenBuild;
  /** The boot loader starts a program of its own instead of Xen. */
  readonly isWithoutXen: boolean;
}

export interface FinishedJob {
  readonly report: RunReport;
  /** Xen that was booted. */
  readonly xen: XenSeen;
}

/** Someone who runs jobs: this process, or a worker. */
export interface JobRunner {
  /**
   * Loads the job's scenario and lints it.
   * @throws ConfigurationError where it is wrong
   */
  prepare(job: Job): Promise<PreparedJob>;
  /**
   * @throws DriverError where the board cannot be opened, or the run cannot have a directory
   * @throws ConfigurationError where the scenario and the board's images do not fit
   */
  run(job: Job, watch: Watch): Promise<FinishedJob>;
}

export interface Surroundings {
  readonly guard: Pick<Guard, 'take'>;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** Told the run's directory as soon as there is one. */
  readonly onDirectory?: (job: Job, directory: string) => void;
}

/** Runs jobs in this process. */
export class JobsHere implements JobRunner {
  readonly #settings: JobSettings;
  readonly #around: Surroundings;
  readonly #faults: VirtualFaults | undefined;
  readonly #loaded = new Map<string, Loaded>();
  #mutant: Promise<Mutant | undefined> | undefined;

  constructor(settings: JobSettings, around: Surroundings) {
    this.#settings = settings;
    this.#around = around;
    const { faults } = settings;
    this.#faults = faults.length === 0 ? undefined : together(faults.map(requiredFault));
  }

  prepare(job: Job): Promise<PreparedJob> {
    const loaded = load(job);
    this.#loaded.set(keyOf(job), loaded);
    const { scenario, findings } = loaded;
    const lintErrors = findings
      .filter(({ severity, rule }) => severity === 'error' && !scenario.lintErrors?.includes(rule))
      .map(finding => lintLine(job, finding));
    const { xen, payload } = scenario;
    return Promise.resolve({ lintErrors, xen, isWithoutXen: payload !== undefined });
  }

  async run(job: Job, watch: Watch): Promise<FinishedJob> {
    const { env, runs, strict, cwd, wait, mutant: named, faults: faultNames } = this.#settings;
    const { board: entry } = job;
    const { scenario, findings } = this.#loaded.get(keyOf(job)) ?? load(job);
    this.#loaded.delete(keyOf(job));
    const { firmware, linux, linuxRawMode = 'none', xen, title, claims } = scenario;
    const command = `scmi-hil run ${scenario.name} --board ${entry.name}`;
    const mutant = await (this.#mutant ??= mutantOf(named));
    const faults = this.#faults;
    await using acquired = await acquireBoard(entry, {
      env,
      signal: this.#around.signal,
      wait,
      told: words => watch.note(words),
    });
    await using board = await openBoard(acquired.board, {
      env,
      held: acquired.held,
      software: { firmware, linux, linuxRawMode, xen },
      ...(mutant !== undefined && { deviations: mutant.deviations }),
      ...(faults !== undefined && { faults }),
    }).catch((error: unknown) => explainWhoHas(entry, command, error));
    for (const finding of findings) watch.note(lintLine(job, finding));
    const ran = await runOnBoard({
      board,
      scenario,
      runs,
      signal: this.#around.signal,
      controller: `scmi-hil ${packageVersion()}`,
      command,
      mutant: named,
      faults: faultNames.length === 0 ? undefined : faultNames,
      guard: this.#around.guard,
      secrets: secretsOf(board),
      strict,
      write: faults?.diskBytes === undefined ? undefined : fullDisk(faults.diskBytes),
      onDirectory: directory => this.#around.onDirectory?.(job, directory),
      onEvent: event => watch.event(entry.name, event),
    });
    const { verdict, started, milliseconds, cpu, images } = ran;
    const directory = displayed(ran.directory, cwd);
    return {
      report: { title, claims, verdict, directory, started, milliseconds, cpu, images },
      xen: ran.xen,
    };
  }
}

const keyOf = ({ board, file }: Job): string => `${board.name} ${file}`;

/** A scenario with errors and warnings of lint. */
interface Loaded {
  readonly scenario: Scenario;
  readonly findings: readonly Finding[];
}

function load(job: Job): Loaded {
  const scenario = loadJob(job);
  return { scenario, findings: lintScenario(scenario).filter(({ severity }) => severity !== 'note') };
}

async function mutantOf(name: string | undefined): Promise<Mutant | undefined> {
  if (name === undefined) return undefined;
  const { mutantNamed } = await import('../../trials/mutants/index.ts');
  return mutantNamed(name);
}

/** Reports the board's holder, not the busy port: the holder has the file server and the ports too. */
async function explainWhoHas(entry: BoardEntry, command: string, error: unknown): Promise<never> {
  const reservation = await hold(entry, command);
  await reservation.release();
  throw error;
}

function lintLine({ board, scenario }: Job, { severity, rule, place, message }: Finding): string {
  return `${board.name} ${scenario}: lint ${severity} ${rule} at ${placeText(place)}: ${message}`;
}

function secretsOf({ dom0: { identity }, consoleLogin, guestLogins, secrets = [] }: OpenBoard): string[] {
  const secret =
    identity.kind === 'password'
      ? identity.password
      : identity.kind === 'key'
        ? identity.passphrase
        : undefined;
  const logins = [consoleLogin, ...(guestLogins?.values() ?? [])];
  return [...secrets, secret, ...logins.map(login => login?.password)].filter(each => each !== undefined);
}

/** Relative to the working directory where it is below it, as a person would type it. */
export function displayed(directory: string, cwd: string): string {
  const relative = path.relative(cwd, directory);
  return relative.startsWith('..') ? directory : relative;
}
