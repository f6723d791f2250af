/** Reads scenarios from disk. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { BoardType } from '../board/board-type.ts';
import { dataFile } from '../board/board-types.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { loadFirmwareProfile } from '../board/firmware-profile.ts';
import { hintAt } from '../config/nearest-name.ts';
import { projectDirectory } from '../config/project-directory.ts';
import {
  displayName,
  parseYaml,
  readText,
  readYamlFile,
  whyUnreadable,
  type YamlFile,
} from '../config/yaml-file.ts';
import { rules } from '../model/lint/rules.ts';
import { faults } from '../model/scmi/faults.ts';
import type { FirmwareProfile } from '../model/scmi/profile.ts';
import { checkStatements } from './check-statements.ts';
import { fitScenario } from './fit.ts';
import type { Scenario } from '../model/predict/scenario.ts';
import { type ScenarioDocument, scenarioSchema } from './schema.ts';
import type { TreeSource } from './tree-text.ts';

/** The scenarios that come with the program. */
const shippedScenarios: string = path.join(projectDirectory, 'scenarios');

export interface ScenarioFile {
  readonly name: string;
  /** Full path. */
  readonly file: string;
  readonly document: ScenarioDocument;
}

/**
 * Reads a scenario and fits it to a board.
 * @param file path of the YAML file
 * @param options.labTree the lab's own device tree blob, in place of the board type's tree
 * @throws ConfigurationError with file, line and field
 */
export function loadScenario(
  file: string,
  board: BoardType,
  options: { readonly labTree?: string | undefined } = {},
): Scenario {
  const scenario = readScenario(file);
  const directory = path.dirname(path.resolve(file));
  const { labTree } = options;
  const fitted = fitScenario({
    file: scenario,
    board,
    firmware: firmwareOf(scenario, directory, board),
    ofScenario: name => readTreeFile(path.resolve(directory, name)),
    ofBoard,
    labTree,
  });
  const control = () => ({
    ...controlScenario(board, labTree),
    xen: fitted.xen,
    linux: fitted.linux,
    firmware: fitted.firmware,
  });
  checkStatements({ scenario: fitted, place: scenario.place, control });
  return fitted;
}

/** The board as it stands, with a guest that is created and destroyed. */
function controlScenario(board: BoardType, labTree: string | undefined): Scenario {
  const guest =
    board.agents.guests.length === 0
      ? ''
      : ', guests: { guest: {} }, steps: [{ create: guest }, { destroy: guest }]';
  const text = `{ schema: 1, name: control, title: "${board.type} and a guest"${guest} }`;
  return fitScenario({
    file: parseYaml(text, board.type, scenarioSchema),
    board,
    firmware: loadFirmwareProfile(board.firmware),
    ofScenario: ofBoard,
    ofBoard,
    labTree,
  });
}

/** A name is a shipped profile's, a file is relative to the scenario. */
function firmwareOf(
  { value, place }: YamlFile<ScenarioDocument>,
  directory: string,
  board: BoardType,
): FirmwareProfile {
  const { profile } = value.firmware;
  if (profile === undefined) return loadFirmwareProfile(board.firmware);
  try {
    return loadFirmwareProfile(profile.endsWith('.yaml') ? path.resolve(directory, profile) : profile);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const at = place(['firmware', 'profile']);
    throw new ConfigurationError(`${at}: firmware.profile: ${error.message}`, error.hint, { cause: error });
  }
}

/**
 * A board as it stands: a scenario that boots it and does nothing.
 * @param options.firmware name or file of a profile, in place of the board type's
 * @param options.labTree the lab's own device tree blob, in place of the board type's tree
 * @throws ConfigurationError where the board's trees or the profile are wrong
 */
export function bootScenario(
  board: BoardType,
  { firmware = board.firmware, labTree }: { readonly firmware?: string; readonly labTree?: string } = {},
): Scenario {
  return fitScenario({
    file: parseYaml(`{ schema: 1, name: boot, title: "${board.type} boots" }`, board.type, scenarioSchema),
    board,
    firmware: loadFirmwareProfile(firmware),
    ofScenario: ofBoard,
    ofBoard,
    labTree,
  });
}

