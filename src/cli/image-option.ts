/** `--image NAME=PATH`: a file of the user's in place of one of the board's. */
import { abilitiesOf, namedImages } from '../lab/abilities.ts';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { BoardEntry } from '../lab/load-lab.ts';
import { imageNames } from '../lab/needed-images.ts';
import { nearestName } from '../config/nearest-name.ts';
import { UsageError } from './command.ts';

/**
 * @param texts `xen=./xen/xen`
 * @returns full paths by name
 * @throws UsageError where a text has another form, or there is no such file
 */
export function imagesGiven(texts: readonly string[], cwd: string): Readonly<Record<string, string>> {
  const pairs = texts.map(text => {
    const at = text.indexOf('=');
    if (at < 1)
      throw new UsageError(`--image ${text}: NAME=PATH is expected`, 'for instance --image xen=./xen');
    const file = path.resolve(cwd, text.slice(at + 1));
    if (!existsSync(file)) throw new UsageError(`--image ${text}: there is no ${file}`);
    return [text.slice(0, at), file] as const;
  });
  return Object.fromEntries(pairs);
}

/**
 * A board with files of the user's among its images.
 * @throws UsageError where the board has no image of that name
 */
export function withImages(board: BoardEntry, images: Readonly<Record<string, string>>): BoardEntry {
  const { name, type, setup } = board;
  const names = Object.keys(images);
  if (names.length === 0) return board;
  if (!abilitiesOf(board).bootsFiles) {
    throw new UsageError(`--image: ${name} is virtual, it runs no images`, 'name another board with --board');
  }
  const known = [
    ...imageNames(type),
    'dtb',
    'probe',
    'tools',
    ...(type.emulator === undefined ? [] : ['firmware', 'u-boot']),
  ];
  const unknown = names.find(image => !known.includes(image));
  if (unknown !== undefined) {
    const nearest = nearestName(unknown, known);
    const instead = nearest === undefined ? `it has ${known.join(', ')}` : `did you mean ${nearest}?`;
    throw new UsageError(`--image ${unknown}: ${name} has no such image`, instead);
  }
  return { ...board, setup: { ...setup, images: { ...namedImages(board), ...images } } };
}
