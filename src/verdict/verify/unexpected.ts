/** What was seen though nothing predicted it. */
import type { Expectation, Phase, Prediction } from '../../model/predict/prediction.ts';
import { type MatchedLines, patternOf } from './lines.ts';
import { logLines } from './log-lines.ts';
import type { Observations, SeenLine, SeenSign } from './observation.ts';
import type { Evidence, Judgement } from './verdict.ts';

/** One contradicted judgement for each thing, with an expectation made for it. */
export function unexpected(
  prediction: Prediction,
  seen: Observations,
  { accounted }: MatchedLines,
  unheard: ReadonlyMap<Expectation, string>,
): readonly Judgement[] {
  return [
    ...unexpectedLines(prediction, seen, accounted),
    ...unexpectedInLog(prediction, seen, unheard),
    ...unexpectedDrivers(prediction, seen, accounted),
    ...unexpectedEnds(prediction, seen, accounted),
  ];
}

/** The end of the boot that was not predicted, if there was one. */
export function unpredictedEnd(
  prediction: Prediction,
  seen: Observations,
  accounted: ReadonlySet<SeenLine>,
): SeenSign | undefined {
  return endsOf(seen).find(
    ({ sign }) => !isSilentRestart(sign) && !isPredicted(prediction, seen, sign, accounted),
  );
}

/** The panic that the model predicts, once it was seen. */
export function predictedPanic(prediction: Prediction, seen: Observations): SeenSign | undefined {
  return seen.signs.find(
    ({ sign }) =>
      sign.name === 'xen-panic' && prediction.panic !== null && samePanic(prediction.panic, sign.detail),
  );
}

/** The board started again, and nothing that ran on it had said why: that is the lab's, or nobody's. */
export function silentRestart(seen: Observations): SeenSign | undefined {
  return seen.signs.find(({ sign }) => isSilentRestart(sign));
}

export function isSilentRestart({ kind, detail, after }: SeenSign['sign']): boolean {
  return kind === 'reset' && detail === undefined && after === undefined;
}

export function evidenceOf({ line, t }: { line: number; t?: number }, text: string): Evidence {
  return { text, line, ...(t !== undefined && { t }) };
}

function* unexpectedLines(
  prediction: Prediction,
  seen: Observations,
  accounted: ReadonlySet<SeenLine>,
): Generator<Judgement> {
  const doorbells = doorbellsOf(prediction);
  const notPredicted = phasesNotPredicted(prediction);
  const lastOfXen = seen.lines.findLast(({ talker }) => talker === 'xen');
  let count = 0;
  for (const line of seen.lines) {
    if (line.talker !== 'xen' || accounted.has(line)) continue;
    // The end of what was recorded may be the middle of a line.
    if (line.unterminated && line === lastOfXen) continue;
    const doorbell = doorbellIn(line.text);
    if (doorbell === undefined ? !aboutMediator.test(line.text) : !doorbells.has(doorbell)) continue;
    // Retries of a failing doorbell are not counted.
    if (doorbell !== undefined && isPredictedCall(line.text, prediction)) continue;
    // The exit status is unknown, so Xen's lines cannot be predicted.
    if (doorbell !== undefined && notPredicted.has(line.phase)) continue;
    yield contradicted({
      id: `unexpected.xen.${++count}`,
      source: 'xen',
      phase: line.phase,
      text: 'a line of the mediator that the model does not predict',
      words: 'No rule of the model prints this line here.',
      evidence: evidenceOf(line, line.text),
    });
  }
}

/** Behind a message without newline Xen leaves the level mark of the next one standing. */
function asSaid(text: string): string {
  return text.trim().replace(/^(?:<G>)?<\d>/, '');
}

function doorbellsOf({ agents }: Prediction): ReadonlySet<string> {
  return new Set(agents.map(({ functionId }) => functionId.toLowerCase()));
}

function doorbellIn(text: string): string | undefined {
  return /Unhandled SMC\/HVC: (0x[0-9a-f]+)/i.exec(text)?.[1]?.toLowerCase();
}

function isPredictedCall(text: string, { expectations }: Prediction): boolean {
  return expectations.some(
    each => each.kind === 'line' && each.source === 'xen' && patternOf(each).test(text),
  );
}

/** Steps with a call of a probe whose result is unknown. */
function phasesNotPredicted({ expectations }: Prediction): ReadonlySet<Phase> {
  return new Set(
    expectations.flatMap(({ source, exitStatus, claim, phase }) =>
      source === 'probe' && exitStatus === undefined && claim === undefined ? [phase] : [],
    ),
  );
}

/** Where a log is believed for what the console did not bring, it is believed for what nobody expected too. */
function* unexpectedInLog(
  prediction: Prediction,
  seen: Observations,
  unheard: ReadonlyMap<Expectation, string>,
): Generator<Judgement> {
  const { logs, passedOver, signs } = seen;
  if (logs?.xen === undefined || passedOver !== undefined || signs.some(({ sign }) => sign.kind === 'reset'))
    return;
  const left = new Map<string, number>();
  const count = (text: string) => left.set(asSaid(text), (left.get(asSaid(text)) ?? 0) + 1);
  for (const { talker, text } of seen.lines) if (talker === 'xen') count(text);
  for (const [{ source }, text] of unheard) if (source === 'xen') count(text);
  const doorbells = doorbellsOf(prediction);
  // A log does not say in which step.
  const anyNotPredicted = phasesNotPredicted(prediction).size > 0;
  let number = 0;
  for (const text of logLines(logs.xen, 'xen')) {
    const heard = left.get(asSaid(text)) ?? 0;
    left.set(asSaid(text), heard - 1);
    if (heard > 0) continue;
    const doorbell = doorbellIn(text);
    if (doorbell === undefined ? !aboutMediator.test(text) : !doorbells.has(doorbell)) continue;
    if (doorbell !== undefined && (isPredictedCall(text, prediction) || anyNotPredicted)) continue;
    yield contradicted({
      id: `unexpected.log.${++number}`,
      source: 'xen',
      phase: 'boot',
      text: 'a line of the mediator in the log of Xen that the model does not predict',
      words: 'No rule of the model prints this line; the console did not bring it.',
      evidence: { text, line: logs.line ?? 1 },
    });
  }
}

