/** Finds and reads board types: the shipped ones by name, a user's own by file. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { BoardType } from './board-type.ts';
import { boardTypeSchema } from './board-type.ts';
import { ConfigurationError } from './configuration-error.ts';
import { hintAt } from './nearest-name.ts';
import { projectDirectory } from './project-directory.ts';
import { displayName, readYamlFile } from './yaml-file.ts';

const shippedDirectory = path.join(projectDirectory, 'boards');

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
  if (/\.ya?ml$/.test(nameOrFile)) return readType(nameOrFile, path.dirname(path.resolve(nameOrFile)));
  const names = boardTypeNames();
  if (!names.includes(nameOrFile)) {
    throw new ConfigurationError(
      `there is no board type ${nameOrFile}`,
      `${hintAt(nameOrFile, names)} (or give a file that ends in .yaml)`,
    );
  }
  return readType(path.join(shippedDirectory, `${nameOrFile}.yaml`), projectDirectory);
}

/** Full path of a file that a board type names relative to the project. */
export function dataFile(relative: string): string {
  return path.resolve(projectDirectory, relative);
}

function readType(file: string, directory: string): BoardType {
  const { value, place } = readYamlFile(file, boardTypeSchema);
  requireType(value, place, file);
  requireFileNames(value, place);
  if (directory === projectDirectory) return value;
  const absolute = (relative: string) => path.resolve(directory, relative);
  return {
    ...value,
    hostTree: absolute(value.hostTree),
    hostOverlays: value.hostOverlays.map(absolute),
    partialTree: absolute(value.partialTree),
  };
}

type Place = (field: readonly PropertyKey[]) => string;

function requireType({ type }: BoardType, place: Place, file: string): void {
  const expected = path.basename(file).replace(/\.ya?ml$/, '');
  if (type === expected) return;
  throw new ConfigurationError(
    `${place(['type'])}: type: is ${type}, but the file is called ${displayName(file)}`,
    `call it ${type}.yaml, or the type ${expected}`,
  );
}

/** What U-Boot's start command names must have been loaded. */
function requireFileNames({ boot }: BoardType, place: Place): void {
  if (boot.chain !== 'u-boot-tftp') return;
  const loaded = boot.load.map(({ file }) => file);
  for (const [, name = ''] of boot.start.matchAll(/\$\{([^}.]*)(?:\.size)?\}/g)) {
    if (loaded.includes(name)) continue;
    throw new ConfigurationError(
      `${place(['boot', 'start'])}: boot.start: \${${name}} is not a file of boot.load`,
      hintAt(name, loaded),
    );
  }
}
