/**
 * A console that loses or doubles characters. What came over it is no evidence then; where the logs of Xen and of
 * Dom0's kernel were read over SSH, those say what was said, and the console only when.
 */
import { signs } from '../console/signs.ts';
import type { Expectation, Prediction } from '../../model/predict/prediction.ts';
import { alignTexts } from './align.ts';
import { hasSameNumbers, isDamaged, isRemains } from './damage.ts';
import { linesFor } from './lines.ts';
import type { Log } from './evidence/log.ts';
import type { Observations, SeenLine, SeenSign } from './observation.ts';
import type { Evidence, Judgement } from './verdict.ts';
import { linuxText } from '../console/vocabulary/linux.ts';
import { uBootText } from '../console/vocabulary/u-boot.ts';
import { xenText } from '../console/vocabulary/xen.ts';

export interface Believed {
  readonly seen: Observations;
  /** In words, what was read from a log for the console's sake; absent where nothing had to be. */
  readonly note?: string;
  /** Whether a log says what a talker has said. */
  readonly isLogged: (talker: Pick<SeenLine, 'talker' | 'domid'>) => boolean;
}

/** Observations, with lines as their logs have them if the console is bad. */
export function withLogs(seen: Observations): Believed {
  const { xen, dom0 } = seen.logs ?? {};
  const logged = [
    ...(xen === undefined ? [] : [compared(seen, textsOf(xen), ofXen)]),
    ...(dom0 === undefined ? [] : [compared(seen, textsOf(dom0), ofDom0)]),
  ];
  const damaged = logged.flatMap(log => log.damaged);
  const count = new Set([...damaged.map(({ line }) => line), ...seen.lines.filter(line => line.damaged)])
    .size;
  const [first] = damaged;
  const isBad = first !== undefined;
  if (!isBad && seen.gaps.length === 0) return { seen, isLogged: () => false };
  const believed: Believed = {
    seen: logged.reduce(asLogged, seen),
    isLogged: line => (ofXen(line) && xen !== undefined) || (ofDom0(line) && dom0 !== undefined),
  };
  if (!isBad) return believed;
  return {
    ...believed,
    note:
      `the console loses or doubles characters (${count} damaged, "${first.line.text}" for "${first.said}"): ` +
      'what was said is read from the logs',
  };
}

function textsOf(log: Log | undefined): readonly string[] {
  return log?.lines.map(({ text }) => text) ?? [];
}

/** Versions of Xen and the kernels: by their logs alone if the console is bad. */
export function ownWords({ seen, note }: Believed): readonly SeenLine[] {
  if (note === undefined) return seen.lines;
  const { xen, dom0, line = 1 } = seen.logs ?? {};
  const at = { line, phase: 'boot' as const };
  return [
    ...textsOf(xen).map(text => ({ ...at, talker: 'xen' as const, text })),
    ...textsOf(dom0).map(text => ({ ...at, talker: 'linux' as const, domid: 0, text })),
  ];
}

/**
 * Judgements of a run whose console is bad: what was not seen of a talker whose log nobody read may have been said.
 * @returns undefined where the console is good, or all was seen
 */
export function withoutEvidence(
  judgements: readonly Judgement[],
  prediction: Prediction,
  { seen, note, isLogged }: Believed,
): { readonly judgements: readonly Judgement[]; readonly what: string } | undefined {
  const near = judgements.flatMap(judgement => damagedLine(judgement, seen) ?? []);
  const evidence = new Set([...seen.lines.filter(line => line.damaged || isDamagedConstant(line)), ...near]);
  if (note === undefined && evidence.size < fewest) return undefined;
  const why = 'the console loses or doubles characters, and nobody read the log of who said it';
  const texts = prediction.expectations.flatMap(({ kind, text }) => (kind === 'line' ? [text] : []));
  if (prediction.panic !== null) texts.push(prediction.panic);
  const result = judgements.map((judgement): Judgement => {
    const isLost =
      judgement.outcome === 'missed'
        ? isOverTheLine(judgement.expectation) && !isLogged(talkerOf(judgement.expectation))
        : judgement.outcome === 'contradicted' && isGarbled(judgement.seen, texts, seen, isLogged);
    return isLost ? { ...judgement, outcome: 'infrastructure', why } : judgement;
  });
  const changed = result.filter((judgement, index) => judgement !== judgements[index]).length;
  if (changed === 0) return undefined;
  const [line] = evidence;
  const example = line === undefined ? '' : ` ("${line.text}")`;
  const what = `the console loses or doubles characters${example}: ${changed} of what was expected may have been said`;
  return { judgements: result, what };
}

/**
 * Whether a boot that was to end in a panic ended so, as far as a bad console shows: of the panic's words, some
 * characters may be missing.
 */
export function mayHavePanicked({ panic }: Prediction, { signs: found }: Observations): boolean {
  const panics = found.filter(({ sign }) => sign.name === 'xen-panic');
  return panic !== null && panics.every(({ sign }) => isDamaged(panic, sign.detail ?? ''));
}

/** This number of damaged lines proves a bad serial line; fewer may have been printed so. */
const fewest = 3;

/** Lines, and starts of lines, that are the same in each boot. */
const constants = [...uBootText.constants, ...xenText.constants, ...linuxText.constants];
const beginnings = [...xenText.beginnings, ...linuxText.beginnings];

function isDamagedConstant({ text }: SeenLine): boolean {
  return constants.some(said => isDamaged(said, text)) || beginnings.some(said => beginsDamaged(said, text));
}

function beginsDamaged(said: string, text: string): boolean {
  if (text.startsWith(said)) return false;
  return [said.length - 1, said.length + 1].some(length => isDamaged(said, text.slice(0, length)));
}

