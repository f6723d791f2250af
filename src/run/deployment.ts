/** What a board is given for one scenario: its files by the names it asks for, and how it is told to load them. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { BootPlan } from '../../machines/boot.ts';
import type { BootChain, BoardType } from '../board/board-type.ts';
import { ConfigurationError } from '../board/configuration-error.ts';
import type { OpenBoard } from '../board/open-board.ts';
import { writeFlat } from '../dt/flat.ts';
import type { DeviceTree } from '../dt/tree.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { type BootModule, withBootModules } from './boot-modules.ts';

export type DeployedFile = string | Uint8Array;

export interface Deployment {
  /** By the name that the board asks for: a path on this machine, or the bytes. */
  readonly files: ReadonlyMap<string, DeployedFile>;
  /** The host tree as the board gets it, boot modules included. */
  readonly hostTree: DeviceTree;
  readonly boot: BootPlan;
}

/**
 * @throws ConfigurationError where the lab names no file for what the board type loads, a file cannot be
 *   read, or the places in memory overlap or lie outside the board's memory
 */
export async function prepareDeployment(board: OpenBoard, scenario: Scenario): Promise<Deployment> {
  const { boot } = board.type;
  return boot.chain === 'u-boot-tftp' ? forUBoot(board, scenario, boot) : forEeprom(board, scenario, boot);
}

/** SHA-256 of each file by its name, in hexadecimal. */
export async function checksums(files: Deployment['files']): Promise<Record<string, string>> {
  const sums: Record<string, string> = {};
  for (const [name, file] of files) {
    const hash = createHash('sha256');
    if (typeof file === 'string') await pipeline(createReadStream(file), hash);
    else hash.update(file);
    sums[name] = hash.digest('hex');
  }
  return sums;
}

type UBootChain = Extract<BootChain, { chain: 'u-boot-tftp' }>;
type EepromChain = Extract<BootChain, { chain: 'rpi-eeprom-tftp' }>;

async function forUBoot(board: OpenBoard, scenario: Scenario, boot: UBootChain): Promise<Deployment> {
  const files = new Map<string, DeployedFile>();
  const modules: BootModule[] = [];
  for (const { file, address, module } of boot.load) {
    if (file === 'dtb') continue;
    files.set(file, image(board, file));
    if (module === undefined) continue;
    modules.push({ file, kind: module, address, size: await sizeOf(image(board, file)) });
  }
  const hostTree = withBootModules(scenario.hostTree, modules);
  files.set('dtb', writeFlat(hostTree));

  const load = [];
  for (const { file, address } of boot.load) {
    load.push({ file, address, size: await sizeOf(files.get(file) ?? new Uint8Array()) });
  }
  requirePlaces(board.type, load);
  return {
    files,
    hostTree,
    boot: {
      uBoot: {
        interrupt: boot.interrupt,
        environment: environmentCommands(board, boot),
        load: load.map(each => ({ ...each, file: `${board.tftp.below ?? ''}${each.file}` })),
        start: fillStart(boot.start, load),
      },
    },
  };
}

async function forEeprom(board: OpenBoard, scenario: Scenario, boot: EepromChain): Promise<Deployment> {
  const row = await modulesInARow(board, boot);
  requirePlaces(board.type, row.modules);
  const hostTree = withBootModules(scenario.hostTree, row.modules);
  const made = new Map<string, DeployedFile>([
    ['config.txt', new TextEncoder().encode(boot.config)],
    ['cmdline.txt', new Uint8Array()],
    ['dtb', writeFlat(hostTree)],
    [boot.modules.file, row.bytes],
  ]);
  const files = new Map<string, DeployedFile>();
  for (const [asked, file] of Object.entries(boot.files)) {
    files.set(asked, made.get(file) ?? image(board, file));
  }
  return { files, hostTree, boot: { eeprom: { kernel: boot.kernel } } };
}

