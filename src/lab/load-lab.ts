/** Finds and reads the lab file; without one, the lab is three virtual boards. */
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import type { BoardType, Deadlines } from '../board/board-type.ts';
import { loadBoardType, loadBoardTypeBooting, NoSuchBoot } from '../board/board-types.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import {
  type EmulatedBoardEntry,
  type Lab,
  type LabBoard,
  labSchema,
  type LabShell,
  type VirtualBoardEntry,
} from './lab.ts';
import { consoleOf, type LabSerial } from './lab-serial.ts';
import { placeOf } from './lab-tftp.ts';
import { type LabPower, outletOf } from './lab-power.ts';
import { hintAt } from '../config/nearest-name.ts';
import { displayName, parseYaml, readText, readYaml } from '../config/yaml-file.ts';

/** A board of the lab with its type, and the lab's paths made absolute. */
export interface BoardEntry {
  readonly name: string;
  /** With the lab's deadlines in place of the type's. */
  readonly type: BoardType;
  readonly setup: LabBoard | VirtualBoardEntry | EmulatedBoardEntry;
}

export interface LoadedLab {
  readonly name: string;
  /** Path of the lab file; null: none, the built-in virtual boards. */
  readonly file: string | null;
  readonly boards: ReadonlyMap<string, BoardEntry>;
}

