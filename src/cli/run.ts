/** `scmi-hil run`: scenarios on boards, shown live, judged, reported. */
import { abilitiesOf } from '../lab/abilities.ts';
import os from 'node:os';
import path from 'node:path';
import type { ScenarioFile } from '../scenario/load.ts';
import { hintAt } from '../config/nearest-name.ts';
import { DriverError } from '../lab/drivers/driver-error.ts';
import { Guard } from '../lab/guard/guard.ts';
import type { BoardEntry } from '../lab/load-lab.ts';
import { canHave, requiredFault, together } from '../lab/virtual-faults.ts';
import { otherBuild, type XenSeen } from '../model/predict/other-build.ts';
import { renderJson } from '../verdict/report/json.ts';
import type { LeftOut } from '../verdict/report/left-out.ts';
import { outcomeOf, type RunReport, worstOutcome } from '../verdict/report/run-report.ts';
import { type AddCommand, type CliProcess, exitCode, UsageError } from './command.ts';
import { addDetailOption, type DetailOption } from './detail-option.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { imagesGiven } from './image-option.ts';
import { JobsHere, type JobSettings, type PreparedJob } from './jobs/job-runner.ts';
import { lanesOf, prepareAll, type Ready, runAll } from './jobs/side-by-side.ts';
import { Worker } from './jobs/worker.ts';
import { addLabOption, labOf, type LabOption } from './lab-option.ts';
import {
  addSelectionOptions,
  retriesOf,
  selectedFiles,
  type SelectionOptions,
  shardOf,
} from './job-selection.ts';
import { repeated } from './repeated.ts';
import { reportFile, reportKinds, writeReports } from './report-option.ts';
import { type RunDisplay, runDisplay, type Watch } from './run-display.ts';
import { type Job, planJobs } from './run-plan.ts';
import { addTurnOptions, BoardTurns, boardsOfType, type TurnOptions } from './board-turns.ts';
import { breathe } from './signals.ts';
import { requireDirectory } from './write-file.ts';

interface RunOptions extends LabOption, DetailOption, SelectionOptions, TurnOptions {
  readonly all?: boolean;
  readonly board: readonly string[];
  readonly strict?: boolean;
  readonly quiet?: boolean;
  readonly bisect?: boolean;
  readonly json?: boolean;
  readonly report: readonly string[];
  readonly image: readonly string[];
  readonly runs: string;
  readonly jobs?: string;
  readonly mutant?: string;
  readonly fault: readonly string[];
}

export const addRun: AddCommand = (program, process, done) => {
  const command = addTurnOptions(
    addSelectionOptions(addDetailOption(addLabOption(program.command('run [scenario...]')))),
  )
    .description(
      'Runs scenarios on boards: predicts, deploys, boots, looks and judges. Without --board, on all boards of ' +
        'the lab; boards run at the same time.',
    )
    .option('--board <name>', 'only on this board (may be given several times)', repeated, [])
    .option('--all', 'all shipped scenarios')
    .option('--strict', 'a claim that breaks as predicted fails')
    .option('-q, --quiet', 'the sum only, and what failed')
    .option('--report <kind=file>', `write ${reportKinds} (may be given several times)`, repeated, [])
    .option(
      '--image <name=path>',
      "a file of your own in place of the lab's (xen, dtb, kernel, ...)",
      repeated,
      [],
    )
    .option('--bisect', 'exit codes for git bisect run: 0 good, 1 bad, 125 where nothing was learned')
    .option('--json', 'print the JSON report; what happens goes to standard error')
    .option('--mutant <name>', 'virtual boards only: with this bug in the software on the board')
    .option(
      '--fault <name>',
      'virtual boards only: in a lab that has this fault (may be given several times; a wrong name lists them)',
      repeated,
      [],
    )
    .option(
      '--jobs <n>',
      'runs at once on virtual and emulated boards; else one for each core on virtual boards, one on an emulated board',
    )
    .option('--runs <dir>', 'where each run gets its directory', 'runs')
    .action(async (scenarios: readonly string[], options: RunOptions) => {
      done(await run(scenarios, options, process));
    });
  addHelpNotes(command, {
    examples: [
      ['run --all', 'what npm start does: everything on the virtual boards, where there is no lab file'],
      ['run dom0-and-guest --board rpi5-01 --report junit=report.xml', 'one scenario on one board, for CI'],
      [
        'run dom0-and-guest --board virtual-v4h --fault torn-lines',
        'see how a run copes with a lab that fails',
      ],
      ['run --match "guest-*" --shard 1/4 --retry 1', 'a quarter of some, for one of four jobs of a CI'],
      ['run dom0-and-guest --mutant keeps-channel', 'see a verdict fail (names: scmi-hil mutants)'],
      ['run dom0-and-guest --board qemu-virt --image xen=xen/xen --bisect', 'for a script of git bisect run'],
      ['run --all --board qemu-virt --jobs 2', 'two emulated boards at once; each has a network of its own'],
      ['run ./my-scenario.yaml -vv', 'one of your own, with all reasons'],
    ],
    exits: {
      met: 'all expectations met',
      failed: 'at least one missed or contradicted on any board, whatever else happened',
      usage: `${commonExits.usage}; no board was touched`,
      infrastructure: 'the lab failed a run, and no other run failed: nothing was learned from that one',
      skip: 'with --bisect, in place of 2 and 3',
      interrupted:
        'interrupted (Ctrl-C, SIGTERM): boards are switched off; a second Ctrl-C does not wait for it',
    },
  });
};

