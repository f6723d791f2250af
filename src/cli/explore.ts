/** `scmi-hil explore`: what a board's configuration can get into, and the scenarios that go through all of it. */
import path from 'node:path';
import { InvalidArgumentError } from 'commander';
import { stringify } from 'yaml';
import type { BoardType } from '../board/board-type.ts';
import { loadBoardType } from '../board/board-types.ts';
import { type CoveringRun, coveringRuns } from '../trials/explore/cover.ts';
import {
  type Exploration,
  exploreByState,
  type ExploreBounds,
  type Finding,
  pathWords,
} from '../trials/explore/explore.ts';
import { NotExplorable } from '../trials/explore/machine.ts';
import { type ExploredScenario, exploredScenarios } from '../trials/explore/scenarios.ts';
import type { Subject } from '../trials/explore/subject.ts';
import { lintScenario } from '../model/lint/lint.ts';
import { bootScenario, loadScenario } from '../scenario/load.ts';
import { type AddCommand, type CliProcess, exitCode, UsageError } from './command.ts';
import { collectFault, scenarioOf } from './configuration-options.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { interruptible } from './signals.ts';
import { fields, table } from './table.ts';
import { writeFile } from './write-file.ts';

interface ExploreOptions extends ExploreBounds {
  readonly boardType?: string;
  readonly hostDt?: string;
  readonly firmware?: string;
  readonly firmwareFault: readonly string[];
  readonly write?: string;
  readonly json?: boolean;
}

export const addExplore: AddCommand = (program, process, done) => {
  const command = program
    .command('explore')
    .description(
      'Walks the states that the model can get into: guests come and go, are given devices, ring any doorbell. ' +
        'Names every transition, checks what must hold in every state, and writes the fewest scenarios that go through all.',
    )
    .option('--board-type <type>', 'explore this type of board')
    .option('--host-dt <file>', "the host's device tree, blob or source, in place of the board type's")
    .option('--firmware <name|file>', 'profile of the SCMI firmware')
    .option('--firmware-fault <name>', 'a fault that the firmware has', collectFault, [])
    .option('--depth <number>', 'most actions after the boot', count, DEFAULTS.depth)
    .option('--agents <number>', 'most guest agents that guests ask for', count, DEFAULTS.agents)
    .option('--guests <number>', 'most guests at a time', count, DEFAULTS.guests)
    .option('--states <number>', 'most states', count, DEFAULTS.states)
    .option('--write <directory>', 'write the scenarios there')
    .option('--json', 'print JSON')
    .action(async (options: ExploreOptions) => {
      done(await exploreAndPrint(options, process));
    });
  addHelpNotes(command, {
    examples: [
      ['explore --board-type rpi5', 'transitions, findings, and how few scenarios cover them'],
      ['explore --board-type rpi5 --write ./explored', 'then: scmi-hil run ./explored/explored-rpi5-1.yaml'],
      ['explore --board-type rpi5 --depth 9 --guests 3', 'further, with more guests'],
    ],
    exits: {
      met: 'every promise holds, or what breaks it is a known bug of the firmware or of the series',
      failed: 'a promise is broken that nothing known explains',
      usage: commonExits.usage,
      interrupted: commonExits.interrupted,
    },
  });
};

/** Result of one call of the command. */
interface Explored {
  readonly subject: Subject;
  readonly walk: Exploration;
  /** The part of it that steps of a scenario can do, and the runs that cover that. */
  readonly expressible: Exploration;
  readonly runs: readonly CoveringRun[];
}

async function exploreAndPrint(options: ExploreOptions, process: CliProcess): Promise<number> {
  const board = options.boardType === undefined ? undefined : loadBoardType(options.boardType);
  const explored = await exploreSubject(subjectOf(options, board, process.cwd), options, process);
  const scenarios = board === undefined ? [] : scenariosOf(explored, board, options);
  const files =
    options.write === undefined || board === undefined ? [] : write(scenarios, board, options, process.cwd);
  process.stdout.write(options.json === true ? asJson(explored, scenarios, files) : asText(explored, files));
  return explored.walk.findings.some(({ known }) => known === null) ? exitCode.failed : exitCode.met;
}

function subjectOf(options: ExploreOptions, board: BoardType | undefined, cwd: string): Subject {
  if (options.hostDt !== undefined) {
    if (options.write !== undefined) {
      throw new UsageError(
        'scenarios are for the own tree of a board type',
        'leave out --host-dt or --write',
      );
    }
    return scenarioOf({ ...options, xlCfg: [], partialDt: [] }, cwd);
  }
  if (board === undefined) {
    throw new UsageError('nothing to explore was named', 'give --board-type TYPE, or --host-dt FILE');
  }
  const scenario = bootScenario(board, options.firmware === undefined ? {} : { firmware: options.firmware });
  return { ...scenario, firmware: { ...scenario.firmware, faults: options.firmwareFault } };
}

async function exploreSubject(
  subject: Subject,
  { depth, agents, guests, states }: ExploreOptions,
  { signal }: CliProcess,
): Promise<Explored> {
  const bounds: ExploreBounds = {
    depth: depth ?? DEFAULTS.depth,
    agents: agents ?? DEFAULTS.agents,
    guests: guests ?? DEFAULTS.guests,
    states: states ?? DEFAULTS.states,
  };
  try {
    const walk = await interruptible(exploreByState(subject, bounds), signal);
    const expressible = await interruptible(exploreByState(subject, { ...bounds, withCalls: false }), signal);
    return { subject, walk, expressible, runs: coveringRuns(expressible) };
  } catch (error) {
    if (!(error instanceof NotExplorable)) throw error;
    throw new UsageError(error.message, error.hint, { cause: error });
  }
}

