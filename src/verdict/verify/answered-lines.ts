/** Lines of a domain's kernel, or of Xen, that were not heard, and that stand in a log that a step asked for. */
import type { Expectation, Prediction } from '../../model/predict/prediction.ts';
import { align } from './align.ts';
import { Log } from './evidence/log.ts';
import { isConsoleLog, showsKernelLog } from './kernel-log.ts';
import { linesFor, patternOf, streamOfExpectation } from './lines.ts';
import { isDomain } from './named-domain.ts';
import { type Observations, orderOf, type SeenAnswer } from './observation.ts';

export interface AnsweredLine {
  readonly answer: SeenAnswer;
  readonly text: string;
}

/**
 * @param unmet expectations of lines that were not heard
 * @returns for each the line of the log, where that stands there in its order, and more often than it was heard
 */
export function answeredLines(
  unmet: readonly Expectation[],
  prediction: Prediction,
  seen: Observations,
): ReadonlyMap<Expectation, AnsweredLine> {
  const found = new Map<Expectation, AnsweredLine>();
  for (const answer of seen.answers) {
    const asked = prediction.expectations.filter(each => isAbout(answer, each, prediction));
    if (asked.length === 0) continue;
    const talker = /\bxl dmesg\b/.test(answer.command) ? 'xen' : 'linux';
    const lines = new Log(answer.stdout, talker).lines.map(({ text }) => text);
    const inOrder = placesOf(asked, lines);
    for (const expectation of unmet) {
      if (found.has(expectation) || !asked.includes(expectation)) continue;
      const pattern = patternOf(expectation);
      const said = lines.filter(text => pattern.test(text));
      const heard = linesFor(expectation, seen).filter(({ text }) => pattern.test(text.trimEnd())).length;
      const text = expectation.claim === undefined ? inOrder.get(expectation) : said[0];
      if (text !== undefined && said.length > heard) found.set(expectation, { answer, text });
    }
  }
  return found;
}

/** The lines that were expected until then and are there, talker by talker. */
function placesOf(asked: readonly Expectation[], lines: readonly string[]): ReadonlyMap<Expectation, string> {
  const found = new Map<Expectation, string>();
  const own = asked.filter(({ claim }) => claim === undefined);
  // The log of a guest's console holds all domains that had its name, one after the other.
  const streams = Map.groupBy(own, each => (each.source === 'linux' ? 'linux' : streamOfExpectation(each)));
  for (const expected of streams.values()) {
    const patterns = expected.map(patternOf);
    const offered = lines.filter(text => patterns.some(pattern => pattern.test(text)));
    const fits = (e: number, s: number) => (patterns[e]?.test(offered[s] ?? '') === true ? 1 : 0);
    for (const pair of align(expected.length, offered.length, fits)) {
      const [expectation, text] = [expected[pair.expected], offered[pair.seen]];
      if (expectation !== undefined && text !== undefined) found.set(expectation, text);
    }
  }
  return found;
}

function isAbout(answer: SeenAnswer, expectation: Expectation, prediction: Prediction): boolean {
  const { kind, source, domid = 0, phase } = expectation;
  if (kind !== 'line' || orderOf(answer.phase) < orderOf(phase)) return false;
  if (source === 'xen') return /\bxl dmesg\b/.test(answer.command);
  if (source !== 'linux' || !showsKernelLog(answer.command)) return false;
  if (!isDomain(answer.domain, domid, prediction)) return false;
  return isConsoleLog(answer.command) || domid === lastOf(answer, prediction);
}

/** Which of the domains that have one name in turn has answered. */
function lastOf({ domain, phase }: SeenAnswer, prediction: Prediction): number {
  const begun = prediction.expectations.flatMap(({ source, domid = 0, phase: since }) =>
    source === 'linux' && orderOf(since) <= orderOf(phase) && isDomain(domain, domid, prediction)
      ? [domid]
      : [],
  );
  return Math.max(0, ...begun);
}