async function run(scenarios: readonly string[], options: RunOptions, process: CliProcess): Promise<number> {
  if (options.all === true && scenarios.length > 0) {
    throw new UsageError('--all and names of scenarios contradict each other', 'leave one of them out');
  }
  const isSelected = options.match !== undefined || options.claims !== undefined;
  if (options.all !== true && scenarios.length === 0 && !isSelected) {
    throw new UsageError(
      'nothing to run was named',
      'give a scenario (see: scmi-hil scenarios), --all, --match or --claims',
    );
  }
  const strictness = { strict: options.strict === true };
  const files = options.report.map(text => reportFile(text, process.cwd));
  const lab = boardsOfType(labOf(options, process, options.board), options.boardType, options.board);
  const images = imagesGiven(options.image, process.cwd);
  const { cwd, env } = process;
  using limit = new TimeLimit(options.timeout, process.signal);
  const { signal } = limit;
  const asked = jobsOf(options.jobs);
  await breathe(signal);
  const retries = retriesOf(options.retry);
  const select = (all: readonly ScenarioFile[]) => selectedFiles(all, options);
  const whole = planJobs({ scenarios, boards: options.board, cwd, env, images, boots: true, select }, lab);
  await using guard = Guard.start();
  const settings: JobSettings = {
    cwd,
    env,
    runs: path.resolve(cwd, options.runs),
    strict: strictness.strict,
    wait: options.wait,
    mutant: options.mutant,
    faults: options.fault,
  };
  const here = new JobsHere(settings, { guard, signal });
  await using turns = new BoardTurns({
    ...options,
    signal,
    command: `scmi-hil run ${scenarios.join(' ')}`.trimEnd(),
    boot: board => healthBoot(lab.boards.get(board.name) ?? board, here, show.watch(undefined)),
    tell: line => tell(line),
  });
  let tell = (line: string): void => void process.stderr.write(`${line}\n`);
  const chosen = options.boardType === undefined ? whole : await turns.first(whole);
  const plan = { ...chosen, jobs: shardOf(chosen.jobs, options.shard) };
  await requireMutant(options.mutant, plan.jobs);
  requireFaults(options.fault, plan.jobs);
  using show = runDisplay(
    [...Map.groupBy(plan.jobs, ({ board }) => board).values()].map(ofBoard => ofBoard.length),
    options,
    process,
  );
  tell = line => show.live.line(line);
  await using workers = new AsyncDisposableStack();
  const lanes = lanesOf(plan.jobs, {
    asked,
    cores: os.availableParallelism(),
    here,
    worker: () => workers.use(new Worker({ settings, guard, signal })),
  });
  const ready = await prepareAll(plan.jobs, lanes, signal);
  requireNoLintError(plan.jobs, ready);
  requireDirectory(settings.runs);
  const reports: RunReport[] = [];
  const stopped = new StoppedJobs();
  const unfit = new UnfitScenarios(options.all === true, ready, show);
  const ended = new Set<Job>();
  const allLeftOut = (): LeftOut[] => [
    ...plan.leftOut,
    ...unfit.leftOut,
    ...stopped.leftOut,
    ...turns.leftOut,
    ...limit.leftOut(plan.jobs.filter(job => !ended.has(job))),
  ];
  try {
    await runAll(plan.jobs, lanes, ready, {
      signal,
      show,
      retries,
      isWanted: async job => {
        const isWanted = unfit.fits(job) && !stopped.leavesOut(job) && (await turns.isReady(job));
        if (!isWanted) ended.add(job);
        return isWanted;
      },
      leave: board => turns.leave(board),
      finished: (job, { report, xen }) => {
        ended.add(job);
        if (!unfit.fits(job, xen)) return;
        if (options.failFast === true && outcomeOf(report, strictness) === 'failed') stopped.stop(report);
        reports.push(report);
        reports.sort(byScenario);
        show.finished(report);
      },
    });
  } finally {
    show.live.close();
    // Also after a mistake or an interruption: what was learned until then is worth keeping.
    if (reports.length > 0) {
      await writeReports(files, { reports, strictness, leftOut: allLeftOut() }, process);
    }
  }
  const leftOut = allLeftOut();
  show.summary(reports, leftOut);
  if (options.json === true) process.stdout.write(renderJson(reports, strictness, leftOut));
  process.signal.throwIfAborted();
  const errors = [...turns.refused, ...limit.errors];
  for (const { message, hint } of errors) process.stderr.write(`scmi-hil: ${message}\n  ${hint}\n`);
  const worst = worstOutcome(reports, strictness);
  return errors.length > 0 && worst !== 'failed' ? exitCode.infrastructure : exitCode[worst];
}

