/** Which statement of the series is tested by which scenario, and what the model predicts by board type. */
import type { BoardType } from '../board/board-type.ts';
import { boardTypeNames, loadBoardType } from '../board/board-types.ts';
import type { Expectation } from '../model/predict/prediction.ts';
import { predict } from '../model/predict/predict.ts';
import type { ClaimMatrix, PredictedOutcome, MatrixEntry } from '../verdict/report/claim-matrix.ts';
import { type Claim, loadClaims } from '../scenario/claims.ts';
import { fitsBoardType } from '../scenario/fit.ts';
import { listScenarios, loadScenario, type ScenarioFile } from '../scenario/load.ts';

/**
 * Of the shipped scenarios.
 * @throws ConfigurationError where one of them is wrong
 */
export function claimMatrix(): ClaimMatrix {
  const boardTypes = boardTypeNames().map(loadBoardType).filter(runsTheSeries);
  const predicted = listScenarios().map(file => predictClaims(file, boardTypes));
  const rows = loadClaims().map(claim => ({
    claim,
    entries: predicted.flatMap(each => entryOf(claim, each) ?? []),
  }));
  return { boardTypes: boardTypes.map(({ type }) => type), rows };
}

/**
 * Another Xen can keep none of the promises; its board types would be columns of noise. So would QEMU's own. A type
 * that extends another would repeat its column.
 */
function runsTheSeries({ xen, emulator, lineage }: BoardType): boolean {
  return xen.mediator === 'multi-agent' && emulator === undefined && lineage.length === 1;
}

interface PredictedScenario {
  readonly file: ScenarioFile;
  /** The scenario's own statements as the model sees them, by board type. */
  readonly byBoard: ReadonlyMap<string, readonly Expectation[]>;
}

function predictClaims(file: ScenarioFile, boardTypes: readonly BoardType[]): PredictedScenario {
  const fitting = boardTypes.filter(type => fitsBoardType(file.document, type));
  const byBoard = fitting.map(type => {
    const { directory } = type.dom0;
    // The images that a run deploys bring Dom0's kernel along.
    const prediction = predict(loadScenario(file.file, type), { directory, dom0KernelIsAdded: true });
    return [type.type, prediction.expectations.filter(({ claim }) => claim !== undefined)] as const;
  });
  return { file, byBoard: new Map(byBoard) };
}

function entryOf({ id }: Claim, { file, byBoard }: PredictedScenario): MatrixEntry | undefined {
  const boards = new Map<string, PredictedOutcome>();
  const breaks: { board: string; promise: string; why: string }[] = [];
  for (const [board, expectations] of byBoard) {
    const own = expectations.filter(({ claim }) => claim?.ids.includes(id));
    const broken = own.flatMap(({ text, claim }) =>
      claim?.broken ? [{ board, promise: text, why: claim.broken.because }] : [],
    );
    breaks.push(...broken);
    if (own.length > 0) boards.set(board, broken.length > 0 ? 'breaks' : 'holds');
  }
  if (boards.size === 0) return undefined;
  return { scenario: file.name, title: file.document.title, boards, breaks };
}
