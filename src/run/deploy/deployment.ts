/** A board's deployment for one scenario: its files by the names it asks for, and the commands that load them. */
import type { BootPlan } from '../../../machines/boot.ts';
import type { Eeprom, UBoot } from '../../board/board-type.ts';
import type { PlannedBoard } from '../../lab/planned-board.ts';
import { writeFlat } from '../../model/dt/flat.ts';
import type { DeviceTree } from '../../model/dt/tree.ts';
import { fitImage } from '../../lab/images/fit.ts';
import { uBootScript } from '../../lab/images/u-boot-script.ts';
import type { Scenario } from '../../model/predict/scenario.ts';
import { type BootModule, withBootModules } from './boot-modules.ts';
import { bytesOf, type DeployedFile, imageOf, sizeOf } from './deployed-file.ts';
import { type DomainModule, domainModules } from './domain-modules.ts';
import { bootingPayload } from './payload.ts';
import {
  behind,
  endOf,
  type Placed,
  type PlaceProblem,
  placeProblems,
  requireNone,
  treeGrowth,
  treeProblems,
} from './places.ts';
import {
  type Fetched,
  networkCommands,
  preparingCommands,
  scriptText,
  startCommand,
  treeOf,
} from './u-boot-commands.ts';

export interface Deployment {
  /** Served files, by the name that the board asks for. */
  readonly files: ReadonlyMap<string, DeployedFile>;
  /** Source files, by the names of the lab. */
  readonly images: ReadonlyMap<string, DeployedFile>;
  /** The host tree as the board gets it, boot modules included. */
  readonly hostTree: DeviceTree;
  /** Where in memory each file is when Xen starts. */
  readonly placed: readonly Placed[];
  readonly boot: BootPlan;
  /** U-Boot's commands, from its network's settings to the start of Xen; absent without U-Boot. */
  readonly bootScript?: string;
}

/**
 * Lays out the board's memory and makes what it is to fetch.
 * @throws ConfigurationError where the lab names no file for what the board type loads, a file cannot be
 *   read, or the places in memory overlap or lie outside the board's memory
 */
export async function prepareDeployment(board: PlannedBoard, scenario: Scenario): Promise<Deployment> {
  const { problems, ...deployment } = await planDeployment(board, scenario);
  requireNone(problems);
  return deployment;
}

/**
 * As `prepareDeployment`, but tells all that is wrong with the places in memory.
 * @throws ConfigurationError where a file is missing or cannot be read
 */
export async function planDeployment(
  given: PlannedBoard,
  scenario: Scenario,
): Promise<Deployment & { readonly problems: readonly PlaceProblem[] }> {
  const { payload } = scenario;
  const board = payload === undefined ? given : bootingPayload(given, payload);
  const { eeprom, uBoot } = board.type.boot;
  const domains = domainModules(board, scenario);
  const loadsKernel = uBoot?.load.some(({ module }) => module === kernel) === true;
  const rows = await Promise.all(
    (eeprom?.rows ?? []).map(row => fill(board, row, loadsKernel ? [] : domains)),
  );
  const loaded = await place(board, uBoot?.load ?? [], loadsKernel ? domains : []);

  const inRows = rows.flatMap(({ parts }) => parts);
  const hostTree = withBootModules(scenario.hostTree, modulesOf([...inRows, ...loaded]));
  const dtb = writeFlat(hostTree);
  const made = new Map<string, DeployedFile>([
    ['dtb', dtb],
    ['config.txt', new TextEncoder().encode(eeprom?.config ?? '')],
    ['cmdline.txt', new Uint8Array()],
    ...rows.map(({ file, bytes }) => [file, bytes] as const),
    ...domains.map(({ file, content }) => [file, content] as const),
  ]);
  const contentOf = (file: string) => made.get(file) ?? imageOf(board, file);

  const tree = uBoot?.load.find(({ file }) => file === 'dtb');
  const load: Part[] = [
    ...(tree === undefined
      ? []
      : [{ file: tree.file, address: tree.address, size: dtb.length, span: dtb.length + treeGrowth }]),
    ...loaded,
  ];
  const fit = await fitOf(uBoot, load, contentOf);
  if (fit !== undefined) made.set(fit.file, fit.bytes);
  const fetched = fit === undefined ? load : [...load.filter(({ file }) => !fit.within.includes(file)), fit];
  const inMemory = [...inRows, ...load, ...(fit === undefined ? [] : [fit])];
  const told = uBoot && toldUBoot(board, uBoot, { load: fetched, placed: inMemory, hostTree });
  const placed = [...inMemory, ...(told?.script === undefined ? [] : [told.script])];
  const files = new Map<string, DeployedFile>();
  for (const [asked, file] of Object.entries(eeprom?.files ?? {})) files.set(asked, contentOf(file));
  if (told?.script !== undefined) files.set(told.script.file, told.script.bytes);
  for (const { file } of fetched) files.set(file, contentOf(file));
  const parts = [
    ...Object.values(eeprom?.files ?? {}),
    ...[...inRows, ...load].map(({ file }) => file),
    ...(uBoot?.fit === undefined ? [] : [uBoot.fit.bl31.file]),
  ];
  return {
    files,
    images: imagesOf(board, parts, domains),
    hostTree,
    placed,
    boot: {
      ...(eeprom !== undefined && { eeprom: { kernel: eeprom.kernel, files: Object.keys(eeprom.files) } }),
      ...(told !== undefined && { uBoot: told.plan }),
    },
    ...(told !== undefined && { bootScript: told.bootScript }),
    problems: [
      ...placeProblems({ ...board, firmware: scenario.firmware, hostTree, placed }),
      ...treeProblems(dtb.length),
    ],
  };
}

