/** Image files that a board of the lab needs. */
import type { BoardType } from '../board/board-type.ts';
import path from 'node:path';
import { ConfigurationError } from '../config/configuration-error.ts';
import { projectDirectory } from '../config/project-directory.ts';
import { isLoopback } from './claims.ts';
import { type BoardEntry, isEmulated, isVirtual } from './load-lab.ts';

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

/** @returns the mistake where images are missing, or the shipped device tree would be booted without a word of the lab */
export function bootMistake(entry: BoardEntry): ConfigurationError | undefined {
  const missing = missingImages(entry);
  if (missing !== undefined) return missing;
  const { name, setup, imagesAt } = entry;
  const isAgreed = 'tree' in setup && setup.tree === 'shipped';
  if (!bootsShippedTree(entry) || isAgreed) return undefined;
  return new ConfigurationError(
    `${imagesAt === undefined ? '' : `${imagesAt}: `}boards.${name}.images: dtb missing: ${cutDownTree}`,
    `${ownTreeHint(name)}; tree: shipped in boards.${name} boots the shipped one`,
  );
}

/** Text about the shipped device tree of a board type. */
export const cutDownTree =
  'the shipped device tree is cut down to what the model looks at, and lacks devices that the board needs';

/** @returns the hint how a board gets a device tree of its own */
export function ownTreeHint(board: string): string {
  return `name the board's own device tree: dtb in boards.${board}.images, or --image dtb=FILE`;
}

/**
 * Tells whether a physical board has no device tree of its own. A board whose address is this machine's loopback is a
 * program, and boots nothing.
 */
export function bootsShippedTree({ setup, type }: BoardEntry): boolean {
  if (isVirtual(setup) || isEmulated(setup) || isLoopback(setup.network.address)) return false;
  const tree = path.resolve(projectDirectory, type.hostTree);
  return setup.images['dtb'] === undefined && tree.startsWith(path.join(projectDirectory, 'firmware/'));
}

/** @returns the mistake where a physical board has not all its images, in the lab file or by an option */
export function missingImages({ name, type, setup, imagesAt }: BoardEntry): ConfigurationError | undefined {
  if (isVirtual(setup) || isEmulated(setup)) return undefined;
  const needed = imageNames(type);
  const missing = needed.filter(image => !Object.hasOwn(setup.images, image));
  if (missing.length === 0) return undefined;
  return new ConfigurationError(
    `${imagesAt === undefined ? '' : `${imagesAt}: `}boards.${name}.images: ${missing.join(', ')} missing`,
    `a ${type.type} needs: ${needed.join(', ')}, and dtb: its own device tree`,
  );
}

/** @throws ConfigurationError where a physical board has not all its images */
export function requireImages(entry: BoardEntry): void {
  const mistake = missingImages(entry);
  if (mistake !== undefined) throw mistake;
}
