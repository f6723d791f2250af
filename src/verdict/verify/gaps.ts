/** Lines that may have been printed while the console's adapter was away. */
import type { Expectation, Prediction } from '../../model/predict/prediction.ts';
import { type MatchedLines, streamOfExpectation } from './lines.ts';
import { type Observations, orderOf, type SeenGap } from './observation.ts';

/**
 * @param expectation of which nothing was found
 * @returns the time in which it may have come unheard; undefined where it would have been seen or read elsewhere
 */
export function gapOver(
  expectation: Expectation,
  prediction: Prediction,
  seen: Observations,
  { met }: MatchedLines,
): SeenGap | undefined {
  if (seen.gaps.length === 0 || !isOfConsole(expectation)) return undefined;
  const neighbours = around(expectation, prediction, met);
  return seen.gaps.find(
    gap =>
      isOnLine(gap, expectation, seen) &&
      mayBeIn(gap, expectation, neighbours) &&
      !isBeforeXen(gap, seen) &&
      !isReadElsewhere(expectation, seen),
  );
}

/** Lines of boot loaders are no expectations. */
function isBeforeXen({ of, to }: SeenGap, { signs }: Observations): boolean {
  const banner = signs.find(({ sign }) => sign.name === 'xen-banner');
  return of === undefined && to !== undefined && banner !== undefined && to.line < banner.line;
}

/** Firmware that has a UART to itself is heard there, and all others on the console. */
function isOnLine({ of }: SeenGap, { source }: Expectation, { heardAlone }: Observations): boolean {
  const talker = source === 'firmware' ? 'tf-a' : source;
  return of === undefined ? !heardAlone.has('tf-a') || talker !== 'tf-a' : of === talker;
}

/** For people. */
export function wordsOf({ of, from, to }: SeenGap): string {
  const line = of === undefined ? 'the console' : `the UART of ${of}`;
  const since = `from ${seconds(from.t)} into the run`;
  return to === undefined ? `${line} was gone ${since} on` : `${line} was away ${since} to ${seconds(to.t)}`;
}

function isOfConsole({ kind, source, pattern }: Expectation): boolean {
  if (kind === 'milestone') return pattern === 'dom0-login';
  return (kind === 'line' || kind === 'absent') && source !== 'xl' && source !== 'probe';
}

/** Lines of recording.jsonl between which an expectation of this place in its stream would have come. */
function around(
  expectation: Expectation,
  { expectations }: Prediction,
  met: MatchedLines['met'],
): { readonly after: number; readonly before: number } {
  if (expectation.kind !== 'line') return { after: 0, before: Infinity };
  const stream = streamOfExpectation(expectation);
  const own = expectations.indexOf(expectation);
  const places = expectations.flatMap((each, index) => {
    const line = each.claim === undefined && each.kind === 'line' ? met.get(each) : undefined;
    return line !== undefined && streamOfExpectation(each) === stream ? [{ index, line: line.line }] : [];
  });
  return {
    after: places.findLast(({ index }) => index < own)?.line ?? 0,
    before: places.find(({ index }) => index > own)?.line ?? Infinity,
  };
}

function mayBeIn(
  { from, to }: SeenGap,
  { phase, kind }: Expectation,
  { after, before }: ReturnType<typeof around>,
): boolean {
  // Forbidden from its phase on; a line may come late, never before its phase.
  const begins = to === undefined || orderOf(phase) <= orderOf(to.phase);
  if (kind === 'absent') return begins;
  return (
    begins &&
    from.line < before &&
    (to === undefined || after <= to.line) &&
    orderOf(from.phase) <= orderOf(phase) + 1
  );
}

/** Xen and Dom0's kernel keep what they said; a run asks for it at its end, and it stands among the lines then. */
function isReadElsewhere({ source, domid = 0, kind }: Expectation, { logs }: Observations): boolean {
  if (kind === 'milestone') return false;
  return (
    (source === 'xen' && logs?.xen !== undefined) ||
    (source === 'linux' && domid === 0 && logs?.dom0 !== undefined)
  );
}

function seconds(t = 0): string {
  return `${(t / 1000).toFixed(1)} s`;
}
