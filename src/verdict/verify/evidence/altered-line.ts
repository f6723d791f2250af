/** Evidence that contradicts itself: one line in two versions, or one device under two names. */
import type { Expectation } from '../../../model/predict/prediction.ts';
import { linesFor } from '../lines.ts';
import type { Observations, SeenLine } from '../observation.ts';

/**
 * Lines that a log or an answer has, and of which the console has another version: as long, with other characters.
 * A serial line loses or doubles characters; it changes none.
 * @param elsewhere the lines that the console did not bring, by what they were expected for
 * @param predicted lines of the console that were expected
 * @returns in words, one for each
 */
export function alteredLines(
  elsewhere: Iterable<readonly [Expectation, string]>,
  seen: Observations,
  predicted: ReadonlySet<SeenLine>,
): readonly string[] {
  const told = new Set<string>();
  const ofXen = seen.lines.filter(({ talker }) => talker === 'xen');
  for (const [expectation, text] of elsewhere) {
    // The number of a domain may be what was changed: all that Xen has said may be it.
    const lines = expectation.source === 'xen' ? ofXen : linesFor(expectation, seen);
    const altered = lines.find(line => !predicted.has(line) && differsLittle(line.text.trim(), text.trim()));
    if (altered !== undefined)
      told.add(`the console says "${altered.text.trim()}" where the log says "${text.trim()}"`);
  }
  return [...told];
}

/** Numbers that a kernel gives to its devices: any, and the same each time. */
const device = /\b(?:arm-scmi|scmi_dev)\.\d+\b/g;

/**
 * Lines of one kernel that name one device in two ways.
 * @param met lines that were expected, each with what was seen
 */
export function renamedDevices(met: Iterable<readonly [Expectation, SeenLine]>): readonly string[] {
  const names = new Map<string, string>();
  for (const [{ source, text, claim }, line] of met) {
    if (source !== 'linux' || claim !== undefined) continue;
    const seen = line.text.match(device) ?? [];
    for (const [index, expected] of (text.match(device) ?? []).entries()) {
      const key = `${line.domid ?? 0} ${expected}`;
      const name = seen[index] ?? expected;
      const known = names.get(key) ?? name;
      names.set(key, known);
      if (name !== known)
        return [`the kernel of domain ${line.domid ?? 0} calls one device ${known} and ${name}`];
    }
  }
  return [];
}

/** As long, with at most two other characters. */
function differsLittle(a: string, b: string): boolean {
  if (a.length !== b.length || a.length < 8) return false;
  let different = 0;
  for (let at = 0; at < a.length && different < 3; at++) if (a[at] !== b[at]) different++;
  return different > 0 && different < 3;
}
