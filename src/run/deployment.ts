/** What a board is given for one scenario: its files by the names it asks for, and how it is told to load them. */
import type { BootPlan } from '../../machines/boot.ts';
import type { Eeprom, UBoot } from '../board/board-type.ts';
import type { OpenBoard } from '../board/open-board.ts';
import { writeFlat } from '../dt/flat.ts';
import type { DeviceTree } from '../dt/tree.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { type BootModule, withBootModules } from './boot-modules.ts';
import { bytesOf, type DeployedFile, imageOf, sizeOf } from './deployed-file.ts';
import { type DomainModule, domainModules } from './domain-modules.ts';
import { bootingPayload } from './payload.ts';
import { behind, endOf, type Placed, requirePlaces } from './places.ts';
import { preparingCommands, startCommand } from './u-boot-commands.ts';

export interface Deployment {
  readonly files: ReadonlyMap<string, DeployedFile>;
  /** The host tree as the board gets it, boot modules included. */
  readonly hostTree: DeviceTree;
  readonly boot: BootPlan;
}

/**
 * Lays out the board's memory and makes what it is to fetch.
 * @throws ConfigurationError where the lab names no file for what the board type loads, a file cannot be
 *   read, or the places in memory overlap or lie outside the board's memory
 */
export async function prepareDeployment(opened: OpenBoard, scenario: Scenario): Promise<Deployment> {
  const { payload } = scenario;
  const board = payload === undefined ? opened : bootingPayload(opened, payload);
  const { eeprom, uBoot } = board.type.boot;
  const domains = domainModules(board, scenario);
  const loadsKernel = uBoot?.load.some(({ module }) => module === kernel) === true;
  const rows = await Promise.all(
    (eeprom?.rows ?? []).map(row => fill(board, row, loadsKernel ? [] : domains)),
  );
  const loaded = await place(board, uBoot?.load ?? [], loadsKernel ? domains : []);

  const inRows = rows.flatMap(({ parts }) => parts);
  const hostTree = withBootModules(scenario.hostTree, modulesOf([...inRows, ...loaded]));
  const made = new Map<string, DeployedFile>([
    ['dtb', writeFlat(hostTree)],
    ['config.txt', new TextEncoder().encode(eeprom?.config ?? '')],
    ['cmdline.txt', new Uint8Array()],
    ...rows.map(({ file, bytes }) => [file, bytes] as const),
    ...domains.map(({ file, content }) => [file, content] as const),
  ]);
  const contentOf = (file: string) => made.get(file) ?? imageOf(board, file);

  const tree = uBoot?.load.find(({ file }) => file === 'dtb');
  const load = tree === undefined ? loaded : [{ ...tree, ...(await sizeOf(contentOf('dtb'))) }, ...loaded];
  requirePlaces(board.type, scenario.firmware, [...inRows, ...load]);
  const files = new Map<string, DeployedFile>();
  for (const [asked, file] of Object.entries(eeprom?.files ?? {})) files.set(asked, contentOf(file));
  for (const { file } of load) files.set(file, contentOf(file));
  return { files, hostTree, boot: plan(board, load, [...inRows, ...load]) };
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
async function fill(board: OpenBoard, row: Eeprom['rows'][number], domains: readonly DomainModule[]) {
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

/** What U-Boot fetches, but for the device tree, which is made when all else has its place. */
async function place(
  board: OpenBoard,
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

function plan(board: OpenBoard, load: readonly Placed[], placed: readonly Placed[]): BootPlan {
  const { eeprom, uBoot } = board.type.boot;
  return {
    ...(eeprom !== undefined && { eeprom: { kernel: eeprom.kernel } }),
    ...(uBoot !== undefined && {
      uBoot: {
        interrupt: uBoot.interrupt,
        commands: preparingCommands(board, uBoot),
        load: load.map(({ file, address, size }) => ({
          file: `${board.tftp.below ?? ''}${file}`,
          address,
          size,
        })),
        start: startCommand(uBoot, placed),
      },
    }),
  };
}
