/** The files that the lab names for a board. */
import { access, constants } from 'node:fs/promises';
import { displayName } from '../board/yaml-file.ts';
import type { RealBoard } from './board.ts';
import type { Check } from './check.ts';
import { ok, wrongFile } from './finding.ts';

export function imagesCheck({ name, setup }: RealBoard): Check {
  return {
    name: 'images',
    deadline: 10_000,
    look: async () => {
      const images = Object.entries(setup.images);
      const readable = await Promise.all(
        images.map(([, file]) =>
          access(file, constants.R_OK).then(
            () => true,
            () => false,
          ),
        ),
      );
      const missing = images.filter((_, index) => readable[index] === false);
      if (missing.length === 0) return [ok(`${images.length} files can be read`)];
      return missing.map(([image, file]) =>
        wrongFile(
          `${image}: ${displayName(file)} cannot be read`,
          `correct boards.${name}.images.${image}, or put it there`,
        ),
      );
    },
  };
}
