/** Fits a scenario to one board: fills in its agents, pages and trees. What files hold is given from outside. */
import type { BoardType } from '../board/board-type.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import type { YamlFile } from '../config/yaml-file.ts';
import type { FirmwareProfile } from '../model/scmi/profile.ts';
import type { XenBuild } from '../model/xen/build.ts';
import { agentOf, fitGuest, type GuestContext } from './guests.ts';
import { buildHostTree } from './host-tree.ts';
import type { Scenario } from '../model/predict/scenario.ts';
import type { ScenarioDocument } from './schema.ts';
import { fitStatements, fitSteps } from './steps.ts';
import { boardValues, type SourceText } from './templates.ts';
import { readTree, type TreeSource } from './tree-text.ts';

export interface FitInputs {
  readonly file: YamlFile<ScenarioDocument>;
  readonly board: BoardType;
  /** The scenario's firmware profile, or the board type's. */
  readonly firmware: FirmwareProfile;
  /** A file that the scenario names, relative to itself. */
  readonly ofScenario: (file: string) => TreeSource;
  /** A file that the board type (or the lab) names. */
  readonly ofBoard: (file: string) => TreeSource;
  /** The lab's own device tree in place of the board type's. */
  readonly labTree?: string | undefined;
}

/**
 * @returns what `predict` and `run` take
 * @throws ConfigurationError with file and line: a template without value, an agent that the board lacks, a
 *   step about a domain that is not there, a device tree that does not compile
 */
export function fitScenario(inputs: FitInputs): Scenario {
  const { file, board, firmware, labTree, ofBoard } = inputs;
  const document = file.value;
  requireBoardType(inputs);
  requireAlone(file);
  const values = boardValues(board, firmware);
  const xen: XenBuild = { ...board.xen, ...document.xen };

  const source = (field: readonly PropertyKey[], text: string): SourceText => ({
    name: file.name,
    text,
    firstLine: file.line(field),
  });
  const ofScenario = (field: readonly PropertyKey[], textOrFile: string): TreeSource =>
    textOrFile.includes('\n') ? source(field, textOrFile) : inputs.ofScenario(textOrFile);
  const text = (field: readonly PropertyKey[], textOrFile: string): SourceText => {
    const found = ofScenario(field, textOrFile);
    if ('text' in found) return found;
    throw new ConfigurationError(`${file.place(field)}: ${textOrFile} is a device tree blob, not a text`);
  };

  const { place } = file;
  const guestContext = { board, firmware, xen, values, place, text, ofScenario, ofBoard };
  const guests = Object.entries(document.guests).map(
    ([name, guest], index) => [name, fitGuest(name, guest, index, guestContext)] as const,
  );
  const dom0less = Object.entries(document.dom0less).map(([name, { partialTree }]) => {
    const tree = ofScenario(['dom0less', name, 'partialTree'], partialTree);
    return [name, readTree(tree, values)] as const;
  });
  const stepContext = {
    document,
    board,
    firmware,
    values,
    place,
    source,
    agentOf: (name: string) => agentOfGuest(name, document, guestContext),
  };
  return {
    name: document.name,
    title: document.title,
    claims: document.claims,
    lintErrors: document.lintErrors,
    xen,
    linux: document.linux ?? board.linux,
    linuxDrivers: board.linuxDrivers,
    linuxRawMode: document.linuxRawMode ?? board.linuxRawMode,
    firmware: { profile: firmware, faults: document.firmware.faults },
    hostTree: buildHostTree({ host: document.host, board, labTree, values, ofScenario, ofBoard, source }),
    dom0less: new Map(dom0less),
    guests: new Map(guests),
    ...(document.payload === undefined ? {} : { payload: document.payload }),
    ...(board.dom0.probe === undefined ? {} : { probe: board.dom0.probe }),
    steps: fitSteps(stepContext),
    statements: fitStatements(stepContext),
  };
}

/** Whether a scenario is meant for a type of board. */
export function fitsBoardType(document: ScenarioDocument, board: BoardType): boolean {
  return document.boards?.some(type => board.lineage.includes(type)) ?? true;
}

function agentOfGuest(name: string, { guests }: ScenarioDocument, context: GuestContext): number | null {
  const index = Object.keys(guests).indexOf(name);
  const guest = guests[name];
  return guest === undefined ? null : agentOf(name, guest, index, context);
}

function requireAlone({ value: { payload, guests, dom0less }, place }: YamlFile<ScenarioDocument>): void {
  if (payload === undefined) return;
  for (const [field, domains] of Object.entries({ guests, dom0less })) {
    if (Object.keys(domains).length === 0) continue;
    throw new ConfigurationError(
      `${place([field])}: with payload ${payload} there is no Xen, so no ${field}`,
    );
  }
}

function requireBoardType({ file, board }: FitInputs): void {
  if (fitsBoardType(file.value, board)) return;
  throw new ConfigurationError(
    `${file.place(['boards'])}: ${file.value.name} is not for ${board.type}`,
    `it is for ${file.value.boards?.join(', ')}`,
  );
}