/** Answers of commands come over SSH. */
function isOverTheLine({ kind, source }: Expectation): boolean {
  return kind !== 'answer' && source !== 'xl';
}

function talkerOf({ source, domid = 0 }: Expectation): Pick<SeenLine, 'talker' | 'domid'> {
  if (source === 'xen') return { talker: 'xen' };
  return source === 'linux' ? { talker: 'linux', domid } : { talker: 'unknown' };
}

/** Whether a line that was not predicted may be one that was, and nobody can tell. */
function isGarbled(
  evidence: Evidence | undefined,
  texts: readonly string[],
  { lines }: Observations,
  isLogged: Believed['isLogged'],
): boolean {
  if (evidence === undefined || !texts.some(said => mayBe(said, evidence.text))) return false;
  const from = lines.find(({ line, text }) => line === evidence.line && text === evidence.text);
  return from === undefined || !isLogged(from);
}

/** A line in which a word lacks a character; if a number lacks one, the line is unknown. */
function damagedLine({ expectation, outcome }: Judgement, seen: Observations): SeenLine | undefined {
  if (outcome !== 'missed' || expectation.kind !== 'line') return undefined;
  const { text: said } = expectation;
  return linesFor(expectation, seen).find(({ text }) => mayBe(said, text) && hasSameNumbers(said, text));
}

/** A blank before it may be the prefix's, which came twice. */
function mayBe(said: string, seen: string): boolean {
  return seen === ` ${said}` || isDamaged(said, seen);
}

type IsOfLog = (line: Pick<SeenLine, 'talker' | 'domid'>) => boolean;

const ofXen: IsOfLog = ({ talker }) => talker === 'xen';
const ofDom0: IsOfLog = ({ talker, domid }) => talker === 'linux' && domid === 0;

/** A log beside what came of it over the console. */
interface Logged {
  readonly said: readonly string[];
  readonly isOfLog: IsOfLog;
  /** Index into the log of each line that came. */
  readonly places: ReadonlyMap<SeenLine, number>;
  readonly damaged: readonly { readonly said: string; readonly line: SeenLine }[];
}

function compared(seen: Observations, said: readonly string[], isOfLog: IsOfLog): Logged {
  const lines = seen.lines.filter(isOfLog);
  const pairs = alignTexts(
    said,
    lines.map(({ text }) => text),
    likeness,
  );
  const places = new Map<SeenLine, number>();
  const damaged: { said: string; line: SeenLine }[] = [];
  for (const pair of pairs) {
    const [text, line] = [said[pair.expected], lines[pair.seen]];
    if (text === undefined || line === undefined) continue;
    places.set(line, pair.expected);
    if (isDamaged(text, line.text)) damaged.push({ said: text, line });
  }
  return { said, isOfLog, places, damaged };
}

function likeness(said: string, seen: string): number {
  if (said === seen || said === seen.trim()) return 1;
  return isDamaged(said, seen) ? 0.5 : 0;
}

/**
 * Lines that are in the log alone come where the one before them came. Of Xen, what is on the console alone is noise
 * where it may be left of what the log has; on Dom0's, programs write too.
 */
function asLogged(seen: Observations, { said, isOfLog, places }: Logged): Observations {
  const lines: SeenLine[] = [];
  const end = seen.lines.at(-1);
  let next = 0;
  const insert = (from: SeenLine, until: number, before?: SeenLine) => {
    // A line that is missing on the console may have been printed while the console was away.
    const gap = seen.gaps.find(
      each =>
        each.of === undefined && each.from.line >= from.line && each.from.line <= (before?.line ?? Infinity),
    );
    // Without one it was said before what comes next, and not before its own step.
    const place = { ...from, ...(gap?.to ?? placeOf(before ?? end ?? from)) };
    for (; next < until; next++) lines.push(asSaid(place, said[next] ?? ''));
  };
  let last: SeenLine | undefined;
  for (const line of seen.lines) {
    const place = places.get(line);
    if (place !== undefined) {
      insert(last ?? line, place, line);
      insert(line, place + 1, line);
      last = line;
    } else if (!isOfLog(line) || last === undefined || !isNoise(line, said)) lines.push(line);
  }
  if (last !== undefined) insert(last, said.length);
  return { ...seen, lines, signs: [...seen.signs, ...milestonesOf(lines, seen)] };
}

/** A newline that is lost makes one line of two. */
function isNoise({ talker, stamp, text }: SeenLine, said: readonly string[]): boolean {
  if (talker === 'linux') return stamp !== undefined;
  return said.some((line, index) => isRemains(`${line}\r(XEN) ${said[index + 1] ?? ''}`, text.trim()));
}

function placeOf({ line, phase, t }: SeenLine) {
  return { line, phase, ...(t !== undefined && { t }) };
}

/** In place of a line that came damaged, or not at all. */
function asSaid(from: SeenLine, text: string): SeenLine {
  const { line, t, talker, domid, phase } = from;
  return {
    line,
    ...(t !== undefined && { t }),
    talker,
    ...(domid !== undefined && { domid }),
    text,
    phase,
  };
}

/** Signs that the console's own watch could not recognise. */
function milestonesOf(lines: readonly SeenLine[], seen: Observations): SeenSign[] {
  const known = new Set(seen.signs.map(({ sign }) => sign.name));
  const missing = signs.filter(({ name, kind }) => kind === 'milestone' && !known.has(name));
  return missing.flatMap(({ name, kind, talkers, pattern }) => {
    const found = lines.find(
      ({ talker, text }) => ofXen({ talker }) && talkers?.includes('xen') && pattern.test(text),
    );
    if (found === undefined) return [];
    const { line, t, phase, text } = found;
    const sign = { name, kind, talker: 'xen' as const, text, t: t ?? 0, number: line };
    return [{ line, ...(t !== undefined && { t }), phase, sign }];
  });
}
