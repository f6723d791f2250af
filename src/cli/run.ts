/** `scmi-hil run`: scenarios on boards, shown live, judged, reported. */
import path from 'node:path';
import { type BoardEntry, isVirtual } from '../lab/load-lab.ts';
import { Guard } from '../lab/guard/guard.ts';
import { hintAt } from '../config/nearest-name.ts';
import { openBoard } from '../lab/open.ts';
import type { OpenBoard } from '../lab/open-board.ts';
import { canHave, fullDisk, requiredFault, together, type VirtualFaults } from '../lab/virtual-faults.ts';
import type { Mutant } from '../trials/mutants/mutant.ts';
import { type Finding, placeText } from '../model/lint/finding.ts';
import { lintScenario } from '../model/lint/lint.ts';
import { otherBuild, type XenSeen } from '../model/predict/other-build.ts';
import { renderJson } from '../verdict/report/json.ts';
import type { LeftOut } from '../verdict/report/left-out.ts';
import { type RunReport, worstOutcome } from '../verdict/report/run-report.ts';
import { runOnBoard } from '../run/run.ts';
import type { Scenario } from '../model/predict/scenario.ts';
import { type AddCommand, type CliProcess, exitCode, UsageError } from './command.ts';
import { addDetailOption, type DetailOption } from './detail-option.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { hold } from './hold.ts';
import { imagesGiven } from './image-option.ts';
import { addLabOption, labOf, type LabOption } from './lab-option.ts';
import { packageVersion } from './package.ts';
import { repeated } from './repeated.ts';
import { reportFile, reportKinds, writeReports } from './report-option.ts';
import { type RunDisplay, runDisplay } from './run-display.ts';
import { planByScenario, type RunPlan } from './run-plan.ts';
import { interruptible } from './signals.ts';
import { requireDirectory } from './write-file.ts';

interface RunOptions extends LabOption, DetailOption {
  readonly all?: boolean;
  readonly board: readonly string[];
  readonly strict?: boolean;
  readonly quiet?: boolean;
  readonly bisect?: boolean;
  readonly json?: boolean;
  readonly report: readonly string[];
  readonly image: readonly string[];
  readonly runs: string;
  readonly mutant?: string;
  readonly fault: readonly string[];
}

export const addRun: AddCommand = (program, process, done) => {
  const command = addDetailOption(addLabOption(program.command('run [scenario...]')))
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
      ['run dom0-and-guest --mutant keeps-channel', 'see a verdict fail (names: scmi-hil mutants)'],
      ['run dom0-and-guest --board qemu-virt --image xen=xen/xen --bisect', 'for a script of git bisect run'],
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
  if (options.all !== true && scenarios.length === 0) {
    throw new UsageError('nothing to run was named', 'give a scenario (see: scmi-hil scenarios), or --all');
  }
  const strictness = { strict: options.strict === true };
  const files = options.report.map(text => reportFile(text, process.cwd));
  const lab = labOf(options, process, options.board);
  const images = imagesGiven(options.image, process.cwd);
  const { cwd, env } = process;
  const planning = planByScenario({ scenarios, boards: options.board, cwd, env, images, boots: true }, lab);
  const plan = await interruptible(planning, process.signal);

  const findings = lintedPlan(plan);
  const mutant = options.mutant === undefined ? undefined : await mutantFor(options.mutant, plan);
  const faults = options.fault.length === 0 ? undefined : faultsFor(options.fault, plan);
  requireDirectory(path.resolve(process.cwd, options.runs));
  using show = runDisplay(
    [...plan.runs.values()].map(each => each.length),
    options,
    process,
  );
  await using guard = Guard.start();
  const reports: RunReport[] = [];
  const leftOut: LeftOut[] = [...plan.leftOut];
  const finished = (report: RunReport) => {
    reports.push(report);
    reports.sort(byScenario);
    show.finished(report);
  };
  try {
    await runPlan(plan, { options, process, findings, show, finished, leftOut, mutant, faults, guard });
  } finally {
    show.live.close();
    // Also after a mistake or an interruption: what was learned until then is worth keeping.
    if (reports.length > 0) writeReports(files, reports, strictness, leftOut);
  }
  show.summary(reports, leftOut);
  if (options.json === true) process.stdout.write(renderJson(reports, strictness, leftOut));
  process.signal.throwIfAborted();
  return exitCode[worstOutcome(reports, strictness)];
}

type Findings = ReadonlyMap<Scenario, readonly Finding[]>;

/**
 * A configuration that cannot work is not booted, unless that is what the scenario is about.
 * @returns errors and warnings of lint, for the run of each scenario
 * @throws UsageError that names every error of lint in the scenarios that are to be run
 */
function lintedPlan({ runs }: RunPlan): Findings {
  const findings = new Map(
    [...runs.values()]
      .flat()
      .map(
        scenario => [scenario, lintScenario(scenario).filter(({ severity }) => severity !== 'note')] as const,
      ),
  );
  const errors = [...runs].flatMap(([{ name }, scenarios]) =>
    scenarios.flatMap(scenario =>
      (findings.get(scenario) ?? [])
        .filter(({ severity, rule }) => severity === 'error' && !scenario.lintErrors?.includes(rule))
        .map(finding => `${name} ${scenario.name}: ${lintText(finding)}`),
    ),
  );
  if (errors.length === 0) return findings;
  throw new UsageError(
    errors.join('\n  '),
    'correct it; if the error is what the scenario is about, name its rule in `lintErrors` of the scenario',
  );
}

