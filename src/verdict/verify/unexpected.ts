/** Observations that nothing predicted. */
import type { Sign } from '../console/sign.ts';
import { troubleIn, troubleOf } from '../console/signs.ts';
import type { Expectation, Phase, Prediction } from '../../model/predict/prediction.ts';
import { type MatchedLines, patternOf } from './lines.ts';
import {
  aboutDriver,
  aboutMediator,
  createsGuest,
  errorOfToolstack,
  levelMark,
  unhandledCall,
} from './evidence/ruled-text.ts';
import { Log } from './evidence/log.ts';
import { showsKernelLog } from './kernel-log.ts';
import { isDomain } from './named-domain.ts';
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
    ...unexpectedInKernelLog(prediction, seen),
    ...unexpectedErrors(prediction, seen, accounted),
    ...unexpectedTroubles(prediction, seen, accounted),
    ...troublesInLogs(prediction, seen),
  ];
}

/** The end of the boot that was not predicted, if there was one. */
export function unpredictedEnd(
  prediction: Prediction,
  seen: Observations,
  accounted: ReadonlySet<SeenLine>,
): SeenSign | undefined {
  const troubles = [...unpredictedTroubles(prediction, seen, accounted)];
  return troubles.find(({ found }) => isEnd(found.sign))?.found;
}

