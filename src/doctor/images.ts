/** The files that the lab names for a board, held against what its type needs. */
import { imageNames } from '../board/load-lab.ts';
import { displayName } from '../board/yaml-file.ts';
import { loadBoardImages } from '../images/board-images.ts';
import { checkImageFiles } from '../images/check-files.ts';
import type { RealBoard } from './board.ts';
import type { Check } from './check.ts';
import { ok, wrongFile } from './finding.ts';

export function imagesCheck({ name, type, setup }: RealBoard): Check {
  return {
    name: 'images',
    deadline: 60_000,
    look: async () => {
      const images = await checkImageFiles(loadBoardImages(type), setup.images, imageNames(type));
      const wrong = images.flatMap(({ name: image, file, problems }) =>
        problems.map(({ what, mend }) =>
          wrongFile(
            `${image}${file === undefined ? '' : ` (${displayName(file)})`}: ${what}`,
            mend ?? `correct boards.${name}.images.${image}`,
          ),
        ),
      );
      const given = images.filter(({ file }) => file !== undefined).length;
      return wrong.length > 0 ? wrong : [ok(`${given} files are what the board needs`)];
    },
  };
}
