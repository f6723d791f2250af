/** Expected console lines against the ones that were seen, talker by talker. */
import type { Expectation } from '../model/prediction.ts';
import { align } from './align.ts';
import { orderOf, type Observations, type SeenLine } from './observation.ts';

/** What became of the expected lines, and which seen lines are thereby accounted for. */
export interface MatchedLines {
  readonly met: ReadonlyMap<Expectation, SeenLine>;
  readonly accounted: ReadonlySet<SeenLine>;
}

export function matchLines(expectations: readonly Expectation[], seen: Observations): MatchedLines {
  const met = new Map<Expectation, SeenLine>();
  const accounted = new Set<SeenLine>();
  const lines = expectations.filter(({ kind }) => kind === 'line');
  // A claim may ask for the same line as the model does: each kind has an alignment of its own.
  for (const group of [
    lines.filter(({ claim }) => claim === undefined),
    lines.filter(({ claim }) => claim),
  ]) {
    for (const [stream, expected] of Map.groupBy(group, streamOfExpectation)) {
      matchStream(
        expected,
        seen.lines.filter(line => streamsOfLine(line).includes(stream)),
        seen,
        met,
        accounted,
      );
    }
  }
  return { met, accounted };
}

/** Lines that an expectation could be met by, whatever they say. */
export function linesFor(expectation: Expectation, seen: Observations): readonly SeenLine[] {
  const stream = streamOfExpectation(expectation);
  return seen.lines.filter(line => streamsOfLine(line).includes(stream));
}

/**
 * A pattern of the model, which is anchored; without the error that a faulty one would be.
 * @throws Error that names the expectation
 */
export function patternOf({ id, pattern }: Expectation): RegExp {
  try {
    return new RegExp(pattern);
  } catch (error) {
    throw new Error(`the expectation ${id} has a faulty pattern: ${pattern}`, { cause: error });
  }
}

/** Texts that a seen line offers: with and without blanks at its end, and with what is glued to it. */
export function textsOf(line: SeenLine, next: SeenLine | undefined): readonly string[] {
  const texts = [line.text];
  const trimmed = line.text.trimEnd();
  if (trimmed !== line.text) texts.push(trimmed);
  if (line.unterminated && next !== undefined) texts.push(line.text + next.text);
  return texts;
}

function matchStream(
  expected: readonly Expectation[],
  lines: readonly SeenLine[],
  seen: Observations,
  met: Map<Expectation, SeenLine>,
  accounted: Set<SeenLine>,
): void {
  const patterns = expected.map(patternOf);
  const texts = lines.map((line, index) => textsOf(line, lines[index + 1]));
  // Only lines that are expected at all take part, which keeps the table of the alignment small.
  const taking = texts.flatMap((offered, index) =>
    patterns.some(pattern => offered.some(text => pattern.test(text))) ? [index] : [],
  );
  const phased = seen.form === 'recording';
  const pairs = align(expected.length, taking.length, (e, s) => {
    const index = taking[s] ?? 0;
    if (!texts[index]?.some(text => patterns[e]?.test(text))) return 0;
    if (!phased) return 1;
    // A line may come late, after the next step has begun; never before its own.
    const late = orderOf(lines[index]?.phase ?? 'boot') - orderOf(expected[e]?.phase ?? 'boot');
    return late < 0 ? 0 : late === 0 ? 1 : 0.5;
  });
  for (const pair of pairs) {
    const index = taking[pair.seen] ?? 0;
    const [expectation, line, next] = [expected[pair.expected], lines[index], lines[index + 1]];
    if (expectation === undefined || line === undefined) continue;
    met.set(expectation, line);
    accounted.add(line);
    const glued = line.unterminated && !patterns[pair.expected]?.test(line.text);
    if (glued && next !== undefined) accounted.add(next);
  }
}

/**
 * Lines are in order among those of one stream: of one talker and domain. What Xen says about a vCPU that runs
 * (`d1v0 Unhandled SMC/HVC`) comes when that vCPU gets to it, so each domain's are a stream of their own.
 */
function streamOfExpectation({ source, domid, text }: Expectation): string {
  if (source === 'firmware') return 'tf-a';
  if (source === 'linux') return `linux ${domid ?? 0}`;
  return source === 'xen' ? xenStream(text) : source;
}

function streamsOfLine({ talker, domid, text }: SeenLine): readonly string[] {
  if (talker === 'linux') return [`linux ${domid ?? 0}`];
  return [talker === 'xen' ? xenStream(text) : talker];
}

function xenStream(text: string): string {
  const running = /^d(\d+)v\d+[: ]/.exec(text);
  return running === null ? 'xen' : `xen d${running[1]}`;
}
