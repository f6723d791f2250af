/** Expected console lines against the ones that were seen, talker by talker. */
import type { Expectation } from '../../model/predict/prediction.ts';
import { align } from './align.ts';
import { orderOf, type Observations, type SeenLine } from './observation.ts';

/** Result of matching: the expected lines, and the seen lines that they account for. */
export interface MatchedLines {
  readonly met: ReadonlyMap<Expectation, SeenLine>;
  readonly accounted: ReadonlySet<SeenLine>;
  /** The part of them that the model predicts; the rest are only what a claim asks for. */
  readonly predicted: ReadonlySet<SeenLine>;
}

export function matchLines(expectations: readonly Expectation[], seen: Observations): MatchedLines {
  const met = new Map<Expectation, SeenLine>();
  const predicted = new Set<SeenLine>();
  const claimed = new Set<SeenLine>();
  const lines = expectations.filter(({ kind }) => kind === 'line');
  // Claims stand by themselves: each may ask for a line that the model expects as well.
  const claims = lines.filter(({ claim }) => claim !== undefined);
  for (const claim of claims) matchAnywhere([claim], linesFor(claim, seen), seen, met, claimed);
  const streams = Map.groupBy(
    lines.filter(({ claim }) => claim === undefined),
    streamOfExpectation,
  );
  for (const [stream, expected] of streams) {
    const spoken = seen.lines.filter(line => streamOfLine(line) === stream);
    // Standard output and error of a command have no order between them.
    const match = stream === 'xl' ? matchAnywhere : matchInOrder;
    match(expected, spoken, seen, met, predicted);
  }
  return { met, accounted: new Set([...predicted, ...claimed]), predicted };
}

/** Lines that an expectation could be met by, whatever they say. */
export function linesFor(expectation: Expectation, seen: Observations): readonly SeenLine[] {
  const stream = streamOfExpectation(expectation);
  const anyDomain = expectation.source === 'linux' && expectation.domid === undefined;
  const anyOfXen = expectation.source === 'xen' && (expectation.kind === 'absent' || expectation.claim);
  if (anyDomain || anyOfXen) return seen.lines.filter(({ talker }) => talker === expectation.source);
  return seen.lines.filter(line => streamOfLine(line) === stream);
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

/** Each takes the first line that fits and that no other took, wherever it stands. */
function matchAnywhere(
  expected: readonly Expectation[],
  lines: readonly SeenLine[],
  seen: Observations,
  met: Map<Expectation, SeenLine>,
  accounted: Set<SeenLine>,
): void {
  const taken = new Set<SeenLine>();
  for (const expectation of expected) {
    const pattern = patternOf(expectation);
    const line = lines.find(
      (offered, index) =>
        !taken.has(offered) &&
        isInTime(offered, expectation, seen) &&
        textsOf(offered, lines[index + 1]).some(text => pattern.test(text)),
    );
    if (line === undefined) continue;
    taken.add(line);
    met.set(expectation, line);
    accounted.add(line);
  }
}

/** A line may come late, never before its phase; what a command printed stands in its answer. */
function isInTime({ talker, phase }: SeenLine, expectation: Expectation, { form }: Observations): boolean {
  if (form === 'console log') return true;
  return talker === 'xl' ? phase === expectation.phase : orderOf(phase) >= orderOf(expectation.phase);
}

function matchInOrder(
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

/** The talker of the lines that an expectation is about, as a seen line names it. */
export function talkerOf({ source }: Expectation): string {
  return source === 'firmware' ? 'tf-a' : source;
}

/**
 * Lines are in order among those of one stream: of one talker and domain. What Xen says about a vCPU that runs
 * (`d1v0 Unhandled SMC/HVC`) comes when that vCPU gets to it, so each domain's are a stream of their own.
 */
export function streamOfExpectation({ source, domid, text }: Expectation): string {
  if (source === 'firmware') return 'tf-a';
  if (source === 'linux') return `linux ${domid ?? 0}`;
  return source === 'xen' ? xenStream(text) : source;
}

export function streamOfLine({ talker, domid, text }: SeenLine): string {
  if (talker === 'linux') return `linux ${domid ?? 0}`;
  return talker === 'xen' ? xenStream(text) : talker;
}

function xenStream(text: string): string {
  const running = /^d(\d+)v\d+[: ]/.exec(text);
  return running === null ? 'xen' : `xen d${running[1]}`;
}
