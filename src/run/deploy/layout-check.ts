/** Checks of a deployment's places in memory, and of its tree, before a board is touched. */
import type { PlannedBoard } from '../../lab/planned-board.ts';
import { hostTreeProblems } from '../../lab/images/checks/device-tree.ts';
import type { ImageProblem } from '../../lab/images/checks/problem.ts';
import type { Scenario } from '../../model/predict/scenario.ts';
import { planDeployment } from './deployment.ts';

export interface CheckedLayout {
  /** In the order of their addresses. */
  readonly ranges: readonly LoadRange[];
  readonly problems: readonly ImageProblem[];
}

interface LoadRange {
  readonly file: string;
  readonly address: number;
  /** Of the first byte behind it, with what the file clears or grows into. */
  readonly end: number;
  /** Bytes of the file itself. */
  readonly size: number;
}

/** @throws ConfigurationError where an image is missing or cannot be read */
export async function checkLayout(board: PlannedBoard, scenario: Scenario): Promise<CheckedLayout> {
  const { placed, problems, hostTree } = await planDeployment(board, scenario);
  const ranges = placed
    .map(({ file, address, size, span }) => ({ file, address, end: address + span, size }))
    .toSorted((one, other) => one.address - other.address);
  // Only Xen wants all that of a tree.
  const ofTree = scenario.payload === undefined ? hostTreeProblems(hostTree) : [];
  const told = ofTree.map(({ what, ...rest }) => ({ what: `dtb: ${what}`, ...rest }));
  return { ranges, problems: [...problems, ...told] };
}