/** The boot that shows that a board is fit for use: with the lab's own images, not those under test. */
async function healthBoot(board: BoardEntry, runner: JobsHere, watch: Watch): Promise<RunReport> {
  const { report } = await runner.run({ board, scenario: 'boot' }, watch).finally(() => watch.over());
  return report;
}

/** `--timeout`. */
class TimeLimit implements Disposable {
  readonly signal: AbortSignal;
  readonly errors: DriverError[] = [];
  readonly #timer: NodeJS.Timeout | undefined;

  /** @param milliseconds undefined: no limit */
  constructor(milliseconds: number | undefined, signal: AbortSignal) {
    const over = new AbortController();
    this.signal = AbortSignal.any([signal, over.signal]);
    if (milliseconds === undefined) return;
    this.#timer = setTimeout(() => {
      const hint = 'give it more time, or fewer runs: --shard, --match';
      this.errors.push(new DriverError('run', `timed out after ${milliseconds / 1000} s (--timeout)`, hint));
      over.abort(this.errors[0]);
    }, milliseconds);
  }

  /** @param jobs that have no result */
  leftOut(jobs: readonly Job[]): readonly LeftOut[] {
    if (this.errors.length === 0) return [];
    return jobs.map(({ board, scenario }) => ({ board: board.name, scenario, why: '--timeout was over' }));
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

function jobsOf(text: string | undefined): number | undefined {
  if (text === undefined || /^[1-9]\d{0,3}$/.test(text)) return text === undefined ? undefined : Number(text);
  throw new UsageError(`--jobs ${text}: a number from 1 on is expected`, 'for instance --jobs 2');
}

/**
 * A configuration that cannot work is not booted, unless that is what the scenario is about.
 * @throws UsageError that names every error of lint in the scenarios that are to be run
 */
function requireNoLintError(jobs: readonly Job[], ready: ReadonlyMap<Job, PreparedJob>): void {
  const errors = jobs.flatMap(job => ready.get(job)?.lintErrors ?? []);
  if (errors.length === 0) return;
  throw new UsageError(
    errors.join('\n  '),
    'correct it; if the error is what the scenario is about, name its rule in `lintErrors` of the scenario',
  );
}

/** With --all, what needs another Xen than the lab's is left out, as what needs another board is. */
class UnfitScenarios {
  readonly #isAll: boolean;
  readonly #ready: ReadonlyMap<Job, Ready>;
  readonly #show: RunDisplay;
  readonly #booted = new Map<BoardEntry, XenSeen>();
  readonly #leftOut = new Map<Job, LeftOut>();

  constructor(isAll: boolean, ready: ReadonlyMap<Job, Ready>, show: RunDisplay) {
    this.#isAll = isAll;
    this.#ready = ready;
    this.#show = show;
  }

  get leftOut(): readonly LeftOut[] {
    return [...this.#leftOut.values()];
  }

  /** @param seen Xen that the job's own run has booted */
  fits(job: Job, seen: XenSeen = {}): boolean {
    const { board, scenario } = job;
    const booted = { ...this.#booted.get(board), ...seen };
    this.#booted.set(board, booted);
    const prepared = this.#ready.get(job);
    // A virtual board has the Xen that the scenario wants.
    if (!this.#isAll || prepared === undefined || prepared.isWithoutXen || abilitiesOf(board).runsAnySoftware)
      return true;
    const why = otherBuild(prepared.xen, booted);
    if (why === undefined) return true;
    if (!this.leftOut.some(told => told.board === board.name && told.why === why)) {
      this.#show.note(`left out on ${board.name}: ${scenario}, and others like it: ${why}`);
    }
    this.#leftOut.set(job, { board: board.name, scenario, why });
    return false;
  }
}

/** With --fail-fast, what was not begun when a run failed. */
class StoppedJobs {
  readonly leftOut: LeftOut[] = [];
  #failed: RunReport | undefined;

  stop(report: RunReport): void {
    this.#failed ??= report;
  }

  leavesOut({ board, scenario }: Job): boolean {
    if (this.#failed === undefined) return false;
    const { verdict } = this.#failed;
    const why = `--fail-fast: ${verdict.scenario} on ${verdict.board} has failed`;
    this.leftOut.push({ board: board.name, scenario, why });
    return true;
  }
}

/** @throws UsageError for a name that no mutant has, and where a real board would have to run it */
async function requireMutant(name: string | undefined, jobs: readonly Job[]): Promise<void> {
  if (name === undefined) return;
  const { mutants, mutantNamed } = await import('../trials/mutants/index.ts');
  if (mutantNamed(name) === undefined) {
    throw new UsageError(
      `there is no mutant ${name}`,
      hintAt(
        name,
        mutants.map(each => each.name),
      ),
    );
  }
  requireVirtual('--mutant', jobs, 'name virtual boards only: --board virtual-rpi5');
}

/** @throws UsageError where a real board would have to have them, ConfigurationError for a name that none has */
function requireFaults(names: readonly string[], jobs: readonly Job[]): void {
  const faults = names.map(requiredFault);
  if (faults.length === 0) return;
  requireVirtual('--fault', jobs, 'name virtual boards only');
  for (const { board } of jobs) {
    const other = faults.find(fault => !canHave(fault, board.type));
    if (other !== undefined) throw new UsageError(`${board.name} cannot have ${other.name}`, other.title);
  }
  together(faults);
}

function requireVirtual(option: string, jobs: readonly Job[], hint: string): void {
  const real = jobs.find(({ board }) => !abilitiesOf(board).runsAnySoftware);
  if (real === undefined) return;
  throw new UsageError(`${option} is for virtual boards, and ${real.board.name} is a real one`, hint);
}

/** The same scenario's runs on all boards together, whichever board was first. */
function byScenario({ verdict: one }: RunReport, { verdict: other }: RunReport): number {
  return one.scenario.localeCompare(other.scenario) || one.board.localeCompare(other.board);
}
