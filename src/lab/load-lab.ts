/** Finds and reads the lab file; without one, the lab is three virtual boards. */
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import type { BoardType, Deadlines } from '../board/board-type.ts';
import { loadBoardType, loadBoardTypeBooting, NoSuchBoot } from '../board/board-types.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { hintAt } from '../config/nearest-name.ts';
import { displayName, parseYaml, readText, type YamlFile } from '../config/yaml-file.ts';
import { withAbsoluteImages, withAbsolutePaths, withAbsoluteWires } from './absolute-paths.ts';
import {
  boardName,
  type EmulatedBoardEntry,
  type LabBoard,
  labSchema,
  physicalBoard,
  type VirtualBoardEntry,
} from './lab.ts';
import { Taken } from './taken.ts';

/** A board of the lab with its type, and the lab's paths made absolute. */
export interface BoardEntry {
  readonly name: string;
  /** With the lab's deadlines in place of the type's. */
  readonly type: BoardType;
  readonly setup: LabBoard | VirtualBoardEntry | EmulatedBoardEntry;
  /** Where its images stand in the lab file, for errors: `lab.yaml:12:5`. */
  readonly imagesAt?: string | undefined;
}

/** Fields of a physical board that are needed to switch it and to talk to it. */
type WireFields = 'type' | 'labgrid' | 'serial' | 'uarts' | 'power';

/** A board with its wires: its network, its images and its logins may be wrong. */
export interface WiredBoard extends Pick<BoardEntry, 'name' | 'type'> {
  readonly setup:
    | VirtualBoardEntry
    | EmulatedBoardEntry
    | (Pick<LabBoard, WireFields> & {
        readonly network?: LabBoard['network'] | undefined;
      });
}

/** A board with its addresses, whatever else is wrong. */
export interface AddressedBoard extends Pick<BoardEntry, 'name' | 'type'> {
  readonly setup: VirtualBoardEntry | EmulatedBoardEntry | Pick<LabBoard, 'type' | 'network'>;
}

/** A board whose entry in the lab file is wrong; its parts may be right. */
interface WrongBoard {
  /** Names file, line and field of each mistake. */
  readonly error: ConfigurationError;
  /** The board where its entry is right by itself, and clashes with another board's. */
  readonly entry?: BoardEntry;
  /** @throws ConfigurationError where a field that is needed for this is wrong */
  readonly wired: () => WiredBoard;
  /** @throws ConfigurationError where a field that is needed for this is wrong */
  readonly addressed: () => AddressedBoard;
}

export interface LoadedLab {
  readonly name: string;
  /** Path of the lab file; null: none, the built-in virtual boards. */
  readonly file: string | null;
  readonly boards: ReadonlyMap<string, BoardEntry>;
  /** By name, in the order of the file. */
  readonly wrong: ReadonlyMap<string, WrongBoard>;
  /** All mistakes of the file; absent: it has none. */
  readonly error?: ConfigurationError | undefined;
}

