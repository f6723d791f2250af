/** `scmi-hil images check`: a lab's image files, held against what its board needs. */
import { abilitiesOf } from '../lab/abilities.ts';
import { existsSync } from 'node:fs';
import { ConfigurationError } from '../config/configuration-error.ts';
import type { BoardEntry } from '../lab/load-lab.ts';
import { imageNames } from '../lab/needed-images.ts';
import { plannedBoard, softwareOf } from '../lab/planned-board.ts';
import { loadBoardImages } from '../lab/images/board-images.ts';
import { type CheckedImage, checkImageFiles } from '../lab/images/check-files.ts';
import { readToolstack } from '../lab/images/toolstack.ts';
import type { ImageProblem } from '../lab/images/checks/problem.ts';
import { type CheckedLayout, checkLayout } from '../run/deploy/layout-check.ts';
import { type CliProcess, UsageError } from './command.ts';
import type { scenarioOn } from './scenario-on.ts';
import { table } from './table.ts';

/**
 * @param only names of images: the others are not looked at
 * @throws UsageError for a virtual board, which has no files
 */
export async function checkBoardImages(
  entry: BoardEntry,
  { env }: CliProcess,
  only?: readonly string[],
): Promise<readonly CheckedImage[]> {
  const { name, type } = entry;
  if (!abilitiesOf(entry).bootsFiles) {
    throw new UsageError(
      `${name} is virtual: it has no image files`,
      'name a board of a lab file, or qemu-virt',
    );
  }
  const isAsked = (image: string) => only === undefined || only.includes(image);
  const files = [...plannedBoard(entry, env).images].filter(([image]) => isAsked(image));
  const checked = await checkImageFiles(loadBoardImages(type), Object.fromEntries(files), imageNames(type));
  const tools = 'images' in entry.setup ? entry.setup.images['tools'] : undefined;
  return checked
    .filter(image => isAsked(image.name))
    .map(image => {
      return image.name === 'tools' && tools !== undefined ? checkTools(tools, entry, env) : image;
    });
}

/** A toolstack is a directory: its programs, their libraries, and whether it is of the release of the board's Xen. */
function checkTools(tools: string, entry: BoardEntry, env: CliProcess['env']): CheckedImage {
  const row = { name: 'tools', kind: 'directory', place: 'dom0', file: tools } as const;
  try {
    // A library that is not in the directory may be in the ramdisk.
    const { version } = readToolstack(tools, () => 'present');
    const { toolstack } = softwareOf(entry, env);
    return {
      ...row,
      ...(version !== undefined && { version: { program: 'xen', text: `tools of Xen ${version}` } }),
      problems: toolstack === undefined ? [] : [{ what: `Xen needs ${toolstack}` }],
    };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const { message, hint } = error;
    return { ...row, problems: [{ what: message, ...(hint !== undefined && { hint }) }] };
  }
}

/** Where the files lie in memory; nothing where one of them is not there, which their own check tells. */
export async function checkBoardLayout(
  { board, fitted }: ReturnType<typeof scenarioOn>,
  { env }: CliProcess,
): Promise<CheckedLayout> {
  const planned = plannedBoard(board, env);
  const missing = imageNames(board.type).filter(name => !existsSync(planned.images.get(name) ?? ''));
  return missing.length > 0 ? { ranges: [], problems: [] } : checkLayout(planned, fitted);
}

/** A row for each load range, and the problems. */
export function layoutTable({ ranges, problems }: CheckedLayout): string {
  const rows = ranges.map(({ file, address, end, size }) => [file, hex(address), hex(end), String(size)]);
  const places = rows.length === 0 ? '' : `\n${table(['in memory', 'from', 'to', 'bytes'], rows)}`;
  return places + problems.map(problemText).join('');
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
    found.map(({ what, hint }) =>
      problemText({ what: `${name}: ${what}`, ...(hint !== undefined && { hint }) }),
    ),
  );
  return table(['image', 'check', 'kind', 'bytes', 'version', 'file'], rows) + problems.join('');
}

function problemText({ what, hint }: ImageProblem): string {
  return `${what}${hint === undefined ? '' : `\n  what to do: ${hint}`}\n`;
}

function hex(address: number): string {
  return `0x${address.toString(16)}`;
}

/** Where an image is that the lab gives no file for. */
const places: Readonly<Record<CheckedImage['place'], string>> = {
  lab: 'not given',
  flash: 'on the board',
  dom0: 'in Dom0',
};
const shownVersion = 40;
