/** Whether the logs that a run has read are its own: they hold what the console showed before, and no later time. */
import { isDamaged, isRemains } from '../damage.ts';
import { hasBegin, showsKernelLog } from '../kernel-log.ts';
import { isDomain } from '../named-domain.ts';
import type { Observations, SeenLine } from '../observation.ts';
import { Log, type LogLine } from './log.ts';
import { levelMark, linuxRelease } from './ruled-text.ts';

/**
 * @param predicted lines of the console that were expected
 * @returns in words, for each log that lacks one of them though it still has the start of the boot
 */
export function foreignLogs(
  { logs = {}, lines, answers }: Observations,
  predicted: ReadonlySet<SeenLine>,
): readonly string[] {
  const { xen, dom0, settled = 0, poweredFor = Infinity } = logs;
  const shown = lines.filter(line => predicted.has(line) && line.line <= settled && !line.damaged);
  const told: string[] = [];
  if (xen?.lines.some(({ text }) => text.startsWith('Xen version ')) === true) {
    const lost = missing(
      shown.filter(({ talker }) => talker === 'xen'),
      xen.lines,
    );
    if (lost !== undefined) told.push(`the log of Xen is of another run: it lacks "${lost}"`);
  }
  const ofDom0 = shown.filter(
    line => line.talker === 'linux' && line.domid === 0 && line.stamp !== undefined,
  );
  const own = lines.find(line => line.domid === 0 && !line.damaged && linuxRelease.test(line.text));
  if (dom0 !== undefined && hasBegin(dom0.text)) {
    const lost = missing(ofDom0, dom0.lines) ?? otherBoot(ofDom0, own, dom0.lines);
    if (lost !== undefined) told.push(`the log of Dom0's kernel is of another run: it lacks "${lost}"`);
  }
  for (const { domain, command, stdout } of answers) {
    if (!isDomain(domain, 0, { domains: [] }) || !showsKernelLog(command)) continue;
    const lost = otherBoot(ofDom0, own, new Log(stdout, 'linux').lines);
    if (lost !== undefined) told.push(`\`${command}\` shows the log of another boot: it lacks "${lost}"`);
  }
  const whole = lines.filter(line => line.line <= settled && !line.damaged && line.restIn === undefined);
  const named = [
    otherName(
      whole.filter(({ talker }) => talker === 'xen'),
      xen?.lines ?? [],
      namesOfXen,
    ),
    otherName(
      whole.filter(({ talker, domid }) => talker === 'linux' && domid === 0),
      dom0?.lines ?? [],
      namesOfKernel,
    ),
  ];
  for (const other of named) if (other !== undefined) told.push(`a log is of another run: ${other}`);
  if ((dom0?.lines ?? []).filter(({ text }) => text.startsWith(firstOfKernel)).length > 1)
    told.push("the log of Dom0's kernel holds two boots");
  const last = (dom0?.lines ?? []).reduce((latest, { stamp = 0 }) => Math.max(latest, stamp), 0);
  if (last > poweredFor * 1.05 + slack)
    told.push(
      `the log of Dom0's kernel is of another run: it goes on to ${last} s, and the board was on for ${Math.round(poweredFor)} s`,
    );
  return told;
}

/** Seconds by which clocks may differ, beside a twentieth of the time. */
const slack = 10;

/** Lines that come once in a boot, and name what runs: Xen common/version.c, arch/arm/setup.c. */
const namesOfXen = ['Xen version ', 'Latest ChangeSet: ', 'build-id: ', 'Command line: '] as const;
/** The same of Linux: arch/arm64/kernel/setup.c, init/main.c. */
const firstOfKernel = 'Booting Linux on physical CPU ';
const namesOfKernel = [firstOfKernel, 'Machine model: ', 'Kernel command line: '] as const;

/** A line of the console that names what runs, and cannot be what arrived of the one in the log. */
function otherName(
  shown: readonly SeenLine[],
  log: readonly LogLine[],
  names: readonly string[],
): string | undefined {
  for (const name of names) {
    const said = log.find(({ text }) => text.startsWith(name))?.text.trim();
    const seen = shown.find(({ text }) => text.startsWith(name))?.text.trim();
    if (said !== undefined && seen !== undefined && !isRemains(said, seen))
      return `it says "${said}", the console "${seen}"`;
  }
  return undefined;
}

/** A line of the console that the log of the same boot would have. */
function otherBoot(
  shown: readonly SeenLine[],
  version: SeenLine | undefined,
  log: readonly LogLine[],
): string | undefined {
  const said = version?.text.trim() ?? '';
  const isOther = ({ text }: LogLine) =>
    linuxRelease.test(text) && text.trim() !== said && !isDamaged(text.trim(), said);
  return version !== undefined && log.some(isOther) ? keyOf(version) : otherTime(shown, log);
}

/**
 * A line that two views of one kernel's log have at different times, where they agree on the time of none: a kernel
 * stamps a line once, wherever it goes (printk.time).
 */
function otherTime(shown: readonly SeenLine[], log: readonly LogLine[]): string | undefined {
  const times = new Map<string, Set<number>>();
  for (const { text, stamp } of log) {
    if (stamp !== undefined) times.set(text.trim(), (times.get(text.trim()) ?? new Set()).add(stamp));
  }
  const common = shown.filter(({ text }) => times.has(text.trim()));
  const agrees = ({ text, stamp }: SeenLine) => stamp !== undefined && times.get(text.trim())?.has(stamp);
  const [first] = common;
  return first === undefined || common.length < fewestCommon || common.some(agrees)
    ? undefined
    : keyOf(first);
}

/** One line alone may have a damaged time on the console. */
const fewestCommon = 2;

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