/**
 * All scenarios of a directory by name, read but not fitted to a board.
 * @throws ConfigurationError where one of them is wrong
 */
export function listScenarios(directory: string = shippedScenarios): ScenarioFile[] {
  return [...eachScenario(directory)];
}

/** As `listScenarios`, one at a time: reading all of them takes a second, in which a signal would not be heard. */
export function* eachScenario(
  directory: string = shippedScenarios,
): Generator<ScenarioFile, undefined, void> {
  for (const file of yamlFiles(directory)) yield describe(path.join(directory, file));
}

/**
 * The scenario that a user names: a shipped one, or a file that ends in .yaml.
 * @throws ConfigurationError that names the nearest ones
 */
export function findScenario(nameOrFile: string, cwd: string): ScenarioFile {
  if (/\.ya?ml$/.test(nameOrFile)) return describe(path.resolve(cwd, nameOrFile));
  const names = yamlFiles(shippedScenarios).map(file => file.replace(/\.yaml$/, ''));
  if (names.includes(nameOrFile)) return describe(path.join(shippedScenarios, `${nameOrFile}.yaml`));
  if (nameOrFile === '')
    throw new ConfigurationError('the name of the scenario is empty', 'see: scmi-hil scenarios');
  const isThere = existsSync(path.resolve(cwd, nameOrFile));
  throw new ConfigurationError(
    `there is no scenario ${nameOrFile}`,
    isThere
      ? `${nameOrFile} is there, but a file with a scenario has a name that ends in .yaml`
      : `${hintAt(nameOrFile, names)} (or give a file that ends in .yaml)`,
  );
}

function describe(file: string): ScenarioFile {
  const document = readScenario(file).value;
  return { name: document.name, file, document };
}

function readScenario(file: string): YamlFile<ScenarioDocument> {
  const scenario = readYamlFile(file, scenarioSchema);
  const expected = path.basename(file).replace(/\.ya?ml$/, '');
  const { name, firmware } = scenario.value;
  if (name !== expected) {
    throw new ConfigurationError(
      `${scenario.place(['name'])}: name: is ${name}, but the file is called ${displayName(file)}`,
      `call it ${name}.yaml, or the scenario ${expected}`,
    );
  }
  firmware.faults.forEach((fault, index) => {
    if (faults.has(fault)) return;
    const place = scenario.place(['firmware', 'faults', index]);
    throw new ConfigurationError(
      `${place}: there is no firmware fault ${fault}`,
      hintAt(fault, [...faults.keys()]),
    );
  });
  scenario.value.lintErrors.forEach((rule, index) => {
    const ids = rules.filter(({ severity }) => severity === 'error').map(({ id }) => id);
    if (ids.includes(rule)) return;
    throw new ConfigurationError(
      `${scenario.place(['lintErrors', index])}: lintErrors[${index}]: lint has no errors ${rule}`,
      `${hintAt(rule, ids)} (see: scmi-hil lint --rules)`,
    );
  });
  return scenario;
}

function yamlFiles(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter(file => file.endsWith('.yaml'))
      .toSorted();
  } catch (error) {
    throw new ConfigurationError(`${displayName(directory)}: cannot be listed`, undefined, { cause: error });
  }
}

/** A tree that a board type names. */
function ofBoard(name: string): TreeSource {
  return readTreeFile(dataFile(name));
}

/** A device tree: a blob where the name says so, else source. */
function readTreeFile(file: string): TreeSource {
  const name = displayName(file);
  if (!/\.dtbo?$/.test(file)) return { name, text: readText(file), firstLine: 1 };
  try {
    return { name, bytes: readFileSync(file) };
  } catch (error) {
    throw new ConfigurationError(`${name}: ${whyUnreadable(error)}`, undefined, { cause: error });
  }
}
