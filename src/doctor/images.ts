/** The files that the lab names for a board, held against what its type needs. */
import { imageNames } from '../board/load-lab.ts';
import { plannedBoard } from '../board/planned-board.ts';
import { displayName } from '../board/yaml-file.ts';
import { loadBoardImages } from '../images/board-images.ts';
import { checkImageFiles } from '../images/check-files.ts';
import { checkLayout } from '../run/layout-check.ts';
import { bootScenario } from '../scenario/load.ts';
import type { RealBoard } from './board.ts';
import type { Check } from './check.ts';
import { ok, wrongFile } from './finding.ts';

export function imagesCheck(board: RealBoard): Check {
  const { name, type, setup } = board;
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
      if (wrong.length > 0) return wrong;
      const labTree = setup.images['dtb'];
      const scenario = bootScenario(type, labTree === undefined ? {} : { labTree });
      const { problems } = await checkLayout(plannedBoard(board, {}), scenario);
      if (problems.length > 0) {
        return problems.map(({ what, mend }) => wrongFile(what, mend ?? `see boards.${name}.images`));
      }
      const given = images.filter(({ file }) => file !== undefined).length;
      return [ok(`${given} files are what the board needs, and have room in its memory`)];
    },
  };
}
