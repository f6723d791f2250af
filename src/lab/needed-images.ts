/** Image files that a board of the lab needs. */
import type { BoardType } from '../board/board-type.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
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

/** @throws ConfigurationError where the board cannot boot with the images that it has */
export function requireImages(entry: BoardEntry): void {
  const mistake = missingImages(entry);
  if (mistake !== undefined) throw mistake;
}

/** @returns the mistake where a physical board has not all its images, in the lab file or by an option */
export function missingImages({ name, type, setup, imagesAt }: BoardEntry): ConfigurationError | undefined {
  if (isVirtual(setup) || isEmulated(setup)) return undefined;
  const needed = imageNames(type);
  const missing = needed.filter(image => !Object.hasOwn(setup.images, image));
  if (missing.length === 0) return undefined;
  return new ConfigurationError(
    `${imagesAt === undefined ? '' : `${imagesAt}: `}boards.${name}.images: ${missing.join(', ')} missing`,
    `a ${type.type} needs: ${needed.join(', ')}; a dtb takes the place of the shipped device tree`,
  );
}
