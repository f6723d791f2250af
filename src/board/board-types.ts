/** Finds and reads board types: the shipped ones by name, a user's own by file. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { type BoardType, boardTypeSchema, type WrittenBoardType } from './board-type.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { mergePatch } from '../config/merge-patch.ts';
import { hintAt } from '../config/nearest-name.ts';
import { projectDirectory } from '../config/project-directory.ts';
import { displayName, parseYaml, readText, type YamlFile } from '../config/yaml-file.ts';

const shippedDirectory = path.join(projectDirectory, 'boards');

/** The board type is there, but not that way to boot it. */
export class NoSuchBoot extends ConfigurationError {}

/** Names of the shipped board types, sorted. */
export function boardTypeNames(): string[] {
  return readdirSync(shippedDirectory)
    .filter(name => name.endsWith('.yaml'))
    .map(name => name.slice(0, -'.yaml'.length))
    .toSorted();
}

/**
 * Reads a board type. Its trees are found with `dataFile`.
 * @param nameOrFile a shipped type (`rpi5`), or a path ending in .yaml
 * @throws ConfigurationError where there is none, or it is wrong
 */
export function loadBoardType(nameOrFile: string): BoardType {
  return loadBoardTypeBooting(nameOrFile, undefined);
}

/**
 * As `loadBoardType`, booted in another way than by default.
 * @param boot a name of the type's `boots`; undefined: the first
 */
export function loadBoardTypeBooting(nameOrFile: string, boot: string | undefined): BoardType {
  const { file, lineage } = readType(findType(nameOrFile));
  const { extends: _, boots, ...type } = file.value;
  const names = Object.keys(boots);
  const name = boot ?? names[0] ?? '';
  const loaders = Object.hasOwn(boots, name) ? boots[name] : undefined;
  if (loaders === undefined) {
    throw new NoSuchBoot(`${type.type} has no way to boot that is called ${name}`, hintAt(name, names));
  }
  return { ...type, boot: { name, ...loaders }, boots: names, lineage };
}

/** Full path of a file that a board type names relative to the project. */
export function dataFile(relative: string): string {
  return path.resolve(projectDirectory, relative);
}

/** @returns the path of a type's file */
function findType(nameOrFile: string, directory = ''): string {
  if (/\.ya?ml$/.test(nameOrFile)) return path.resolve(directory, nameOrFile);
  const names = boardTypeNames();
  if (names.includes(nameOrFile)) return path.join(shippedDirectory, `${nameOrFile}.yaml`);
  throw new ConfigurationError(
    `there is no board type ${nameOrFile}`,
    otherBoards[nameOrFile] ?? `${hintAt(nameOrFile, names)} (or give a file that ends in .yaml)`,
  );
}

/** Boards that are taken for one of ours. */
const otherBoards: Readonly<Record<string, string>> = {
  'gray-hawk':
    'Gray Hawk is R-Car V4M (r8a779h0), another SoC than the V4H of White Hawk and Sparrow Hawk, and no SCMI ' +
    'firmware is known for it; give a file of your own that ends in .yaml',
};

interface ReadType {
  /** As written, laid over what it extends. */
  readonly content: unknown;
  readonly file: YamlFile<WrittenBoardType>;
  readonly lineage: readonly string[];
}

function readType(file: string, above: readonly string[] = []): ReadType {
  const chain = [...above, file];
  if (above.includes(file)) {
    throw new ConfigurationError(chain.map(displayName).join(' extends '), 'a type cannot extend itself');
  }
  let base: ReadType | undefined;
  let content: unknown;
  const read = parseYaml(readText(file), displayName(file), boardTypeSchema, {
    prepare: written => {
      const directory = path.dirname(file);
      const own = directory === shippedDirectory ? written : withAbsoluteTrees(written, directory);
      const extended = record(own)['extends'];
      if (typeof extended === 'string') base = readType(findType(extended, directory), chain);
      content = mergePatch(base?.content, own);
      return content;
    },
  });
  requireType(read.value, read.place, file);
  requireFileNames(read.value, read.place);
  return { content, file: read, lineage: [read.value.type, ...(base?.lineage ?? [])] };
}

/** Trees of a user's own type are found from where its file is. */
function withAbsoluteTrees(written: unknown, directory: string): unknown {
  const absolute = (tree: unknown) => (typeof tree === 'string' ? path.resolve(directory, tree) : tree);
  const type = { ...record(written) };
  for (const field of ['hostTree', 'partialTree']) if (field in type) type[field] = absolute(type[field]);
  if (Array.isArray(type['hostOverlays'])) type['hostOverlays'] = type['hostOverlays'].map(absolute);
  return type;
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

type Place = (field: readonly PropertyKey[]) => string;

function requireType({ type }: WrittenBoardType, place: Place, file: string): void {
  const expected = path.basename(file).replace(/\.ya?ml$/, '');
  if (type === expected) return;
  throw new ConfigurationError(
    `${place(['type'])}: type: is ${type}, but the file is called ${displayName(file)}`,
    `call it ${type}.yaml, or the type ${expected}`,
  );
}

/** Files that U-Boot's start command names must have been loaded, by U-Boot or before. */
function requireFileNames({ boots }: WrittenBoardType, place: Place): void {
  for (const [boot, { eeprom, uBoot }] of Object.entries(boots)) {
    if (uBoot === undefined) continue;
    const loaded = [
      ...[...uBoot.load, ...(eeprom?.rows ?? []).flatMap(({ parts }) => parts)].map(({ file }) => file),
      ...(uBoot.fit === undefined ? [] : ['fit']),
    ];
    const unplaced = ['dtb', uBoot.fit?.kernel].find(
      name => name !== undefined && uBoot.fit !== undefined && !loaded.includes(name),
    );
    if (unplaced !== undefined) {
      throw new ConfigurationError(
        `${place(['boots', boot, 'uBoot', 'fit'])}: boots.${boot}.uBoot.fit: load gives no address for ${unplaced}`,
        hintAt(unplaced, loaded),
      );
    }
    for (const [, name = ''] of uBoot.start.matchAll(/\$\{([^}.]*)(?:\.size)?\}/g)) {
      if (loaded.includes(name)) continue;
      throw new ConfigurationError(
        `${place(['boots', boot, 'uBoot', 'start'])}: boots.${boot}.uBoot.start: \${${name}} is not a file of load`,
        hintAt(name, loaded),
      );
    }
  }
}
