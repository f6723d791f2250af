/**
 * A console that loses or doubles characters. What came over it is no evidence then; where Xen's own log was read
 * over SSH, that says what Xen said, and the console only when.
 */
import { ConsoleReader } from '../console/reader.ts';
import { signs } from '../console/signs.ts';
import type { Prediction } from '../model/prediction.ts';
import { align } from './align.ts';
import { hasSameNumbers, isDamaged } from './damage.ts';
import { linesFor } from './lines.ts';
import type { Observations, SeenLine, SeenSign } from './observation.ts';
import type { Judgement } from './verdict.ts';

export interface ReadLine {
  readonly seen: Observations;
  /** In words, what was read from the log for the console's sake; undefined where nothing had to be. */
  readonly note?: string;
}

/** What was seen, with the lines of Xen as they stand in its log where the console is bad. */
export function withLog(seen: Observations): ReadLine {
  const { xenLog } = seen;
  if (xenLog === undefined) return { seen };
  const said = linesOf(xenLog);
  const lines = seen.lines.filter(({ talker }) => talker === 'xen');
  const pairs = align(said.length, lines.length, (s, l) => likeness(said[s] ?? '', lines[l]?.text ?? ''));
  const damaged = pairs.filter(pair => said[pair.expected] !== lines[pair.seen]?.text.trim());
  const prefixes = lines.filter(line => line.damaged);
  const count = new Set([...damaged.map(pair => lines[pair.seen]), ...prefixes]).size;
  if (count < fewest) return { seen };
  const [first] = damaged;
  const example = first === undefined ? '' : `, "${lines[first.seen]?.text}" for "${said[first.expected]}"`;
  return {
    seen: asLogged(seen, said, new Map(pairs.map(pair => [lines[pair.seen], pair.expected]))),
    note: `the console loses or doubles characters (${count} lines of Xen${example}): what Xen said is read from its log`,
  };
}

/**
 * Judgements of a run whose console is bad, and whose log nobody read: what was not seen may have been said.
 * @returns undefined where the console is good, or all was seen
 */
export function withoutEvidence(
  judgements: readonly Judgement[],
  prediction: Prediction,
  seen: Observations,
): { readonly judgements: readonly Judgement[]; readonly what: string } | undefined {
  const near = new Map(judgements.map(judgement => [judgement, damagedLine(judgement, seen)]));
  const evidence = new Set([
    ...seen.lines.filter(line => line.damaged),
    ...judgements.flatMap(judgement => {
      const line = near.get(judgement);
      return line !== undefined && hasSameNumbers(judgement.expectation.text, line.text) ? [line] : [];
    }),
  ]);
  if (evidence.size < fewest) return undefined;
  const why = `the console loses or doubles characters: ${evidence.size} lines came damaged`;
  const texts = prediction.expectations.flatMap(({ kind, text }) => (kind === 'line' ? [text] : []));
  const result = judgements.map((judgement): Judgement => {
    const { expectation, outcome, seen: evidenceSeen } = judgement;
    const unseen = outcome === 'missed' && expectation.kind !== 'answer';
    const garbled =
      outcome === 'contradicted' &&
      expectation.kind === 'absent' &&
      texts.some(text => isDamaged(text, evidenceSeen?.text ?? ''));
    return unseen || garbled ? { ...judgement, outcome: 'infrastructure', why } : judgement;
  });
  const [line] = evidence;
  const changed = result.some((judgement, index) => judgement !== judgements[index]);
  return changed ? { judgements: result, what: `${why}, for instance "${line?.text}"` } : undefined;
}

/** So many lines are damaged by the line; fewer may be what was said. */
const fewest = 3;

function damagedLine({ expectation, outcome }: Judgement, seen: Observations): SeenLine | undefined {
  if (outcome !== 'missed' || expectation.kind !== 'line') return undefined;
  return linesFor(expectation, seen).find(({ text }) => isDamaged(expectation.text, text));
}

function likeness(said: string, seen: string): number {
  if (said === seen || said === seen.trim()) return 1;
  return isDamaged(said, seen) ? 0.5 : 0;
}

/** Xen's lines in its log. Text before the first newline may be the end of a line that the ring has lost. */
function linesOf(log: string): readonly string[] {
  const lines: string[] = [];
  const reader = new ConsoleReader(
    { line: ({ talker, text }) => talker === 'xen' && lines.push(text.trim()) },
    { history: 0 },
  );
  reader.feed(new TextEncoder().encode(log), 0);
  reader.end(0);
  return lines;
}

/** Lines that are in the log alone come where the one before them came; what is on the console alone is noise. */
function asLogged(
  seen: Observations,
  said: readonly string[],
  places: ReadonlyMap<SeenLine | undefined, number>,
): Observations {
  const lines: SeenLine[] = [];
  const found: SeenSign[] = [];
  let next = Math.min(...places.values());
  const inserted = (from: SeenLine, until: number) => {
    for (; next < until; next++) {
      const { damaged: _, unterminated: _glued, restIn: _rest, ...place } = from;
      const line: SeenLine = { ...place, talker: 'xen', text: said[next] ?? '' };
      lines.push(line);
      found.push(...milestonesOf(line));
    }
  };
  let last: SeenLine | undefined;
  for (const line of seen.lines) {
    const place = places.get(line);
    if (line.talker !== 'xen') lines.push(line);
    else if (place !== undefined) {
      inserted(last ?? line, place);
      inserted(line, place + 1);
      last = line;
    } else if (last === undefined) lines.push(line);
  }
  if (last !== undefined) inserted(last, said.length);
  const known = new Set(seen.signs.map(({ sign }) => sign.name));
  return { ...seen, lines, signs: [...seen.signs, ...found.filter(({ sign }) => !known.has(sign.name))] };
}

/** What the console's own watch could not recognise. */
function milestonesOf(line: SeenLine): SeenSign[] {
  return signs
    .filter(
      ({ kind, talkers, pattern }) =>
        kind === 'milestone' && talkers?.includes('xen') && pattern.test(line.text),
    )
    .map(({ name, kind }) => ({
      line: line.line,
      ...(line.t !== undefined && { t: line.t }),
      phase: line.phase,
      sign: { name, kind, talker: 'xen', text: line.text, t: line.t ?? 0, number: line.line },
    }));
}
