/** Files of a board type's deployment: firmware/TYPE/images.yaml. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { BoardType } from '../../board/board-type.ts';
import { ConfigurationError } from '../../config/configuration-error.ts';
import { projectDirectory } from '../../config/project-directory.ts';
import { readYamlFile } from '../../config/yaml-file.ts';
import { imageCheckSchema } from './checks/check.ts';

/** One way to get an image, in the words and commands of the project that makes it. */
const source = z.strictObject({
  /** Name of the project. */
  from: z.string(),
  repository: z.string().exactOptional(),
  /** Branch, tag or commit. */
  revision: z.string().exactOptional(),
  /** Commands. */
  build: z.array(z.string()).default([]),
  /** Results of these commands. */
  gives: z.string().exactOptional(),
  notes: z.array(z.string()).default([]),
  /** Whether a board has been seen to boot with it. */
  verified: z.string().default('not verified on a board'),
});

const image = imageCheckSchema.extend({
  title: z.string(),
  /**
   * - `lab`: a file of lab.yaml, deployed for each run.
   * - `flash`: put on the board once, by hand.
   * - `dom0`: a file in Dom0, where its ramdisk brings it.
   */
  place: z.enum(['lab', 'flash', 'dom0']).default('lab'),
  sources: z.array(source).min(1),
});

export const boardImagesSchema = z.strictObject({
  schema: z.literal(1),
  type: z.string(),
  images: z.record(z.string(), image),
});

export type BoardImages = z.output<typeof boardImagesSchema>;
export type BoardImage = z.output<typeof image>;

/**
 * The list of a board type, or of the nearest type that it extends.
 * @throws ConfigurationError where there is none, or it is wrong
 */
export function loadBoardImages(type: Pick<BoardType, 'lineage'>): BoardImages {
  const found = findBoardImages(type);
  if (found !== undefined) return found;
  const [name = 'TYPE'] = type.lineage;
  throw new ConfigurationError(
    `the board type ${name} has no list of its images`,
    `write firmware/${name}/images.yaml (docs/schemas/images.schema.json)`,
  );
}

/**
 * As `loadBoardImages`.
 * @returns undefined where there is none
 */
export function findBoardImages({ lineage }: Pick<BoardType, 'lineage'>): BoardImages | undefined {
  const files = lineage.map(name => path.join(projectDirectory, 'firmware', name, 'images.yaml'));
  const index = files.findIndex(each => existsSync(each));
  const [file, type] = [files[index], lineage[index]];
  if (file === undefined || type === undefined) return undefined;
  const { value, place } = readYamlFile(file, boardImagesSchema);
  if (value.type === type) return value;
  throw new ConfigurationError(`${place(['type'])}: type: is ${value.type}, but the file is that of ${type}`);
}
