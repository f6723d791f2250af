/** `scmi-hil images check`: a lab's image files, held against what its board needs. */
import path from 'node:path';
import type { BoardEntry } from '../board/load-lab.ts';
import { imageNames, isEmulated, isVirtual } from '../board/load-lab.ts';
import { loadBoardImages } from '../images/board-images.ts';
import type { CheckedImage } from '../images/check-files.ts';
import { checkImageFiles } from '../images/check-files.ts';
import { imageDirectory, imageFiles } from '../images/places.ts';
import type { CliProcess } from './command.ts';
import { UsageError } from './command.ts';
import { table } from './table.ts';

/** @throws UsageError for a virtual board, which has no files */
export async function checkBoardImages(
  { name, type, setup }: BoardEntry,
  { env }: CliProcess,
): Promise<readonly CheckedImage[]> {
  if (isVirtual(setup)) {
    throw new UsageError(
      `${name} is virtual: it has no image files`,
      'name a board of a lab file, or qemu-virt',
    );
  }
  const directory = imageDirectory(type.type, env);
  const fetched = Object.entries(imageFiles).map(
    ([image, file]) => [image, path.join(directory, file)] as const,
  );
  const files = isEmulated(setup) ? { ...Object.fromEntries(fetched), ...setup.images } : setup.images;
  return checkImageFiles(loadBoardImages(type), files, imageNames(type));
}

/** A row for each image, and what to do about each problem. */
export function imageTable(images: readonly CheckedImage[]): string {
  const rows = images.map(({ name, file, place, size, kind, version, problems }) => [
    name,
    problems.length > 0 ? 'PROBLEM' : file === undefined ? places[place] : 'ok',
    kind,
    size === undefined ? '' : String(size),
    version?.text.slice(0, shownVersion) ?? '',
    file ?? '',
  ]);
  const problems = images.flatMap(({ name, problems: found }) =>
    found.map(({ what, mend }) => `${name}: ${what}${mend === undefined ? '' : `\n  what to do: ${mend}`}\n`),
  );
  return table(['image', 'check', 'kind', 'bytes', 'version', 'file'], rows) + problems.join('');
}

/** Where an image is that the lab gives no file for. */
const places: Readonly<Record<CheckedImage['place'], string>> = {
  lab: 'not given',
  flash: 'on the board',
  dom0: 'in Dom0',
};
const shownVersion = 40;
