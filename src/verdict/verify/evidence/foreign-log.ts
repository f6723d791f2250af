/** Whether the logs that a run has read are its own: they hold what the console showed before. */
import { hasBegin } from '../kernel-log.ts';
import type { Observations, SeenLine } from '../observation.ts';
import type { LogLine } from './log.ts';
import { levelMark } from './ruled-text.ts';

/**
 * @param predicted lines of the console that were expected
 * @returns in words, for each log that lacks one of them though it still has the start of the boot
 */
export function foreignLogs(
  { logs = {}, lines }: Observations,
  predicted: ReadonlySet<SeenLine>,
): readonly string[] {
  const { xen, dom0, settled = 0 } = logs;
  const shown = lines.filter(line => predicted.has(line) && line.line <= settled && !line.damaged);
  const told: string[] = [];
  if (xen?.lines.some(({ text }) => text.startsWith('Xen version ')) === true) {
    const lost = missing(
      shown.filter(({ talker }) => talker === 'xen'),
      xen.lines,
    );
    if (lost !== undefined) told.push(`the log of Xen is of another run: it lacks "${lost}"`);
  }
  if (dom0 !== undefined && hasBegin(dom0.text)) {
    const own = shown.filter(line => line.talker === 'linux' && line.domid === 0 && line.stamp !== undefined);
    const lost = missing(own, dom0.lines);
    if (lost !== undefined) told.push(`the log of Dom0's kernel is of another run: it lacks "${lost}"`);
  }
  return told;
}

/**
 * The first line that the console showed more often than the log has it. Time stamps count where the log has any of
 * those that the console showed.
 */
function missing(shown: readonly SeenLine[], log: readonly LogLine[]): string | undefined {
  const keys = new Set(log.map(line => keyOf(line)));
  const isStamped = shown.some(line => line.stamp !== undefined && keys.has(keyOf(line)));
  const left = new Map<string, number>();
  const add = (key: string, by: number) => left.set(key, (left.get(key) ?? 0) + by);
  for (const line of log) add(keyOf(line, isStamped), 1);
  for (const line of shown) {
    const key = keyOf(line, isStamped);
    if ((left.get(key) ?? 0) === 0) return key;
    add(key, -1);
  }
  return undefined;
}

function keyOf({ text, stamp }: LogLine, isStamped = true): string {
  const said = text.trim().replace(levelMark, '');
  return stamp === undefined || !isStamped ? said : `[${stamp.toFixed(6)}] ${said}`;
}
