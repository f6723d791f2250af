/** Options that describe a configuration without a scenario: trees, guests, the builds under test. */
import { messageOf } from '../config/text.ts';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { BoardType } from '../board/board-type.ts';
import { loadBoardType } from '../board/board-types.ts';
import { loadFirmwareProfile } from '../board/firmware-profile.ts';
import { hintAt } from '../config/nearest-name.ts';
import { displayName } from '../config/yaml-file.ts';
import { parseFlat, writeFlat } from '../model/dt/flat.ts';
import { parseSource } from '../model/dt/source.ts';
import type { DeviceTree } from '../model/dt/tree.ts';
import type { LinuxVersion } from '../model/linux/kernel-version.ts';
import { predict } from '../model/predict/predict.ts';
import type { Prediction } from '../model/predict/prediction.ts';
import type { Guest, Scenario } from '../model/predict/scenario.ts';
import { unknownFirmware, untilFirmwareAnswers } from '../model/predict/unknown-firmware.ts';
import { explainingDtErrors } from '../scenario/tree-text.ts';
import { faults } from '../model/scmi/faults.ts';
import type { FirmwareProfile } from '../model/scmi/profile.ts';
import type { XenBuild } from '../model/xen/build.ts';
import { domainNodes } from '../model/xen/modules.ts';
import { parseXlConfig } from '../model/xl/xl-config.ts';
import { UsageError } from './command.ts';
import { repeated } from './repeated.ts';

export interface ConfigurationOptions {
  readonly hostDt?: string;
  readonly boardType?: string;
  readonly xlCfg: readonly string[];
  readonly partialDt: readonly string[];
  readonly xen?: XenBuild['mediator'];
  readonly xenDebug?: 'yes' | 'no';
  readonly xenVersion?: string;
  readonly firmware?: string;
  readonly firmwareFault: readonly string[];
  readonly linux?: LinuxVersion;
}

/** Adds the options to a command. */
export function addConfigurationOptions(command: Command): Command {
  return command
    .option('--host-dt <file>', "the host's device tree, blob or source")
    .option('--board-type <type>', 'firmware, Xen and Linux of this type of board')
    .option('--xl-cfg <file>', 'create a guest with this xl configuration; in order', repeated, [])
    .option(
      '--partial-dt <[node=]file>',
      "a guest's partial device tree, in the order of the guests; with NODE= of a dom0less domain",
      repeated,
      [],
    )
    .addOption(
      new Option('--xen <mediator>', 'SCMI driver of the Xen build').choices([
        'multi-agent',
        'single-agent',
        'none',
      ]),
    )
    .addOption(new Option('--xen-debug <yes|no>', 'whether it is a debug build').choices(['yes', 'no']))
    .option('--xen-version <version>', 'version of Xen, as 4.20')
    .option('--firmware <name|file>', 'profile of the SCMI firmware')
    .option('--firmware-fault <name>', 'a fault that the firmware has', collectFault, [])
    .addOption(new Option('--linux <version>', 'series of the kernels').choices(['6.1', '6.12', '7.2']));
}

/**
 * The configuration as a scenario that creates its guests in order.
 * @param cwd directory that relative names are in
 * @throws {UsageError} for a file that is missing, or options that do not go together
 * @throws {ConfigurationError} for a file that is wrong
 */
export function scenarioOf(options: ConfigurationOptions, cwd: string): Scenario {
  if (options.hostDt === undefined) {
    throw new UsageError('no device tree was given', 'give --host-dt FILE');
  }
  const board = options.boardType === undefined ? undefined : loadBoardType(options.boardType);
  const hostTree = readTree(path.resolve(cwd, options.hostDt));
  const partial = partialTrees(options.partialDt, hostTree, options.xlCfg.length, cwd);
  const guests = options.xlCfg.map((file, index) =>
    readGuest(path.resolve(cwd, file), index, partial.guests[index] ?? partial.guests.at(-1)),
  );
  return {
    name: path.basename(options.hostDt),
    title: `configuration of ${options.hostDt}`,
    claims: [],
    xen: buildOf(options, board),
    linux: options.linux ?? board?.linux ?? '6.12',
    linuxDrivers: board?.linuxDrivers ?? [],
    linuxRawMode: board?.linuxRawMode ?? 'none',
    firmware: { profile: firmwareOf(options, board, hostTree), faults: options.firmwareFault },
    hostTree,
    dom0less: partial.domains,
    guests: new Map(guests.map((guest, index) => [keyOf(guest, index), guest])),
    steps: guests.map((guest, index) => ({ do: 'create', guest: keyOf(guest, index) })),
    statements: [],
  };
}

