/** Lines that the logs of Xen and of Dom0's kernel have, and that never came over the console. */
import type { Expectation } from '../../model/predict/prediction.ts';
import type { Log } from './evidence/log.ts';
import { levelMark } from './evidence/ruled-text.ts';
import { linesFor, patternOf } from './lines.ts';
import type { Observations } from './observation.ts';

/**
 * @param unmet expectations of lines that were not heard
 * @returns for each the line as its log has it, where the log has more like it than came; each is given once, but
 *   to a claim, which stands by itself
 */
export function unheardLines(
  unmet: readonly Expectation[],
  seen: Observations,
): ReadonlyMap<Expectation, string> {
  const found = new Map<Expectation, string>();
  const given = new Map<string, number>();
  for (const expectation of unmet) {
    const { claim, pattern } = expectation;
    const more = moreInLog(expectation, seen);
    const before = claim === undefined ? (given.get(pattern) ?? 0) : 0;
    const text = more[before];
    if (text === undefined) continue;
    found.set(expectation, text);
    if (claim === undefined) given.set(pattern, before + 1);
  }
  return found;
}

/** Lines of the log in excess of those that came. */
function moreInLog(expectation: Expectation, seen: Observations): readonly string[] {
  const log = logOf(expectation, seen);
  if (log === undefined) return [];
  const pattern = patternOf(expectation);
  const heard = linesFor(expectation, seen).filter(({ text }) => pattern.test(text.trimEnd())).length;
  return log.lines
    .map(({ text }) => text.replace(levelMark, ''))
    .filter(text => pattern.test(text))
    .slice(heard);
}

function logOf({ source, domid = 0 }: Expectation, { logs }: Observations): Log | undefined {
  if (source === 'xen') return logs?.xen;
  return source === 'linux' && domid === 0 ? logs?.dom0 : undefined;
}
