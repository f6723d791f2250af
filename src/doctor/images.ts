/** The files that the lab names for a board, held against what its type needs. */
import { access, constants } from 'node:fs/promises';
import { bootsShippedTree, cutDownTree, imageNames, ownTreeHint } from '../lab/needed-images.ts';
import { plannedBoard } from '../lab/planned-board.ts';
import { displayName, whyUnreadable } from '../config/yaml-file.ts';
import { type BoardImages, findBoardImages } from '../lab/images/board-images.ts';
import { checkImageFiles } from '../lab/images/check-files.ts';
import type { ImageProblem } from '../lab/images/checks/problem.ts';
import { checkLayout } from '../run/deploy/layout-check.ts';
import { bootScenario } from '../scenario/load.ts';
import type { Check, PhysicalBoard } from './check.ts';
import { ok, type Said, warning, wrongFile } from './finding.ts';

export function imagesCheck(board: PhysicalBoard): Check {
  const { type, setup } = board;
  return {
    name: 'images',
    deadline: 60_000,
    look: async () => {
      const list = findBoardImages(type);
      const wrong = list === undefined ? await unreadable(board) : await unfit(board, list);
      if (wrong.length > 0) return wrong;
      const labTree = setup.images['dtb'];
      const scenario = bootScenario(type, labTree === undefined ? {} : { labTree });
      const { problems } = await checkLayout(plannedBoard(board, {}), scenario);
      if (problems.length > 0) {
        return problems.map(({ what, hint }) => wrongFile(what, hint ?? `see boards.${board.name}.images`));
      }
      const given = Object.keys(setup.images).length;
      const tree = bootsShippedTree(board)
        ? [warning(`no dtb: ${cutDownTree}`, ownTreeHint(board.name))]
        : [];
      if (list !== undefined) {
        return [ok(`${given} files are what the board needs, and have room in its memory`), ...tree];
      }
      return [
        ...tree,
        warning(
          `${given} files are there and have room in memory; what is in them is not known, as the board type ${type.type} has no list of its images`,
          'see that each is what its name says; a type that extends a shipped one has its list',
        ),
      ];
    },
  };
}

async function unfit({ name, type, setup }: PhysicalBoard, list: BoardImages): Promise<Said[]> {
  const images = await checkImageFiles(list, setup.images, imageNames(type));
  return images.flatMap(({ name: image, file, problems }) =>
    problems.map(problem => wrongImage(name, image, file, problem)),
  );
}

async function unreadable({ name, setup }: PhysicalBoard): Promise<Said[]> {
  const found = await Promise.all(
    Object.entries(setup.images).map(([image, file]) =>
      access(file, constants.R_OK).then(
        () => [],
        error => [wrongImage(name, image, file, { what: whyUnreadable(error) })],
      ),
    ),
  );
  return found.flat();
}

function wrongImage(
  board: string,
  image: string,
  file: string | undefined,
  { what, hint }: ImageProblem,
): Said {
  return wrongFile(
    `${image}${file === undefined ? '' : ` (${displayName(file)})`}: ${what}`,
    hint ?? `correct boards.${board}.images.${image}`,
  );
}