export interface LabPlace {
  /** `--lab`. */
  readonly lab?: string | undefined;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Parts of a lab file that could be read. */
export interface LabInParts extends LoadedLab {
  /** Mistakes of the file that are no board's. */
  readonly topError?: ConfigurationError | undefined;
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
 * `$XDG_CONFIG_HOME/scmi-hil/`. Each board stands for itself: the mistakes of one are kept in `wrong`.
 * @throws ConfigurationError where the file cannot be read, or what is wrong is no board's
 */
export function loadLab(where: LabPlace): LoadedLab {
  const { topError, ...lab } = loadLabInParts(where);
  if (topError !== undefined) throw lab.error ?? topError;
  return lab;
}

/** As `loadLab`; of a file that is wrong as a whole, what is wrong with it and the boards that are right. */
export function loadLabInParts(where: LabPlace): LabInParts {
  const file = findLab(where);
  return file === null ? builtInLab() : readLab(file);
}

/** @throws ConfigurationError with all mistakes of the file */
export function requireNoMistake({ error }: LoadedLab): void {
  if (error !== undefined) throw error;
}

/**
 * The board of that name.
 * @throws ConfigurationError that says what is wrong with it, or names the boards that there are
 */
export function boardOf(lab: LoadedLab, name: string): BoardEntry {
  return found(lab, name, ({ error }) => {
    throw error;
  });
}

/** As `boardOf`, for a command that works its wires alone. */
export function wiredBoardOf(lab: LoadedLab, name: string): WiredBoard {
  return found(lab, name, ({ wired }) => wired());
}

/** As `boardOf`, for a command that looks at its addresses alone. */
export function addressedBoardOf(lab: LoadedLab, name: string): AddressedBoard {
  return found(lab, name, ({ addressed }) => addressed());
}

function found<Parts>(
  { boards, wrong, file }: LoadedLab,
  name: string,
  parts: (wrong: WrongBoard) => Parts,
): BoardEntry | Parts {
  const entry = boards.get(name);
  if (entry !== undefined) return entry;
  const mistaken = wrong.get(name);
  if (mistaken !== undefined) return parts(mistaken);
  if (emulatedBoards.includes(name)) {
    return { name, type: loadBoardType(name), setup: { type: name, emulated: true, images: {} } };
  }
  const where = file === null ? 'no lab file: the built-in virtual boards' : file;
  throw new ConfigurationError(
    `there is no board ${name} (${where})`,
    hintAt(name, [...boards.keys(), ...wrong.keys(), ...emulatedBoards]),
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

/** Whether the controller makes the board for each run: any number of it can be there at once. */
export function isMadeForRun({ setup }: BoardEntry): boolean {
  return isVirtual(setup) || isEmulated(setup);
}

/**
 * Runs of a board that go at once where the user asks for no number: an emulated board takes all cores by itself.
 * @param cores of this machine
 */
export function runsAtOnce({ setup }: BoardEntry, cores: number): number {
  return isVirtual(setup) ? cores : 1;
}

export function isVirtual(setup: { readonly type: string }): setup is VirtualBoardEntry {
  return 'virtual' in setup;
}

export function isEmulated(setup: { readonly type: string }): setup is EmulatedBoardEntry {
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
  return { name: 'virtual', file: null, boards: new Map(entries), wrong: new Map() };
}

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

/** A lab file whose text is YAML. */
interface LabFile extends Pick<YamlFile<unknown>, 'place' | 'check'> {
  readonly directory: string;
  /** Entries of its boards, not checked yet. */
  readonly written: Readonly<Record<string, unknown>>;
}

/** A lab file whose boards are not looked at. */
const topSchema = labSchema.extend({ boards: z.record(z.string(), z.unknown()) });

function readLab(file: string): LabInParts {
  const nothing = { name: path.basename(file), file, boards: new Map(), wrong: new Map() };
  const parsed = attempt(() => parseYaml(textOf(file), displayName(file), z.unknown()));
  if (parsed instanceof ConfigurationError) return { ...nothing, error: parsed, topError: parsed };
  const { value, place, check } = parsed;
  const lab = { directory: path.dirname(file), place, check, written: mapping(mapping(value)['boards']) };
  const top = attempt(() => check([], topSchema));
  const all = attempt(() => check([], labSchema));
  const read = readBoards(lab);
  const [first] = read.wrong.values();
  const error = all instanceof ConfigurationError ? all : first?.error;
  if (top instanceof ConfigurationError) return { ...nothing, ...read, error, topError: top };
  const isEmpty = read.boards.size === 0 && read.wrong.size === 0;
  return {
    name: top.name,
    file,
    ...read,
    error,
    topError: isEmpty ? new ConfigurationError(`${place(['boards'])}: boards: there is none`) : undefined,
  };
}

function readBoards(lab: LabFile): Pick<LoadedLab, 'boards' | 'wrong'> {
  const boards = new Map<string, BoardEntry>();
  const wrong = new Map<string, WrongBoard>();
  const taken = new Taken(lab.place);
  const requireOwn = (name: string, setup: Partial<LabBoard>) => {
    const clash = taken.clashOf(name, setup);
    if (clash !== undefined) throw clash;
  };
  for (const name of Object.keys(lab.written)) {
    const parts = {
      wired: () => wiredBoard(lab, name, requireOwn),
      addressed: () => addressedBoard(lab, name, requireOwn),
    };
    const entry = attempt(() => readBoard(lab, name));
    if (entry instanceof ConfigurationError) {
      wrong.set(name, { error: entry, ...parts });
      continue;
    }
    const physical = isVirtual(entry.setup) || isEmulated(entry.setup) ? undefined : entry.setup;
    const clash = physical && taken.clashOf(name, physical);
    if (clash !== undefined) {
      wrong.set(name, { error: clash, entry, ...parts });
      continue;
    }
    if (physical !== undefined) taken.add(name, physical);
    boards.set(name, entry);
  }
  return { boards, wrong };
}

function readBoard(lab: LabFile, name: string): BoardEntry {
  const setup = fieldsOf(lab, name, labSchema.shape.boards.valueType, lab.written[name]);
  const field = fieldOf(lab, name);
  const type = withScript(typeOf(setup, lab.directory, field), setup, field);
  if (isVirtual(setup)) return { name, type, setup };
  if (isEmulated(setup)) {
    return { name, type, setup: { ...setup, images: withAbsoluteImages(setup.images, lab.directory) } };
  }
  requireWires(name, setup, field);
  return {
    name,
    type: { ...type, deadlines: { ...type.deadlines, ...given(setup.deadlines) } },
    setup: withAbsolutePaths(setup, lab.directory),
    imagesAt: field('images'),
  };
}

/** @throws ConfigurationError where a console or a switch is neither given nor that of a labgrid place */
function requireWires(
  name: string,
  { labgrid, serial, uarts, power }: Pick<LabBoard, 'labgrid' | 'serial' | 'uarts' | 'power'>,
  place: (field: string) => string,
): void {
  if (labgrid !== undefined) return;
  const wires = { serial, power, ...uarts };
  const [field] = Object.entries(wires).find(([, { kind }]) => kind === 'labgrid') ?? [];
  if (field === undefined) return;
  throw new ConfigurationError(
    `${place(field)}: boards.${name}.${field}: is missing`,
    'write how this machine reaches it (docs/lab.md), or labgrid: { place: NAME } for a board of a farm',
  );
}

type RequireOwn = (name: string, setup: Partial<LabBoard>) => void;

const wiredSchema = z.object({
  ...physicalBoard.pick({ type: true, labgrid: true, serial: true, uarts: true, power: true }).shape,
  // Its address is one of the claims; the deadlines of its switch have a value without the lab file.
  network: physicalBoard.shape.network.optional().catch(undefined),
  deadlines: physicalBoard.shape.deadlines.catch({}),
});

function wiredBoard(lab: LabFile, name: string, requireOwn: RequireOwn): WiredBoard {
  const setup = fieldsOf(lab, name, wiredSchema, requirePhysical(lab, name));
  requireWires(name, setup, fieldOf(lab, name));
  requireOwn(name, { serial: setup.serial, uarts: setup.uarts, power: setup.power });
  const type = typeOf({ type: setup.type }, lab.directory, fieldOf(lab, name));
  return {
    name,
    type: { ...type, deadlines: { ...type.deadlines, ...given(setup.deadlines) } },
    setup: {
      type: setup.type,
      ...(setup.labgrid !== undefined && { labgrid: setup.labgrid }),
      network: setup.network,
      ...withAbsoluteWires(setup, lab.directory),
    },
  };
}

const addressedSchema = z.object(physicalBoard.pick({ type: true, boot: true, network: true }).shape);

function addressedBoard(lab: LabFile, name: string, requireOwn: RequireOwn): AddressedBoard {
  const setup = fieldsOf(lab, name, addressedSchema, requirePhysical(lab, name));
  requireOwn(name, { network: setup.network });
  return { name, type: typeOf(setup, lab.directory, fieldOf(lab, name)), setup };
}

/** @throws ConfigurationError with all mistakes of a board that is not physical: it has no parts */
function requirePhysical(lab: LabFile, name: string): unknown {
  const written = lab.written[name];
  const fields = mapping(written);
  if ('virtual' in fields || 'emulated' in fields) readBoard(lab, name);
  return written;
}

function fieldsOf<Schema extends z.ZodType>(
  { check }: LabFile,
  name: string,
  schema: Schema,
  written: unknown,
): z.output<Schema> {
  const checked = check(['boards'], z.record(boardName, schema), { [name]: written });
  const [setup] = Object.values(checked);
  return setup as z.output<Schema>;
}

function fieldOf({ place }: LabFile, name: string): (field: string) => string {
  return field => place(['boards', name, field]);
}

type Booted = Pick<LabBoard, 'type'> & Partial<Pick<LabBoard, 'boot' | 'uBoot'>>;

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

/** Without the fields that are undefined: they would hide the type's own. */
function given(deadlines: LabBoard['deadlines']): Partial<Deadlines> {
  return Object.fromEntries(Object.entries(deadlines).filter(([, value]) => value !== undefined));
}

function attempt<Result>(read: () => Result): Result | ConfigurationError {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
}

function mapping(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