/** Without a word about it, the reference firmware where the tree has a page of that; else one that is not known. */
function firmwareOf(
  { firmware, firmwareFault }: ConfigurationOptions,
  board: BoardType | undefined,
  hostTree: DeviceTree,
): FirmwareProfile {
  const named = firmware ?? board?.firmware;
  const profile = loadFirmwareProfile(named ?? 'reference');
  if (named !== undefined || firmwareFault.length > 0) return profile;
  const pages = profile.agents.map(({ shmem }) => shmem);
  const isLikely = [...hostTree.root.walk()].some(
    node =>
      node.isCompatible('arm,scmi-shmem') && (node.cells('reg') ?? []).some(cell => pages.includes(cell)),
  );
  return isLikely ? profile : unknownFirmware(profile);
}

/** The prediction of such a scenario: of a firmware that is not known nothing but what holds for any. */
export function predictGiven(scenario: Scenario): Prediction {
  const prediction = predict(scenario);
  return scenario.firmware.profile.name === 'unknown' ? untilFirmwareAnswers(prediction) : prediction;
}

/** Options over what the board type has. */
export function buildOf(options: Partial<ConfigurationOptions>, board: BoardType | undefined): XenBuild {
  const base: XenBuild = board?.xen ?? { mediator: 'multi-agent', debug: true };
  const version = options.xenVersion ?? base.version;
  return {
    mediator: options.xen ?? base.mediator,
    debug: options.xenDebug === undefined ? base.debug : options.xenDebug === 'yes',
    ...(version === undefined ? {} : { version }),
  };
}

/** The same configuration may be created twice: each time it is a guest of its own here. */
const keyOf = (guest: Guest, index: number): string => `${index + 1}:${guest.name}`;

function partialTrees(
  given: readonly string[],
  hostTree: DeviceTree,
  guests: number,
  cwd: string,
): { readonly guests: readonly DeviceTree[]; readonly domains: ReadonlyMap<string, DeviceTree> } {
  const domains = domainNodes(hostTree).map(({ name }) => name);
  const named = new Map<string, DeviceTree>();
  const inOrder: DeviceTree[] = [];
  for (const each of given) {
    const [, node, file = each] = /^([^=/\\]+)=(.+)$/.exec(each) ?? [];
    const tree = readTree(path.resolve(cwd, file));
    if (node === undefined) inOrder.push(tree);
    else if (domains.includes(node)) named.set(node, tree);
    else {
      throw new UsageError(
        `--partial-dt ${each}: /chosen has no domain ${node}`,
        domains.length === 0 ? 'the host tree has no dom0less domains' : hintAt(node, domains),
      );
    }
  }
  // Without xl configurations the trees can only be those of the domains that Xen builds.
  if (guests === 0) {
    for (const [index, tree] of inOrder.entries()) {
      const node = domains[index];
      if (node !== undefined && !named.has(node)) named.set(node, tree);
    }
  }
  return { guests: inOrder, domains: named };
}

/** The partial tree is put where the configuration looks for it. */
function readGuest(file: string, index: number, partial: DeviceTree | undefined): Guest {
  const config = new TextDecoder().decode(readFile(file));
  const wanted = parseXlConfig(config, file).config.string('device_tree');
  const files = new Map<string, Uint8Array>();
  if (wanted !== undefined) {
    const beside = path.resolve(path.dirname(file), path.basename(wanted));
    if (partial !== undefined) files.set(wanted, writeFlat(partial));
    else if (isFile(beside)) files.set(wanted, readFile(beside));
  }
  const name = path.basename(file).replace(/\.[^.]*$/, '') || `guest${index + 1}`;
  return { name, config, origin: displayName(file), files };
}

/** A blob begins with its magic number; everything else is source. */
function readTree(file: string): DeviceTree {
  const bytes = readFile(file);
  const isBlob = [0xd0, 0x0d, 0xfe, 0xed].every((byte, index) => bytes[index] === byte);
  const include = (name: string, from: string): string =>
    new TextDecoder().decode(readFile(path.resolve(path.dirname(from), name)));
  return explainingDtErrors(() =>
    isBlob
      ? parseFlat(bytes, displayName(file))
      : parseSource(new TextDecoder().decode(bytes), { file: displayName(file), include }),
  );
}

function readFile(file: string): Uint8Array {
  try {
    const found = statSync(file);
    if (found.isCharacterDevice()) throw new Error('it is a device, not a file');
    if (found.size > LARGEST) throw new Error(`it is larger than ${LARGEST} bytes`);
    return readFileSync(file);
  } catch (error) {
    const why = messageOf(error);
    throw new UsageError(`${displayName(file)} cannot be read: ${why}`, 'is it the right file?', {
      cause: error,
    });
  }
}

function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** For `--firmware-fault`, which may be given again and again. */
export function collectFault(value: string, before: readonly string[]): readonly string[] {
  if (faults.has(value)) return repeated(value, before);
  throw new InvalidArgumentError(`There is no such fault; known are ${[...faults.keys()].join(', ')}.`);
}

/** No device tree or configuration comes near it. */
const LARGEST = 16 * 1024 * 1024;