export interface LabPlace {
  /** `--lab`. */
  readonly lab?: string | undefined;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Parts of a lab file that could be read. */
export interface LabInParts extends LoadedLab {
  /** Mistakes of the file as a whole, then of each board; empty: none. */
  readonly wrong: readonly ConfigurationError[];
}

/** Virtual boards of the physical types: faults and mutants are tried on these. */
export const virtualBoards: Readonly<Record<string, string>> = {
  'virtual-rpi5': 'rpi5',
  'virtual-v4h': 'rcar-v4h-white-hawk',
};

/** The lab of a machine without a lab file. Of the third type there are real Xens too, in QEMU. */
const builtInBoards: Readonly<Record<string, string>> = { ...virtualBoards, 'virtual-qemu': 'qemu-virt' };

/** Boards that any lab has when they are asked for by name: they take no hardware, but programs and images. */
export const emulatedBoards: readonly string[] = ['qemu-virt'];

/**
 * Reads the lab: `--lab`, `lab.yaml` in the working directory, or the user's own in
 * `$XDG_CONFIG_HOME/scmi-hil/`.
 * @throws ConfigurationError where the file, or a board type that it names, is wrong
 */
export function loadLab(where: LabPlace): LoadedLab {
  const file = findLab(where);
  return file === null ? builtInLab() : readLab(file);
}

/** As `loadLab`; of a file that is wrong, what is wrong with it and the boards that are right by themselves. */
export function loadLabInParts(where: LabPlace): LabInParts {
  try {
    return { ...loadLab(where), wrong: [] };
  } catch (error) {
    const file = findLab(where);
    if (!(error instanceof ConfigurationError) || file === null) throw error;
    const { boards, wrong } = eachBoard(file);
    return { name: path.basename(file), file, boards, wrong: [error, ...wrong] };
  }
}

/**
 * The board of that name.
 * @throws ConfigurationError that names the boards that there are
 */
export function boardOf(lab: LoadedLab, name: string): BoardEntry {
  const entry = lab.boards.get(name);
  if (entry !== undefined) return entry;
  if (emulatedBoards.includes(name)) {
    return { name, type: loadBoardType(name), setup: { type: name, emulated: true, images: {} } };
  }
  const where = lab.file === null ? 'no lab file: the built-in virtual boards' : lab.file;
  throw new ConfigurationError(
    `there is no board ${name} (${where})`,
    hintAt(name, [...lab.boards.keys(), ...emulatedBoards]),
  );
}

/**
 * A board of the lab that there is without a lab file.
 * @throws ConfigurationError that names those that there are
 */
export function virtualBoard(name: string): BoardEntry {
  const { boards } = builtInLab();
  const entry = boards.get(name);
  if (entry !== undefined) return entry;
  throw new ConfigurationError(`there is no virtual board ${name}`, hintAt(name, [...boards.keys()]));
}

export function isVirtual(setup: BoardEntry['setup']): setup is VirtualBoardEntry {
  return 'virtual' in setup;
}

export function isEmulated(setup: BoardEntry['setup']): setup is EmulatedBoardEntry {
  return 'emulated' in setup;
}

function findLab({ lab, cwd, env }: LabPlace): string | null {
  if (lab !== undefined) return path.resolve(cwd, lab);
  const configuration = env['XDG_CONFIG_HOME'] || path.join(env['HOME'] ?? os.homedir(), '.config');
  const places = [path.join(cwd, 'lab.yaml'), path.join(configuration, 'scmi-hil', 'lab.yaml')];
  return places.find(file => existsSync(file)) ?? null;
}

function builtInLab(): LoadedLab {
  const entries = Object.entries(builtInBoards).map(
    ([name, type]) => [name, { name, type: loadBoardType(type), setup: { type, virtual: true } }] as const,
  );
  return { name: 'virtual', file: null, boards: new Map(entries) };
}

/** Each is read as if it were the only one. */
function eachBoard(file: string): Pick<LabInParts, 'boards' | 'wrong'> {
  const boards = new Map<string, BoardEntry>();
  const wrong: ConfigurationError[] = [];
  for (const [name, setup] of Object.entries(writtenBoards(file))) {
    try {
      const alone = readLab(file, () => ({ schema: 1, boards: { [name]: setup } }));
      for (const [each, entry] of alone.boards) boards.set(each, entry);
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      wrong.push(error);
    }
  }
  return { boards, wrong };
}

function writtenBoards(file: string): Readonly<Record<string, unknown>> {
  try {
    return readYaml(file, z.looseObject({ boards: z.record(z.string(), z.unknown()) })).boards;
  } catch (error) {
    if (error instanceof ConfigurationError) return {};
    throw error;
  }
}

/** @param prepare what is done to the content before it is checked */
function textOf(file: string): string {
  try {
    return readText(file);
  } catch (error) {
    if (existsSync(file) || !(error instanceof ConfigurationError)) throw error;
    throw new ConfigurationError(error.message, 'scmi-hil init writes a first lab file', {
      cause: error.cause,
    });
  }
}

function readLab(file: string, prepare?: (content: unknown) => unknown): LoadedLab {
  const { value, place } = parseYaml(textOf(file), displayName(file), labSchema, {
    ...(prepare !== undefined && { prepare }),
  });
  const directory = path.dirname(file);
  const boards = new Map<string, BoardEntry>();
  for (const [name, setup] of Object.entries(value.boards)) {
    const field = (each: string) => place(['boards', name, each]);
    const type = withScript(typeOf(setup, directory, field), setup, field);
    if (isVirtual(setup)) {
      boards.set(name, { name, type, setup });
      continue;
    }
    if (isEmulated(setup)) {
      const images = withAbsoluteImages(setup.images, directory);
      boards.set(name, { name, type, setup: { ...setup, images } });
      continue;
    }
    requireImages(name, setup, type, place);
    boards.set(name, {
      name,
      type: { ...type, deadlines: { ...type.deadlines, ...given(setup.deadlines) } },
      setup: withAbsolutePaths(setup, directory),
    });
  }
  if (boards.size === 0) throw new ConfigurationError(`${place(['boards'])}: boards: there is none`);
  requireDistinct(value, place);
  return { name: value.name, file, boards };
}

type Booted = Pick<LabBoard, 'type' | 'boot' | 'uBoot'>;

function typeOf({ type, boot }: Booted, directory: string, place: (field: string) => string): BoardType {
  try {
    return loadBoardTypeBooting(/\.ya?ml$/.test(type) ? path.resolve(directory, type) : type, boot);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const field = error instanceof NoSuchBoot ? 'boot' : 'type';
    throw new ConfigurationError(`${place(field)}: ${field}: ${error.message}`, error.hint, { cause: error });
  }
}

function withScript(type: BoardType, { uBoot }: Booted, place: (field: string) => string): BoardType {
  if (uBoot === undefined) return type;
  const loader = type.boot.uBoot;
  if (loader === undefined || loader.load.length === 0) {
    throw new ConfigurationError(
      `${place('uBoot')}: uBoot: no U-Boot fetches files where ${type.type} boots by ${type.boot.name}`,
      `leave it out, or choose another way to boot: ${type.boots.join(', ')}`,
    );
  }
  return { ...type, boot: { ...type.boot, uBoot: { ...loader, script: uBoot.script } } };
}

type Place = (field: readonly PropertyKey[]) => string;

/** Files that a deployment makes itself; all others are the lab's. */
const made = new Set(['dtb', 'config.txt', 'cmdline.txt']);

/** Names under which a real board's images are given. */
export function imageNames({ boot }: BoardType): string[] {
  const rows = boot.eeprom?.rows ?? [];
  const names = [
    ...Object.values(boot.eeprom?.files ?? {}).filter(file => !rows.some(row => row.file === file)),
    ...[...rows.flatMap(({ parts }) => parts), ...(boot.uBoot?.load ?? [])].map(({ file }) => file),
    ...(boot.uBoot?.fit === undefined ? [] : [boot.uBoot.fit.bl31.file]),
  ];
  return [...new Set(names)].filter(name => !made.has(name));
}

function requireImages(name: string, setup: LabBoard, type: BoardType, place: Place): void {
  const needed = imageNames(type);
  const missing = needed.filter(image => !Object.hasOwn(setup.images, image));
  if (missing.length > 0) {
    throw new ConfigurationError(
      `${place(['boards', name, 'images'])}: boards.${name}.images: ${missing.join(', ')} missing`,
      `a ${type.type} needs: ${needed.join(', ')}; a dtb takes the place of the shipped device tree`,
    );
  }
}

/** Values that must differ between boards: else one would get the other's files, console or supply. */
type Unshared = readonly (readonly [field: string, value: string | undefined])[];

const unshared: readonly ((setup: LabBoard) => Unshared)[] = [
  ({ network }) => [['network.address', network.address]],
  ({ network }) => [['network.serialNumber', network.serialNumber]],
  ({ tftp, network }) => [['tftp', placeOf(tftp, network.serialNumber)]],
  ({ serial, uarts }) => [
    ['serial', consoleOf(serial)],
    ...Object.entries(uarts).map(([name, line]) => [`uarts.${name}`, consoleOf(line)] as const),
  ],
  ({ power }) => [['power', outletOf(power)]],
];

function requireDistinct(lab: Lab, place: Place): void {
  for (const of of unshared) {
    const holders = new Map<string, string>();
    for (const [name, setup] of Object.entries(lab.boards)) {
      const values = isVirtual(setup) || isEmulated(setup) ? [] : of(setup);
      for (const [field, value] of values) {
        if (value === undefined) continue;
        const holder = holders.get(value);
        if (holder !== undefined) {
          const at = place(['boards', name, ...field.split('.')]);
          throw new ConfigurationError(`${at}: boards.${name}.${field}: ${value} is ${holder}'s already`);
        }
        holders.set(value, name);
      }
    }
  }
}

function withAbsoluteImages(images: LabBoard['images'], directory: string): LabBoard['images'] {
  return withAll(images, file => absolutePath(file, directory));
}

function absolutePath(file: string, directory: string): string {
  return path.resolve(directory, file.replace(/^~(?=\/)/, os.homedir()));
}

function withAbsolutePaths(setup: LabBoard, directory: string): LabBoard {
  const absolute = (file: string) => absolutePath(file, directory);
  return {
    ...setup,
    images: withAbsoluteImages(setup.images, directory),
    serial: serialWith(setup.serial, absolute),
    uarts: Object.fromEntries(
      Object.entries(setup.uarts).map(([name, line]) => [name, serialWith(line, absolute)]),
    ),
    tftp: setup.tftp.kind === 'directory' ? { ...setup.tftp, path: absolute(setup.tftp.path) } : setup.tftp,
    power: powerWith(setup.power, absolute),
    ssh: { ...setup.ssh, identity: identityWith(setup.ssh.identity, absolute) },
    dom0: shellWith(setup.dom0, absolute),
    guests: Object.fromEntries(
      Object.entries(setup.guests).map(([name, shell]) => [name, shellWith(shell, absolute)]),
    ),
  };
}

/** Without the fields that are undefined: they would hide the type's own. */
function given(deadlines: LabBoard['deadlines']): Partial<Deadlines> {
  return Object.fromEntries(Object.entries(deadlines).filter(([, value]) => value !== undefined));
}

/** Devices have absolute paths anyway. */
function serialWith<Line extends LabSerial>(line: Line, absolute: (file: string) => string): Line {
  if (line.kind === 'command') return { ...line, secrets: withAll(line.secrets, absolute) };
  return line.kind === 'unix' ? { ...line, path: absolute(line.path) } : line;
}

function powerWith(switched: LabPower, absolute: (file: string) => string): LabPower {
  return {
    ...switched,
    ...('passwordFile' in switched &&
      switched.passwordFile !== undefined && { passwordFile: absolute(switched.passwordFile) }),
    ...('tls' in switched &&
      typeof switched.tls === 'object' && { tls: { authority: absolute(switched.tls.authority) } }),
    ...('secrets' in switched && { secrets: withAll(switched.secrets, absolute) }),
  };
}

function withAll(
  files: Readonly<Record<string, string>>,
  absolute: (file: string) => string,
): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([name, file]) => [name, absolute(file)]));
}

function shellWith<Shell extends LabShell>(shell: Shell, absolute: (file: string) => string): Shell {
  return shell.passwordFile === undefined ? shell : { ...shell, passwordFile: absolute(shell.passwordFile) };
}

type Identity = LabBoard['ssh']['identity'];

function identityWith(identity: Identity, absolute: (file: string) => string): Identity {
  if (identity.kind === 'agent') return identity;
  if (identity.kind === 'password') return { ...identity, file: absolute(identity.file) };
  const { passphraseFile } = identity;
  const key = { ...identity, path: absolute(identity.path) };
  return passphraseFile === undefined ? key : { ...key, passphraseFile: absolute(passphraseFile) };
}
