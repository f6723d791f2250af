/** Which scenario runs on which board, settled before any board is touched. */
import { abilitiesOf, namedImages } from '../lab/abilities.ts';
import { type BoardEntry, boardOf, type LoadedLab, requireNoMistake } from '../lab/load-lab.ts';
import { bootMistake } from '../lab/needed-images.ts';
import { fitsBoardType } from '../scenario/fit.ts';
import {
  bootScenario,
  findScenario,
  listScenarios,
  loadScenario,
  type ScenarioFile,
} from '../scenario/load.ts';
import type { XenImage } from '../lab/images/xen-image.ts';
import { type BoardSoftware, softwareOf } from '../lab/planned-board.ts';
import { hasSciSubsystem } from '../model/xen/version.ts';
import type { LeftOut } from '../verdict/report/left-out.ts';
import type { Scenario } from '../model/predict/scenario.ts';
import { UsageError } from './command.ts';
import { withImages } from './image-option.ts';

export interface PlanRequest {
  /** Names or files; empty: all shipped ones. */
  readonly scenarios: readonly string[];
  /** Names; empty: all of the lab. */
  readonly boards: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Files in place of the boards': path by name. */
  readonly images?: Readonly<Record<string, string>>;
  /** Leaves some of the scenarios. */
  readonly select?: (files: readonly ScenarioFile[]) => readonly ScenarioFile[];
  /** Whether the boards will boot: they need all their images then, and a device tree of their own. */
  readonly boots?: boolean;
}

/** One scenario for one board. Plain data: another process can be told. */
export interface Job {
  readonly board: BoardEntry;
  readonly scenario: string;
  /** Full path of the scenario's file; absent: the board boots, and nothing is done on it. */
  readonly file?: string | undefined;
}

export interface RunPlan {
  /** Board by board, each in the order in which they run there. */
  readonly jobs: readonly Job[];
  /** Pairs that were left out, with the reason. */
  readonly leftOut: readonly LeftOut[];
}

/**
 * Says which scenario runs on which board; the rest is left out. Scenarios are not read further than that takes.
 * @throws UsageError where nothing is left to be run
 * @throws ConfigurationError where a file is no scenario, a board that was asked for is wrong, or all boards are
 */
export function planJobs(request: PlanRequest, lab: LoadedLab): RunPlan {
  const boards = boardsFor(request, lab);
  const named =
    request.scenarios.length === 0
      ? listScenarios()
      : request.scenarios.map(name => findScenario(name, request.cwd));
  const files = request.select?.(named) ?? named;
  const jobs: Job[] = [];
  const leftOut: LeftOut[] = [];
  for (const entry of boards) {
    const mistake = request.boots === true ? bootMistake(entry) : undefined;
    if (mistake !== undefined && request.boards.length > 0) throw mistake;
    const software = softwareOf(entry, request.env);
    const { board } = software;
    for (const file of files) {
      const why = mistake?.message ?? reasonAgainst(file, software);
      if (why === undefined) jobs.push({ board, scenario: file.name, file: file.file });
      else leftOut.push({ board: board.name, scenario: file.name, why });
    }
  }
  if (jobs.length === 0) throw nothingToRun(request, leftOut);
  return { jobs, leftOut };
}

/** @throws ConfigurationError where the scenario is wrong */
export function loadJob({ board, file }: Job): Scenario {
  if (file === undefined) return bootScenario(board.type, labTreeOf(board));
  return loadScenario(file, board.type, labTreeOf(board));
}

/**
 * Those that were asked for, else all of the lab that can run. Of these, `labOf` warns of the others.
 * @throws ConfigurationError where one that was asked for cannot run, or none can
 */
function boardsFor({ boards, images = {} }: PlanRequest, lab: LoadedLab): BoardEntry[] {
  if (boards.length === 0 && lab.boards.size === 0) requireNoMistake(lab);
  const names = boards.length === 0 ? [...lab.boards.keys()] : [...new Set(boards)];
  return names.map(name => withImages(boardOf(lab, name), images));
}