/** The image in which U-Boot gets Xen and the tree with BL31, behind all else in memory. */
async function fitOf(
  uBoot: UBoot | undefined,
  load: readonly Part[],
  contentOf: (file: string) => DeployedFile,
): Promise<(Part & { readonly bytes: Uint8Array; readonly within: readonly string[] }) | undefined> {
  if (uBoot?.fit === undefined) return undefined;
  const { kernel: started, bl31 } = uBoot.fit;
  const part = async (file: string, address: number) => ({ bytes: await bytesOf(contentOf(file)), address });
  const at = (file: string) => load.find(each => each.file === file)?.address ?? 0;
  const bytes = fitImage({
    kernel: await part(started, at(started)),
    tree: await part('dtb', at('dtb')),
    bl31: await part(bl31.file, bl31.address),
  });
  const { length: size } = bytes;
  return { file: 'fit', address: behind(endOf(load)), size, span: size, bytes, within: [started, 'dtb'] };
}

/** Those of the lab among the files, and what an emulator starts with. */
function imagesOf(
  { type, images }: PlannedBoard,
  files: readonly string[],
  domains: readonly DomainModule[],
): ReadonlyMap<string, DeployedFile> {
  const started = [...(type.emulator?.arguments.join(' ').matchAll(/\$\{([^}]+)\}/g) ?? [])];
  const names = [...started.map(([, name = '']) => name), ...files];
  return new Map(
    names.flatMap(name => {
      const ofDomain = domains.find(
        ({ file, module }) => file === name && module.kind !== 'multiboot,device-tree',
      );
      const content = images.get(name) ?? ofDomain?.content;
      return content === undefined ? [] : [[name, content] as const];
    }),
  );
}

const kernel = 'multiboot,kernel';

/** Something in memory, and what Xen is told that it is. */
interface Part extends Placed {
  readonly module?: Pick<BootModule, 'kind' | 'domain'>;
}

/**
 * A file that is made of others, each on a boundary. The modules of the domains follow in the row that has Dom0's
 * kernel.
 */
async function fill(board: PlannedBoard, row: Eeprom['rows'][number], domains: readonly DomainModule[]) {
  const hasKernel = row.parts.some(({ module }) => module === kernel);
  const contents = [
    ...row.parts.map(({ file, module }) => ({
      file,
      content: imageOf(board, file),
      ...(module !== undefined && { module: { kind: module } }),
    })),
    ...(hasKernel ? domains : []),
  ];
  const parts: Part[] = [];
  const pieces: Uint8Array[] = [];
  let written = 0;
  for (const { content, ...part } of contents) {
    const bytes = await bytesOf(content);
    const address = parts.length === 0 ? row.address : behind(endOf(parts));
    parts.push({ ...part, address, ...(await sizeOf(content)) });
    pieces.push(new Uint8Array(address - row.address - written), bytes);
    written = address - row.address + bytes.length;
  }
  return { file: row.file, parts, bytes: new Uint8Array(Buffer.concat(pieces)) };
}

/** Files that U-Boot fetches, but for the device tree, which is made after all else has its place. */
async function place(
  board: PlannedBoard,
  load: UBoot['load'],
  domains: readonly DomainModule[],
): Promise<readonly Part[]> {
  const parts: Part[] = [];
  for (const { file, address, module } of load) {
    if (file === 'dtb') continue;
    const size = await sizeOf(imageOf(board, file));
    parts.push({ file, address, ...size, ...(module !== undefined && { module: { kind: module } }) });
  }
  for (const { content, ...part } of domains) {
    parts.push({ ...part, address: behind(endOf(parts)), ...(await sizeOf(content)) });
  }
  return parts;
}

function modulesOf(parts: readonly Part[]): BootModule[] {
  return parts.flatMap(({ module, address, size }) =>
    module === undefined ? [] : [{ ...module, address, size }],
  );
}

interface Loaded {
  readonly load: readonly Part[];
  readonly placed: readonly Placed[];
  readonly hostTree: DeviceTree;
}

/** Name of the script that U-Boot fetches. */
const scriptName = 'boot.scr';

/** Typed commands; and scripts of the part that is typed otherwise and of all of it. */
function toldUBoot(board: PlannedBoard, uBoot: UBoot, { load, placed, hostTree }: Loaded) {
  const { interrupt } = uBoot;
  const start = startCommand(uBoot, placed);
  const asked = (file: string) => `${board.tftp.below ?? ''}${file}`;
  const network = load.length === 0 ? [] : networkCommands(board);
  const preparing = preparingCommands(uBoot);
  const fetched = load.map(({ file, address, size, module }) => ({
    file: asked(file),
    address,
    size,
    // The tree in a FIT is sealed: what it says of modules is what was there when it was made.
    isModule: module !== undefined && uBoot.fit === undefined,
  }));
  const typed = fetched.map(({ file, address, size }) => ({ file, address, size }));
  const parts = {
    load: fetched satisfies Fetched[],
    hostTree,
    tree: uBoot.fit === undefined ? treeOf(start) : '',
  };
  const bootScript = scriptText({ ...parts, before: [...network, ...preparing], last: start });
  if (!uBoot.script) {
    const commands = [...network, ...preparing];
    return { plan: { interrupt, commands, load: typed, start }, bootScript };
  }
  const text = scriptText({ ...parts, before: preparing, last: 'echo all files have come' });
  const bytes = uBootScript(text, 'scmi-hil');
  const { length: size } = bytes;
  const script = { file: scriptName, address: behind(endOf(placed)), size, span: size, bytes };
  return {
    plan: {
      interrupt,
      commands: network,
      load: [{ file: asked(scriptName), address: script.address, size }],
      script: { command: `source 0x${script.address.toString(16)}`, load: typed },
      start,
    },
    bootScript,
    script,
  };
}