interface RunContext {
  readonly options: RunOptions;
  readonly process: CliProcess;
  readonly findings: Findings;
  readonly show: RunDisplay;
  readonly finished: (report: RunReport) => void;
  /** For what turns out not to fit during a run. */
  readonly leftOut: LeftOut[];
  readonly mutant: Mutant | undefined;
  readonly faults: VirtualFaults | undefined;
  readonly guard: Guard;
}

/** Boards side by side; a mistake on one does not take the others' runs away, and is reported in the end. */
async function runPlan({ runs }: RunPlan, context: RunContext): Promise<void> {
  const boards = [...runs].map(([entry, scenarios]) => runBoard(entry, scenarios, context));
  const [failed] = (await Promise.allSettled(boards)).filter(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}

async function runBoard(
  entry: BoardEntry,
  scenarios: readonly Scenario[],
  { options, process, findings, show, finished, leftOut, mutant, faults, guard }: RunContext,
): Promise<void> {
  let booted: XenSeen = {};
  /** With --all, what needs another Xen than the lab's is left out, as what needs another board is. */
  const isLeftOut = (scenario: Scenario): boolean => {
    const why = options.all === true ? needsOtherXen(entry, scenario, booted) : undefined;
    if (why === undefined) return false;
    if (!leftOut.some(({ board, why: told }) => board === entry.name && told === why)) {
      show.note(`left out on ${entry.name}: ${scenario.name}, and others like it: ${why}`);
    }
    leftOut.push({ board: entry.name, scenario: scenario.name, why });
    return true;
  };
  for (const scenario of scenarios) {
    if (process.signal.aborted) return;
    if (isLeftOut(scenario)) continue;
    const { firmware, linux, linuxRawMode = 'none', xen } = scenario;
    const command = `scmi-hil run ${scenario.name} --board ${entry.name}`;
    await using board = await openBoard(entry, {
      env: process.env,
      software: { firmware, linux, linuxRawMode, xen },
      ...(mutant === undefined ? {} : { deviations: mutant.deviations }),
      ...(faults === undefined ? {} : { faults }),
    }).catch((error: unknown) => explainWhoHas(entry, command, error));
    for (const finding of findings.get(scenario) ?? []) {
      show.note(`${entry.name} ${scenario.name}: ${lintText(finding)}`);
    }
    const {
      verdict,
      xen: seen,
      directory,
      started,
      milliseconds,
      cpu,
      images,
    } = await runOnBoard({
      board,
      scenario,
      runs: path.resolve(process.cwd, options.runs),
      signal: process.signal,
      controller: `scmi-hil ${packageVersion()}`,
      command,
      mutant: mutant?.name,
      faults: options.fault.length === 0 ? undefined : options.fault,
      guard,
      secrets: secretsOf(board),
      strict: options.strict === true,
      write: faults?.diskBytes === undefined ? undefined : fullDisk(faults.diskBytes),
      onEvent: event => show.live.event(entry.name, event),
    });
    booted = { ...booted, ...seen };
    if (isLeftOut(scenario)) continue;
    const { title, claims } = scenario;
    finished({
      title,
      claims,
      verdict,
      directory: displayed(directory, process),
      started,
      milliseconds,
      cpu,
      images,
    });
  }
}

/** Reports the board's holder, not the busy port: the holder has the file server and the ports too. */
async function explainWhoHas(entry: BoardEntry, command: string, error: unknown): Promise<never> {
  const reservation = await hold(entry, command);
  await reservation.release();
  throw error;
}

function lintText({ severity, rule, place, message }: Finding): string {
  return `lint ${severity} ${rule} at ${placeText(place)}: ${message}`;
}

/** A virtual board has the Xen that the scenario wants, and without Xen nobody needs one. */
function needsOtherXen(
  { setup }: BoardEntry,
  { xen, payload }: Scenario,
  booted: XenSeen,
): string | undefined {
  return isVirtual(setup) || payload !== undefined ? undefined : otherBuild(xen, booted);
}

/** @throws UsageError for a name that no mutant has, and where a real board would have to run it */
async function mutantFor(name: string, { runs }: RunPlan): Promise<Mutant> {
  const { mutants, mutantNamed } = await import('../trials/mutants/index.ts');
  const mutant = mutantNamed(name);
  if (mutant === undefined) {
    throw new UsageError(
      `there is no mutant ${name}`,
      hintAt(
        name,
        mutants.map(each => each.name),
      ),
    );
  }
  const real = [...runs.keys()].find(({ setup }) => !isVirtual(setup));
  if (real === undefined) return mutant;
  throw new UsageError(
    `--mutant is for virtual boards, and ${real.name} is a real one`,
    'name virtual boards only: --board virtual-rpi5',
  );
}

/** @throws UsageError where a real board would have to have them, ConfigurationError for a name that none has */
function faultsFor(names: readonly string[], { runs }: RunPlan): VirtualFaults {
  const faults = names.map(requiredFault);
  for (const { name, type, setup } of runs.keys()) {
    if (!isVirtual(setup))
      throw new UsageError(
        `--fault is for virtual boards, and ${name} is a real one`,
        'name virtual boards only',
      );
    const other = faults.find(fault => !canHave(fault, type));
    if (other !== undefined) throw new UsageError(`${name} cannot have ${other.name}`, other.title);
  }
  return together(faults);
}

/** The same scenario's runs on all boards together, whichever board was first. */
function byScenario({ verdict: one }: RunReport, { verdict: other }: RunReport): number {
  return one.scenario.localeCompare(other.scenario) || one.board.localeCompare(other.board);
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
function displayed(directory: string, { cwd }: CliProcess): string {
  const relative = path.relative(cwd, directory);
  return relative.startsWith('..') ? directory : relative;
}