/** Why a scenario cannot run on a board; undefined where it can. */
function reasonAgainst(
  { document }: ScenarioFile,
  { board, xen, toolstack }: BoardSoftware,
): string | undefined {
  const { type } = board;
  if (!fitsBoardType(document, type)) return `it is for ${document.boards?.join(', ')}`;
  const { runsAnySoftware, takesFirmwareFaults, bootsFilesAlone } = abilitiesOf(board);
  if (runsAnySoftware) return undefined;
  // A physical board runs flashed and built software; a scenario does not change it.
  const { linux, linuxRawMode, firmware, payload } = document;
  const xenNeeds = bootsFilesAlone
    ? xenImageDifferences(document, type, xen)
    : xenDifferences(document, type);
  const needs = [
    ...(firmware.profile !== undefined && firmware.profile !== type.firmware
      ? [`firmware ${firmware.profile}`]
      : []),
    ...(takesFirmwareFaults ? [] : firmware.faults.map(fault => `firmware with ${fault}`)),
    ...xenNeeds,
    ...(toolstack !== undefined && Object.keys(document.guests).length > 0
      ? [`${toolstack}: --image tools=DIR`]
      : []),
    ...(payload !== undefined && !bootsFilesAlone && namedImages(board)[payload] === undefined
      ? [`an image ${payload}, in the lab file or by --image ${payload}=PATH`]
      : []),
    ...(linux !== undefined && linux !== type.linux ? [`Linux ${linux}`] : []),
    ...(linuxRawMode === undefined ? [] : kernelsWith(linuxRawMode, type)),
  ];
  return needs.length === 0 ? undefined : `it needs ${needs.join(', ')}`;
}

/** A kernel tells by itself that it has no raw mode; whether its SCMI drivers bind makes it another one. */
function kernelsWith(rawMode: BoardEntry['type']['linuxRawMode'], type: BoardEntry['type']): string[] {
  const isAlone = rawMode === 'exclusive';
  if (isAlone === (type.linuxRawMode === 'exclusive')) return [];
  return [isAlone ? 'a Linux with SCMI raw mode alone' : 'a Linux whose SCMI drivers bind'];
}

/** An emulated board boots whichever Xen is among its images, and the image tells which that is. */
function xenImageDifferences(
  { xen: asked, payload }: ScenarioFile['document'],
  type: BoardEntry['type'],
  image: XenImage | undefined,
): string[] {
  if (image === undefined || payload !== undefined) return [];
  const wanted = { ...type.xen, ...asked };
  if (image.mediator !== wanted.mediator) {
    return [`a Xen with ${mediators[wanted.mediator]}: ${image.text} has ${mediators[image.mediator]}`];
  }
  const { debug, version } = image;
  const isOtherLayer =
    wanted.mediator === 'single-agent' &&
    version !== undefined &&
    hasSciSubsystem({ ...wanted, version }) !== hasSciSubsystem(wanted);
  return [
    ...(isOtherLayer ? [`Xen ${wanted.version ?? '4.21 or later'}, not ${image.text}`] : []),
    ...(asked.debug !== undefined && debug !== undefined && asked.debug !== debug
      ? [`Xen with debug=${asked.debug ? 'y' : 'n'}`]
      : []),
  ];
}

const mediators: Readonly<Record<XenImage['mediator'], string>> = {
  'multi-agent': 'the multi-agent mediator',
  'single-agent': 'the single-agent mediator',
  none: 'no mediator',
};

function xenDifferences({ xen }: ScenarioFile['document'], type: BoardEntry['type']): string[] {
  return [
    ...(xen.mediator !== undefined && xen.mediator !== type.xen.mediator ? [`a ${xen.mediator} Xen`] : []),
    ...(xen.debug !== undefined && xen.debug !== type.xen.debug
      ? [`Xen with debug=${xen.debug ? 'y' : 'n'}`]
      : []),
    ...(xen.version !== undefined && xen.version !== type.xen.version ? [`Xen ${xen.version}`] : []),
  ];
}

/** The lab's own device tree, in place of the board type's. */
export function labTreeOf(board: BoardEntry): { readonly labTree?: string } {
  const labTree = namedImages(board)['dtb'];
  return labTree === undefined ? {} : { labTree };
}

function nothingToRun({ scenarios }: PlanRequest, leftOut: readonly LeftOut[]): UsageError {
  if (leftOut.length === 0) {
    return new UsageError('there is nothing to run', 'see: scmi-hil scenarios, scmi-hil boards');
  }
  const [one] = leftOut;
  const what = scenarios.length === 1 ? `${one?.scenario} runs` : 'these scenarios run';
  const reasons = leftOut.map(({ board, scenario, why }) =>
    scenarios.length === 1 ? `${board}: ${why}` : `${scenario} on ${board}: ${why}`,
  );
  return new UsageError(`${what} on none of the boards`, listed(reasons));
}

/** More reasons than these are told by their number. */
const shownReasons = 8;

function listed(reasons: readonly string[]): string {
  const more = reasons.length - shownReasons;
  return [...reasons.slice(0, shownReasons), ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}