function isEnd({ kind, domid = 0 }: SeenSign['sign']): boolean {
  return (kind === 'fatal' || kind === 'reset') && domid === 0;
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

function isSilentRestart({ kind, detail, after }: SeenSign['sign']): boolean {
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
  let count = 0;
  for (const line of seen.lines) {
    if (line.talker !== 'xen' || accounted.has(line)) continue;
    if (line.isCut) continue;
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

function asSaid(text: string): string {
  return text.trim().replace(levelMark, '');
}

function doorbellsOf({ agents }: Prediction): ReadonlySet<string> {
  return new Set(agents.map(({ functionId }) => functionId.toLowerCase()));
}

function doorbellIn(text: string): string | undefined {
  return unhandledCall.exec(text)?.[1]?.toLowerCase();
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
  for (const { text } of logs.xen.lines) {
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
  const created = seen.lines.find(({ text, domid }) => domid === 0 && createsGuest.test(text));
  const typed =
    seen.form === 'console log'
      ? Math.min(seen.answers[0]?.line ?? Infinity, created?.line ?? Infinity)
      : Infinity;
  let count = 0;
  for (const line of seen.lines) {
    if (line.talker !== 'linux' || accounted.has(line) || !known.has(line.domid ?? 0)) continue;
    if (!aboutDriver.test(line.text)) continue;
    // Once somebody types, or makes a guest, Dom0 may be printing the log of a guest.
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

/** The same in the log of Dom0's kernel, of what its console did not show. */
function* unexpectedInKernelLog(
  { expectations, domains }: Prediction,
  { logs, passedOver, lines }: Observations,
): Generator<Judgement> {
  if (logs?.dom0 === undefined || passedOver !== undefined || domains.every(({ domid }) => domid !== 0))
    return;
  const patterns = expectations.flatMap(each =>
    each.source === 'linux' && each.kind === 'line' && (each.domid ?? 0) === 0 ? [patternOf(each)] : [],
  );
  // On the console it was judged already.
  const shown = new Set(lines.flatMap(({ talker, text }) => (talker === 'linux' ? [text.trim()] : [])));
  let count = 0;
  for (const { text } of logs.dom0.lines) {
    if (!aboutDriver.test(text) || shown.has(text) || patterns.some(pattern => pattern.test(text))) continue;
    yield contradicted({
      id: `unexpected.dmesg.${++count}`,
      source: 'linux',
      phase: 'boot',
      text: 'an SCMI driver that binds or fails otherwise than the model predicts, in the log of the kernel',
      words: 'The modelled kernel of this domain does not say this; the console did not bring it.',
      evidence: { text, line: logs.line ?? 1 },
    });
  }
}

/** Errors of the toolstack in a command that succeeds. One that fails says as much as its libraries like. */
function* unexpectedErrors(
  { expectations }: Prediction,
  seen: Observations,
  accounted: ReadonlySet<SeenLine>,
): Generator<Judgement> {
  const succeeded = new Set(seen.answers.filter(({ status }) => status === 0).map(({ line }) => line));
  const patterns = expectations.flatMap(each =>
    each.source === 'xl' && each.kind === 'line' ? [patternOf(each)] : [],
  );
  let count = 0;
  for (const line of seen.lines) {
    if (line.talker !== 'xl' || accounted.has(line) || !succeeded.has(line.line)) continue;
    if (!errorOfToolstack.test(line.text) || patterns.some(pattern => pattern.test(line.text))) continue;
    yield contradicted({
      id: `unexpected.xl.${++count}`,
      source: 'xl',
      phase: line.phase,
      text: 'an error of the toolstack that the model does not predict',
      words: 'The command ends with exit status 0, and no rule of the model prints this line.',
      evidence: evidenceOf(line, line.text),
    });
  }
}

/** All that programs say when they are in trouble: the console's table of it is looked for on every line. */
function* unexpectedTroubles(
  prediction: Prediction,
  seen: Observations,
  accounted: ReadonlySet<SeenLine>,
): Generator<Judgement> {
  let count = 0;
  for (const { found, means } of unpredictedTroubles(prediction, seen, accounted)) {
    const { sign, phase } = found;
    yield contradicted({
      id: `unexpected.${sign.name}.${++count}`,
      source: sourceOf(sign),
      phase,
      text: means,
      words:
        sign.name === 'xen-panic' && prediction.panic !== null
          ? `The model predicts another panic: ${prediction.panic}`
          : 'The model does not predict it.',
      evidence: evidenceOf(found, sign.name === 'reset' ? sign.text : (sign.detail ?? sign.text)),
    });
  }
}

/** Trouble in the logs of Xen, of the kernel of Dom0 and of guests, where the console did not bring it. */
function* troublesInLogs(prediction: Prediction, seen: Observations): Generator<Judgement> {
  const heard = new Set(seen.signs.map(({ sign }) => sign.text.trim()));
  let count = 0;
  for (const { talker, kinds, texts, isAbout, line, phase } of logsOf(prediction, seen)) {
    const patterns = prediction.expectations
      .filter(each => each.kind === 'line' && each.source === talker && isAbout(each))
      .map(patternOf);
    const names = new Set<string>();
    for (const text of texts) {
      const trouble = troubleIn(talker, text, kinds);
      if (trouble === undefined || heard.has(text)) continue;
      const isConsequence = trouble.follows?.signs?.some(name => names.has(name)) === true;
      names.add(trouble.name);
      if (isConsequence || patterns.some(pattern => pattern.test(text))) continue;
      heard.add(text);
      yield contradicted({
        id: `unexpected.log.${trouble.name}.${++count}`,
        source: talker,
        phase,
        text: `${trouble.means}, in a log`,
        words: 'The model does not predict it; the console did not bring it.',
        evidence: { text, line },
      });
    }
  }
}

/** A log that was read, and what it may tell of trouble. */
interface ReadLog {
  readonly talker: 'xen' | 'linux';
  readonly texts: Iterable<string>;
  readonly kinds: readonly Sign['kind'][];
  /** Whether the log can hold what is expected. */
  readonly isAbout: (expectation: Expectation) => boolean;
  readonly line: number;
  readonly phase: Phase;
}

function* logsOf(prediction: Prediction, { logs, answers }: Observations): Generator<ReadLog> {
  const { xen, dom0, line = 1 } = logs ?? {};
  // Xen and Dom0 have lived to show theirs; of a guest that has ended Dom0 shows it.
  const own = { kinds: ['trouble'], isAbout: () => true, line, phase: 'boot' } as const;
  if (xen !== undefined) yield { ...own, talker: 'xen', texts: xen.lines.map(({ text }) => text) };
  if (dom0 !== undefined) yield { ...own, talker: 'linux', texts: dom0.lines.map(({ text }) => text) };
  for (const { domain, command, stdout, line: at, phase } of answers) {
    const guests = prediction.domains.filter(
      ({ domid }) => domid !== 0 && isDomain(domain, domid, prediction),
    );
    if (guests.length === 0 || !showsKernelLog(command)) continue;
    yield {
      talker: 'linux',
      texts: kernelTexts(new Log(stdout, 'linux')),
      kinds: ['trouble', 'fatal'],
      isAbout: ({ domid = 0 }) => isDomain(domain, domid, prediction),
      line: at,
      phase,
    };
  }
}

/** Lines of the kernel: where it stamps its own, a program's have no stamp. */
function kernelTexts({ lines }: Log): readonly string[] {
  const isStamped = lines.some(({ stamp }) => stamp !== undefined);
  return lines.flatMap(({ text, stamp }) => (isStamped && stamp === undefined ? [] : [text]));
}

function* unpredictedTroubles(
  prediction: Prediction,
  seen: Observations,
  accounted: ReadonlySet<SeenLine>,
): Generator<{ readonly found: SeenSign; readonly means: string }> {
  for (const found of seen.signs) {
    const { sign } = found;
    if (sign.name === 'reset' && sign.detail === undefined && sign.after !== undefined)
      yield { found, means: 'a board that starts again by itself' };
    const trouble = troubleOf(sign.name, sign.text);
    if (trouble === undefined || follows(trouble, found, seen) || isOfGuest(found, seen)) continue;
    if (isBeforeXen(found, seen)) continue;
    if (!isPredicted(prediction, seen, sign, accounted)) yield { found, means: trouble.means };
  }
}

/** A boot loader that crashes before it has started Xen says nothing of Xen: the lab did not get that far. */
function isBeforeXen({ sign, line }: SeenSign, { signs }: Observations): boolean {
  return (
    ofBootLoader.has(sign.name) && !signs.some(each => each.sign.name === 'xen-banner' && each.line <= line)
  );
}

const ofBootLoader: ReadonlySet<string> = new Set(['synchronous-abort', 'u-boot-hangs']);

/** Xen's exception ends in its panic, Dom0's farewell in Xen's: what tells of the cause is judged, not what follows. */
function follows({ follows: of }: Sign, { sign, line }: SeenSign, { signs, lines }: Observations): boolean {
  const { ofDom0 } = of ?? {};
  return (
    of?.signs?.some(name => signs.some(other => other.sign.name === name && isSame(other.sign, sign))) ===
      true ||
    (ofDom0 !== undefined &&
      lines.some(
        said => said.talker === 'linux' && said.domid === 0 && said.line <= line && ofDom0.test(said.text),
      ))
  );
}

function isSame(one: SeenSign['sign'], other: SeenSign['sign']): boolean {
  return one.talker === other.talker && one.domid === other.domid;
}

function isPredicted(
  prediction: Prediction,
  seen: Observations,
  sign: SeenSign['sign'],
  accounted: ReadonlySet<SeenLine>,
): boolean {
  if (sign.name === 'xen-panic') return prediction.panic !== null && samePanic(prediction.panic, sign.detail);
  if (sign.name === 'el3-error' && isPredictedRefusal(sign.text, prediction)) return true;
  return seen.lines.some(line => accounted.has(line) && line.text === sign.text && line.domid === sign.domid);
}

/** Dom0's console shows the log of a guest's, or that console itself, because a command asked for it. */
function isOfGuest({ sign, line }: SeenSign, { answers, form }: Observations): boolean {
  if (sign.talker !== 'linux' || sign.domid !== 0) return false;
  if (form === 'console log') {
    return showsGuest.test(answers.findLast(answer => answer.line <= line)?.command ?? '');
  }
  return answers.some(
    ({ isTyped, command, stdout }) =>
      isTyped === true && showsGuest.test(command) && stdout.includes(sign.text),
  );
}

/** tools/xl/xl_cmdtable.c; tools/console/daemon/io.c: the log of a guest's console. */
const showsGuest = /\bxl (?:console|create .*-c)\b|\/guest-\S+\.log\b/;

/** A message that the firmware does not have: its reply says so too (TF-A drivers/scmi-msg/entry.c). */
function isPredictedRefusal(text: string, { firmware }: Prediction): boolean {
  const said = /Agent (\d+) Protocol 0x([0-9a-f]+) Message 0x([0-9a-f]+): not supported/.exec(text);
  if (said === null) return false;
  const [agent, protocol, message] = [Number(said[1]), Number(`0x${said[2]}`), Number(`0x${said[3]}`)];
  return firmware.some(
    each =>
      each.agent === agent &&
      each.protocol === protocol &&
      each.message === message &&
      each.status === notSupported,
  );
}

/** SCMI specification, 4.1.4. */
const notSupported = -1;

function samePanic(predicted: string, message: string | undefined): boolean {
  return message !== undefined && withoutPlace(message) === withoutPlace(predicted);
}

/** Where a build has its sources, and on which line a panic stands, is the affair of the build. */
function withoutPlace(panic: string): string {
  return panic
    .trim()
    .replace(/(?:\S*\/|\.\.\.)?((?:arch|common|drivers|include|lib)\/[\w/.-]+\.[ch]):\d+/, '$1');
}

function sourceOf({ name, talker }: SeenSign['sign']): Expectation['source'] {
  if (/^(?:el3|op-tee)-/.test(name)) return 'firmware';
  return talker === 'xen' || talker === 'linux' ? talker : 'run';
}

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