/** The modules one after the other, each on a 2 MiB boundary, as one file. */
async function modulesInARow(board: OpenBoard, boot: EepromChain) {
  const modules: BootModule[] = [];
  const parts: Uint8Array[] = [];
  let length = 0;
  for (const { file, module } of boot.modules.parts) {
    const bytes = await bytesOf(image(board, file));
    const start = Math.ceil(length / moduleBoundary) * moduleBoundary;
    modules.push({ file, kind: module, address: boot.modules.address + start, size: bytes.length });
    parts.push(new Uint8Array(start - length), bytes);
    length = start + bytes.length;
  }
  return { modules, bytes: new Uint8Array(Buffer.concat(parts)) };
}

const moduleBoundary = 2 * 1024 * 1024;

function image(board: OpenBoard, file: string): DeployedFile {
  const found = board.images.get(file);
  if (found !== undefined) return found;
  throw new ConfigurationError(
    `${board.name}: there is no image ${file}, which ${board.type.type} loads`,
    `name the file in lab.yaml, boards.${board.name}.images.${file}`,
  );
}

async function sizeOf(file: DeployedFile): Promise<number> {
  if (typeof file !== 'string') return file.length;
  try {
    return (await stat(file)).size;
  } catch (error) {
    throw unreadable(file, error);
  }
}

async function bytesOf(file: DeployedFile): Promise<Uint8Array> {
  if (typeof file !== 'string') return file;
  try {
    return await readFile(file);
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, error: unknown): ConfigurationError {
  const why = error instanceof Error ? error.message : String(error);
  return new ConfigurationError(`${file}: cannot be read: ${why}`, 'see images in lab.yaml', {
    cause: error,
  });
}

/** `setenv` lines: the network first, then what the board type wants. An empty value deletes. */
function environmentCommands(board: OpenBoard, boot: UBootChain): string[] {
  const { network, tftp } = board;
  const environment: (readonly [string, string | undefined])[] = [
    ['autoload', 'no'],
    ['ipaddr', network.address],
    ['serverip', network.server],
    ['netmask', network.netmask],
    ['gatewayip', network.gateway],
    ['tftpdstp', tftp.port === tftpPort ? undefined : String(tftp.port)],
    ...Object.entries(boot.environment),
  ];
  return environment
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => (value === '' ? `setenv ${name}` : `setenv ${name} ${value}`));
}

const tftpPort = 69;

interface Placed {
  readonly file: string;
  readonly address: number;
  readonly size: number;
}

/** `booti ${xen} - ${dtb}` with addresses; `${xen.size}` stands for a size. */
function fillStart(start: string, load: readonly Placed[]): string {
  return start.replaceAll(/\$\{([^}.]+)(\.size)?\}/g, (whole, name: string, size: string | undefined) => {
    const placed = load.find(({ file }) => file === name);
    if (placed === undefined) {
      throw new ConfigurationError(`the start command names ${whole}, but the board type loads no ${name}`);
    }
    return `0x${(size === undefined ? placed.address : placed.size).toString(16)}`;
  });
}

function requirePlaces({ type, memory }: BoardType, load: readonly Placed[]): void {
  const sorted = load.toSorted((one, other) => one.address - other.address);
  for (const [index, { file, address, size }] of sorted.entries()) {
    const inside = memory.some(range => address >= range.base && address + size <= range.base + range.size);
    if (!inside) {
      throw new ConfigurationError(`${file}: ${span(address, size)} is not in the memory of ${type}`);
    }
    const next = sorted[index + 1];
    if (next !== undefined && address + size > next.address) {
      throw new ConfigurationError(
        `${file}: ${span(address, size)} reaches into ${next.file} at 0x${next.address.toString(16)}`,
        `move ${next.file} in boot.load of the board type ${type}`,
      );
    }
  }
}

function span(address: number, size: number): string {
  return `0x${address.toString(16)}-0x${(address + size).toString(16)}`;
}
