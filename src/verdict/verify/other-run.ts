/** Whether a recording is of the run that a prediction was made for: its header says so. */
import type { PredictedRun } from '../../model/predict/prediction.ts';
import type { RunHeader } from '../recording/event.ts';

/** Marks of a prediction that tell the run that it is made for. */
export function predictedRun(header: RunHeader): PredictedRun {
  const { scenario, board, boardType, virtual, mutant = null, files, images = {} } = header;
  const sums = Object.entries(images).map(([name, { sha256 }]) => [name, sha256] as const);
  return { scenario, boardType, board, virtual, mutant, files, images: Object.fromEntries(sums) };
}

/**
 * @returns in words why the recording is of another run; undefined where it may be the one
 */
export function otherRun(
  predicted: PredictedRun | undefined,
  header: RunHeader | undefined,
): string | undefined {
  if (predicted === undefined || header === undefined) return undefined;
  const recorded = predictedRun(header);
  for (const [name, title] of fields) {
    const [wanted, seen] = [predicted[name], recorded[name]];
    if (wanted === undefined || inOrder(wanted) === inOrder(seen)) continue;
    if (typeof wanted !== 'object' || wanted === null)
      return `the recording is of another run: its ${title} is ${quoted(seen)}, the prediction is for ${quoted(wanted)}`;
    return `the recording is of another run: its ${title} are not those that the prediction is for${firstOf(wanted, seen)}`;
  }
  return undefined;
}

const fields: ReadonlyArray<readonly [keyof PredictedRun, string]> = [
  ['scenario', 'scenario'],
  ['boardType', 'board type'],
  ['board', 'board'],
  ['virtual', 'field `virtual`'],
  ['mutant', 'mutant'],
  ['files', 'deployed files'],
  ['images', 'images'],
];

function quoted(value: unknown): string {
  return value === undefined || value === null ? 'none' : JSON.stringify(value);
}

/** Names the first of the files that differs. */
function firstOf(wanted: Readonly<Record<string, string>>, seen: unknown): string {
  const sums = (seen ?? {}) as Readonly<Record<string, string>>;
  const name = Object.keys({ ...wanted, ...sums }).find(each => wanted[each] !== sums[each]);
  return name === undefined ? '' : ` (${name})`;
}

/** Members of an object in the order of their names. */
function inOrder(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'absent';
  return JSON.stringify(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