function scenariosOf(
  { runs, subject }: Explored,
  board: BoardType,
  { firmware: profile, firmwareFault: faults }: ExploreOptions,
): ExploredScenario[] {
  const firmware = {
    ...(profile === undefined ? {} : { profile }),
    ...(faults.length === 0 ? {} : { faults }),
  };
  return exploredScenarios(runs, subject, {
    boardType: board.type,
    hasGuestRamdisk: board.dom0.guestRamdisk !== undefined,
    ...(Object.keys(firmware).length === 0 ? {} : { firmware }),
  });
}

function write(
  scenarios: readonly ExploredScenario[],
  board: BoardType,
  { write: into }: ExploreOptions,
  cwd: string,
): string[] {
  const directory = path.resolve(cwd, into ?? '.');
  return scenarios.map(scenario => {
    const file = path.join(directory, `${scenario.name}.yaml`);
    writeFile(file, textOf(scenario));
    // A walk goes where lint warns of: those errors are what the scenario is about.
    const lintErrors = lintErrorsOf(file, board);
    if (lintErrors.length > 0) writeFile(file, textOf({ ...scenario, lintErrors }));
    return file;
  });
}

function textOf(scenario: ExploredScenario & { readonly lintErrors?: readonly string[] }): string {
  return `# Made by \`scmi-hil explore\`.\n${stringify(scenario, { lineWidth: 0 })}`;
}

function lintErrorsOf(file: string, board: BoardType): readonly string[] {
  const scenario = loadScenario(file, board);
  const errors = lintScenario(scenario).filter(({ severity }) => severity === 'error');
  return [...new Set(errors.map(({ rule }) => rule))].toSorted();
}

function asJson(
  { walk, expressible, runs }: Explored,
  scenarios: readonly ExploredScenario[],
  files: readonly string[],
): string {
  const { states, steps, depth, stoppedBy, parts, devices, transitions, findings } = walk;
  const names = new Set(expressible.transitions.map(({ name }) => name));
  return `${JSON.stringify(
    {
      states,
      steps,
      depth,
      stoppedBy,
      agents: parts,
      devices,
      transitions: transitions.map(({ name, path: way }) => ({
        name,
        expressible: names.has(name),
        path: pathWords(way),
      })),
      findings: findings.map(finding => ({ ...finding, path: pathWords(finding.path) })),
      scenarios: runs.map((run, index) => ({
        name: scenarios[index]?.name ?? null,
        file: files[index] ?? null,
        transitions: run.steps.map(({ transition }) => transition),
      })),
    },
    null,
    2,
  )}\n`;
}

function asText({ subject, walk, expressible, runs }: Explored, files: readonly string[]): string {
  const { parts, transitions, findings } = walk;
  const coveredBy = new Map(
    runs.flatMap((run, index) =>
      run.steps
        .filter(({ isNew }) => isNew)
        .map(({ transition }) => [transition, String(index + 1)] as const),
    ),
  );
  const unknown = findings.filter(({ known }) => known === null);
  return [
    fields([
      ['firmware', [subject.firmware.profile.name, ...subject.firmware.faults].join(', ')],
      [
        'agents',
        `Xen ${parts.xen}, Dom0 ${parts.dom0 ?? 'none'}, guests ${parts.guests.join(' ') || 'none'}`,
      ],
      ['walked', `${walk.states} states, ${walk.steps} steps, ${whereItEnded(walk)}`],
      ['transitions', `${transitions.length}, of which a scenario can do ${expressible.transitions.length}`],
      ['covered by', `${runs.length} scenarios`],
      ['findings', `${findings.length - unknown.length} known, ${unknown.length} unexplained`],
      ...files.map((file): [string, string] => ['written', file]),
    ]),
    ...findings.map(findingText),
    table(
      ['SCENARIO', 'TRANSITION'],
      transitions.map(({ name }) => [coveredBy.get(name) ?? '-', name]),
    ),
  ].join('\n');
}

function whereItEnded({ depth, stoppedBy }: Exploration): string {
  if (stoppedBy === null) return `all there are: none is further than ${depth} actions from the boot`;
  return stoppedBy === 'depth'
    ? `all up to ${depth} actions`
    : `stopped at the most states, ${depth} actions deep`;
}

function findingText({ invariant, promise, known, words, path: way, count: times }: Finding): string {
  return fields([
    [known === null ? 'BROKEN' : 'finding', `${invariant}: ${promise}`],
    ['', words],
    ['because', known === null ? 'nothing known explains it' : `${known.cause}: ${known.words}`],
    ['after', pathWords(way).join('\n')],
    ['met', `${times} times`],
  ]);
}

function count(value: string): number {
  if (!/^[1-9]\d{0,6}$/.test(value)) throw new InvalidArgumentError('It is a number from 1.');
  return Number(value);
}

const DEFAULTS = { depth: 6, agents: 2, guests: 2, states: 20_000 } as const;