/** A driver of SCMI that binds, or fails, in a domain that the model knows. */
function* unexpectedDrivers(
  prediction: Prediction,
  seen: Observations,
  accounted: ReadonlySet<SeenLine>,
): Generator<Judgement> {
  const known = new Set(prediction.domains.map(({ domid }) => domid));
  const typed = seen.form === 'console log' ? (seen.answers[0]?.line ?? Infinity) : Infinity;
  let count = 0;
  for (const line of seen.lines) {
    if (line.talker !== 'linux' || accounted.has(line) || !known.has(line.domid ?? 0)) continue;
    if (!aboutDriver.test(line.text)) continue;
    // Once somebody types, Dom0 may be printing the log of a guest.
    if (line.domid === 0 && line.line > typed) continue;
    yield contradicted({
      id: `unexpected.linux.${++count}`,
      source: 'linux',
      phase: line.phase,
      text: 'an SCMI driver that binds or fails otherwise than the model predicts',
      words: 'The modelled kernel of this domain does not say this.',
      evidence: evidenceOf(line, line.text),
    });
  }
}

function* unexpectedEnds(
  prediction: Prediction,
  seen: Observations,
  accounted: ReadonlySet<SeenLine>,
): Generator<Judgement> {
  let count = 0;
  for (const found of endsOf(seen)) {
    const { sign, phase } = found;
    const end = ending(sign.name);
    if (end === undefined || isSilentRestart(sign) || isPredicted(prediction, seen, sign, accounted))
      continue;
    const detail = sign.detail !== undefined && sign.name !== 'reset' ? sign.detail : sign.text;
    yield contradicted({
      id: `unexpected.${sign.name}.${++count}`,
      source: end.source,
      phase,
      text: end.absent,
      words:
        sign.name === 'xen-panic' && prediction.panic !== null
          ? `The model predicts another panic: ${prediction.panic}`
          : 'The model predicts no such end.',
      evidence: evidenceOf(found, detail),
    });
  }
}

function isPredicted(
  prediction: Prediction,
  seen: Observations,
  sign: SeenSign['sign'],
  accounted: ReadonlySet<SeenLine>,
): boolean {
  if (sign.name === 'xen-panic') return prediction.panic !== null && samePanic(prediction.panic, sign.detail);
  // Somebody asked for it: Dom0, or Xen after the panic that was judged already.
  if (sign.name === 'reset') return sign.detail !== undefined;
  return seen.lines.some(line => accounted.has(line) && line.text === sign.text && line.domid === sign.domid);
}

function samePanic(predicted: string, message: string | undefined): boolean {
  return message !== undefined && message.trim() === predicted.trim();
}

/** An exception of Xen's own ends in a panic, which says more; without one it is the end by itself. */
function endsOf({ signs }: Observations): readonly SeenSign[] {
  const panics = signs.some(({ sign }) => sign.name === 'xen-panic');
  return signs.filter(({ sign: { name } }) => ending(name) !== undefined && !(panics && name === 'xen-trap'));
}

/** Ends of a boot. A guest's kernel panic is one of a guest, but nobody predicted it either. */
function ending(
  sign: string,
): { readonly source: Expectation['source']; readonly absent: string } | undefined {
  return ends[sign];
}

const ends: Readonly<Record<string, { readonly source: Expectation['source']; readonly absent: string }>> = {
  'xen-panic': { source: 'xen', absent: 'a panic of Xen that the model does not predict' },
  'xen-trap': { source: 'xen', absent: "an exception of Xen's own" },
  'kernel-panic': { source: 'linux', absent: 'a kernel panic' },
  'el3-panic': { source: 'firmware', absent: 'a panic of the EL3 firmware' },
  'synchronous-abort': { source: 'run', absent: 'a crash of the boot loader' },
  reset: { source: 'run', absent: 'a board that starts again by itself' },
};

/** Text by which the mediator is known: sci.c, scmi-smc.c, scmi-smc-multiagent.c, scmi-shmem.c, dom0less-build.c. */
const aboutMediator =
  /^(?:scmi|sci)\b|^SCMI: |^Using SCMI with|\bscmi: |xen,sci|xen,dom0-sci-agent-id|SCI configuration|^id=0x[0-9a-f]+ name=|^DT: \/chosen\S* is not a valid bus|#access-controller-cells/;
/** drivers/firmware/arm_scmi/driver.c, transports/smc.c, shmem.c. */
const aboutDriver =
  /^arm-scmi \S+: (?:SCMI Protocol v|.*\berror\b|.*\bfailed\b|.*unable to|.*not implemented|Timeout|timed out)/;

function contradicted(what: {
  readonly id: string;
  readonly source: Expectation['source'];
  readonly phase: Phase;
  readonly text: string;
  readonly words: string;
  readonly evidence: Evidence;
}): Judgement {
  const { id, source, phase, text, words: because, evidence } = what;
  return {
    expectation: {
      id,
      kind: 'absent',
      phase,
      source,
      text,
      pattern: '',
      reason: { rule: 'verify.unexpected', because },
    },
    outcome: 'contradicted',
    seen: evidence,
  };
}
