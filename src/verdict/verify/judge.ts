/** Holds a prediction against what was seen. Pure: the same for a run that just ended and for last month's. */
import type { Expectation, Prediction } from '../../model/predict/prediction.ts';
import type { CpuTime, RecordedEvent, RunHeader } from '../recording/event.ts';
import { type AnswerFound, matchAnswers } from './answers.ts';
import { type AnsweredLine, answeredLines } from './answered-lines.ts';
import { mayHavePanicked, ownWords, withLogs, withoutEvidence } from './bad-line.ts';
import { anotherXen } from './deployed-xen.ts';
import { fromConsole } from './from-console.ts';
import { RunSeen } from './from-recording.ts';
import { linesFor, type MatchedLines, matchLines, patternOf, streamOfExpectation, textsOf } from './lines.ts';
import { gapOver, wordsOf } from './gaps.ts';
import { isDomain } from './named-domain.ts';
import { nearest } from './nearest.ts';
import { otherRun } from './other-run.ts';
import { notRun, otherLinux, otherXen } from './other-xen.ts';
import { alteredLines, renamedDevices } from './evidence/altered-line.ts';
import { foreignAnswers } from './evidence/answer-form.ts';
import { foreignLogs } from './evidence/foreign-log.ts';
import { linesOf } from './evidence/text-lines.ts';
import { type Observations, orderOf, type SeenFault, type SeenSign } from './observation.ts';
import { afterPassedOver } from './passed-over.ts';
import { unheardLines } from './unheard-lines.ts';
import { unobservable } from './unobservable.ts';
import { evidenceOf, predictedPanic, silentRestart, unexpected, unpredictedEnd } from './unexpected.ts';
import type { Evidence, Judgement, Outcome, Verdict } from './verdict.ts';
import { xenSeen } from './xen-seen.ts';
import type { XenSeen } from '../../model/predict/other-build.ts';

export interface JudgeConsole {
  readonly prediction: Prediction;
  /** Bytes of a console log, as they came. */
  readonly log: Uint8Array;
  readonly board?: string;
  readonly scenario?: string;
  readonly strict?: boolean;
}

/** Judges a run by the events of its recording, as they are read: what it keeps of them does not grow with the run. */
export class RunJudge {
  readonly #prediction: Prediction;
  readonly #seen: RunSeen;

  constructor(prediction: Prediction) {
    this.#prediction = prediction;
    this.#seen = new RunSeen(prediction);
  }

  /** @param line of recording.jsonl, counted from 1 */
  take(event: RecordedEvent, line: number): void {
    this.#seen.take(event, line);
  }

  /**
   * Judges what was taken; nothing is taken afterwards.
   * @param strict a claim that breaks as predicted fails
   */
  judge(strict = false): JudgedRun {
    const { header, cpu, milliseconds } = this.#seen;
    const seen = this.#seen.observations();
    const verdict = verdictOf(this.#prediction, seen, strict);
    return { verdict, xen: xenSeen(seen), header, cpu, milliseconds };
  }
}

export interface JudgedRun {
  readonly verdict: Verdict;
  readonly xen: XenSeen;
  /** Of the recording; absent where it has none. */
  readonly header: RunHeader | undefined;
  readonly cpu: CpuTime | undefined;
  /** Time of the last event. */
  readonly milliseconds: number;
}

/** Judges a bare console log: the same, but for what a console does not show. */
export function judgeConsole(given: JudgeConsole): Verdict {
  const { prediction, log, board = 'console log', scenario = '', strict = false } = given;
  const names = { board, scenario, expectsLogin: expectsLogin(prediction) };
  return verdictOf(prediction, fromConsole(log, prediction, names), strict);
}

function expectsLogin({ expectations }: Prediction): boolean {
  return expectations.some(({ kind, pattern }) => kind === 'milestone' && pattern === 'dom0-login');
}

/** Judges what was seen, wherever that comes from. */
export function verdictOf(prediction: Prediction, heard: Observations, strict: boolean): Verdict {
  const believed = withLogs(heard);
  const { seen, note } = believed;
  const evidence = new Seen(prediction, seen);
  const expected = prediction.expectations.map(expectation => evidence.judge(expectation));
  const another = otherThan(prediction, { ...seen, lines: ownWords(believed) });
  if (another !== undefined) return verdictOfAnother(expected, seen, another);
  const forbidden = expected.filter(
    ({ outcome, expectation: { kind, claim } }) =>
      outcome === 'contradicted' && kind === 'absent' && claim === undefined,
  );
  // A line that the model forbids by name is not told again as one that it does not predict.
  const told = new Set(forbidden.map(judgement => placeOf(judgement.seen)));
  const others = unexpected(prediction, seen, evidence.lines, evidence.unheard).filter(
    other => !told.has(placeOf(other.seen)),
  );
  const shown = afterPassedOver([...expected, ...others], seen);
  const bad = withoutEvidence(shown, prediction, believed);
  const judgements = bad?.judgements ?? shown;
  const counts: Record<Outcome, number> = { ...none };
  for (const { outcome } of judgements) counts[outcome]++;
  const recorded = faultsOf(seen, judgements);
  const flaws = [
    ...(seen.flaws ?? []),
    ...foreignAnswers(seen.answers),
    ...foreignLogs(seen, evidence.lines.predicted),
    ...alteredLines(evidence.elsewhere(), seen, evidence.lines.predicted),
    ...renamedDevices(evidence.lines.met),
  ];
  const faults = [
    ...(bad !== undefined && mayHavePanicked(prediction, seen) ? recorded.map(byLine) : recorded),
    ...(bad === undefined ? [] : [badLine(bad.what)]),
    ...flaws.map(flawFault),
  ];
  const notes = [
    ...(seen.retried ?? []),
    ...otherXenNote(seen),
    ...(note === undefined ? [] : [note]),
    ...unheardNote(evidence.unheard),
    ...tornLines(seen),
  ];
  return {
    schema: 3,
    board: seen.board,
    scenario: seen.scenario,
    outcome: outcomeOf(counts, faults, strict),
    counts,
    judgements,
    ...(notes.length > 0 && { notes }),
    faults: faults.map(({ class: kind, what, hint }) => ({
      class: kind,
      what,
      ...(hint !== undefined && { hint }),
    })),
  };
}

function unheardNote(unheard: ReadonlyMap<Expectation, string>): readonly string[] {
  const [text] = unheard.values();
  if (text === undefined) return [];
  return [`the console did not bring ${unheard.size} lines that the logs have, "${text}" for instance`];
}

/** Evidence that was changed, or put together from several runs, is none. */
function flawFault(flaw: string): Fault {
  return {
    class: 'infrastructure',
    what: `the recording is not of one run as it happened: ${flaw}`,
    hint: 'judge the recording as the run has written it, or run again',
  };
}

/** A panic that was not recognised is the line's fault. */
function byLine(fault: Fault): Fault {
  return fault.class === 'board' ? { ...fault, class: 'infrastructure' } : fault;
}

function badLine(what: string): Fault {
  return {
    class: 'infrastructure',
    what,
    hint: 'see the cable, its ground, the speed and the flow control of the port; with Dom0 on the network what Xen said is read from its log',
  };
}

/** Dom0's lines are torn in every boot: Xen writes whole ones wherever Dom0 has got to. Xen's are not. */
function tornLines({ lines }: Observations): readonly string[] {
  const torn = lines.filter(({ restIn, talker, domid }) => {
    return restIn !== undefined && (talker === 'xen' || (talker === 'linux' && domid !== 0));
  }).length;
  return torn === 0 ? [] : [`${torn} lines of Xen were torn by another talker, and put together again`];
}

function otherXenNote(seen: Observations): readonly string[] {
  const note = anotherXen(seen);
  return note === undefined ? [] : [note];
}

/** A recording of another run, Xen or kernel than the one that was predicted: it says nothing about that. */
function otherThan(prediction: Prediction, seen: Observations): Other | undefined {
  const run = otherRun(prediction.run, seen.header);
  if (run !== undefined)
    return {
      why: run,
      hint: 'judge it by the prediction.json that the run has made, or predict its scenario',
    };
  const xen = otherXen(prediction, seen);
  if (xen !== undefined)
    return { why: xen, hint: 'boot the one that the scenario is about: run --image xen=PATH' };
  const linux = otherLinux(prediction, seen);
  return linux === undefined
    ? undefined
    : { why: linux, hint: 'boot such a kernel, or say in the board type (`linux`) which one there is' };
}

interface Other {
  readonly why: string;
  readonly hint: string;
}

function verdictOfAnother(expected: readonly Judgement[], seen: Observations, { why, hint }: Other): Verdict {
  const { board, scenario } = seen;
  const notes = otherXenNote(seen);
  const interrupted = seen.faults.filter(fault => fault.class === 'interrupted');
  return {
    schema: 3,
    board,
    scenario,
    outcome: interrupted.length > 0 ? 'interrupted' : 'infrastructure',
    counts: { ...none, 'not-run': expected.length },
    judgements: notRun(expected, why),
    ...(notes.length > 0 && { notes }),
    faults: [
      ...interrupted.map(({ class: kind, what }) => ({ class: kind, what })),
      { class: 'infrastructure', what: why, hint },
    ],
  };
}

function placeOf(seen: Evidence | undefined): string {
  return `${seen?.line} ${seen?.text}`;
}

const none: Readonly<Record<Outcome, number>> = {
  met: 0,
  missed: 0,
  contradicted: 0,
  'broken-as-predicted': 0,
  'not-observable': 0,
  'not-run': 0,
  infrastructure: 0,
};

const notBegun = 'the run ended before this step';
const noSteps = 'the log shows nothing of the steps';

type Fault = Pick<SeenFault, 'class' | 'what' | 'hint'>;

/** The faults that were recorded, or the one that a recording or log shows by ending too early. */
function faultsOf(seen: Observations, judgements: readonly Judgement[]): readonly Fault[] {
  const byLab = [
    ...unheardFault(seen, judgements),
    ...restartFault(seen),
    ...notBegunFault(seen, judgements),
  ];
  if (seen.faults.length + byLab.length > 0) return [...seen.faults, ...byLab];
  const because = new Set(judgements.map(({ outcome, why }) => (outcome === 'not-run' ? why : undefined)));
  const ended = seen.form === 'console log' && because.has(noSteps) ? noSteps : seen.ended;
  if (ended === null) return [];
  if (seen.form === 'recording') return [{ class: seen.endedBy, what: ended }];
  return because.has(ended)
    ? [{ class: seen.endedBy, what: ended, hint: 'a log of the whole run is needed' }]
    : [];
}

function outcomeOf(
  counts: Readonly<Record<Outcome, number>>,
  faults: readonly Fault[],
  strict: boolean,
): Verdict['outcome'] {
  if (faults.some(fault => fault.class === 'interrupted')) return 'interrupted';
  const broken = strict ? counts['broken-as-predicted'] : 0;
  const board = faults.some(fault => fault.class === 'board');
  if (counts.missed + counts.contradicted + broken > 0 || board) return 'failed';
  return faults.length > 0 ? 'infrastructure' : 'met';
}

/** Lines that may have come while nobody heard the console: whether they did, this run cannot tell. */
function unheardFault({ gaps, faults }: Observations, judgements: readonly Judgement[]): readonly Fault[] {
  const gap = gaps.at(0);
  const lost = judgements.filter(({ outcome }) => outcome === 'infrastructure').length;
  if (gap === undefined || lost === 0 || faults.some(({ class: kind }) => kind === 'infrastructure'))
    return [];
  return [
    { class: 'infrastructure', what: `${wordsOf(gap)}: ${lost} of what was expected may have come then` },
  ];
}

/** A run tells it as a fault; a bare log, or a run that was over already, shows it alone. */
function restartFault(seen: Observations): readonly Fault[] {
  const restart = silentRestart(seen);
  if (restart === undefined || seen.faults.length > 0) return [];
  return [{ class: 'infrastructure', what: `the board started again by itself: ${restart.sign.text}` }];
}

/** A run that ends without its steps, and without a fault that says why, has shown nothing of them. */
function notBegunFault({ ended }: Observations, judgements: readonly Judgement[]): readonly Fault[] {
  const left = judgements.filter(({ outcome, why }) => outcome === 'not-run' && why === notBegun).length;
  if (ended !== null || left === 0) return [];
  return [{ class: 'infrastructure', what: `${notBegun}: ${left} of what was expected` }];
}

/** Evidence for one expectation, before its absence is interpreted. */
type Finding = { readonly outcome: Outcome; readonly why?: string; readonly seen?: Evidence } | undefined;

class Seen {
  readonly lines: MatchedLines;
  /** Lines that a log has, and that did not come over the console. */
  readonly unheard: ReadonlyMap<Expectation, string>;
  readonly #prediction: Prediction;
  readonly #seen: Observations;
  readonly #answers: ReadonlyMap<Expectation, AnswerFound>;
  readonly #answered: ReadonlyMap<Expectation, AnsweredLine>;
  /** Expectations that were met, by their place in the prediction: what stands before one of them was due. */
  readonly #lastMet: number;
  readonly #places: ReadonlyMap<Expectation, number>;
  readonly #unpredicted: SeenSign | undefined;
  /** The board started again, and nothing that ran on it had said why. */
  readonly #restart: SeenSign | undefined;
  /** Of a bare log: something of the steps is there, typed on the console or said by Xen. */
  readonly #stepsShow: boolean;
  /** By stream: whether its first missing line was told as missed, after an end that nobody predicted. */
  readonly #missedBeforeEnd = new Set<string>();

  constructor(prediction: Prediction, seen: Observations) {
    this.#prediction = prediction;
    this.#seen = seen;
    this.lines = matchLines(prediction.expectations, seen);
    const unmet = prediction.expectations.filter(each => each.kind === 'line' && !this.lines.met.has(each));
    this.unheard = unheardLines(unmet, seen);
    this.#answered = answeredLines(unmet, prediction, seen);
    this.#answers = matchAnswers(prediction, seen);
    this.#restart = silentRestart(seen);
    this.#unpredicted = unpredictedEnd(prediction, seen, this.lines.accounted);
    this.#places = new Map(prediction.expectations.map((expectation, index) => [expectation, index]));
    this.#stepsShow =
      seen.answers.some(({ command }) => /\bxl\b/.test(command)) ||
      [...this.lines.met.keys()].some(({ phase }) => phase !== 'boot');
    this.#lastMet = prediction.expectations.findLastIndex(
      expectation => expectation.claim === undefined && this.#positive(expectation)?.outcome === 'met',
    );
  }

  judge(expectation: Expectation): Judgement {
    const found = this.#find(expectation) ?? this.#unmet(expectation);
    return { expectation, ...asClaim(expectation, found, this.#predictedEnd()) };
  }

  /** Lines that the console did not bring, and that a log or an answer has. */
  *elsewhere(): Generator<readonly [Expectation, string]> {
    yield* this.unheard;
    for (const [expectation, { text }] of this.#answered) yield [expectation, text];
  }

  #find(expectation: Expectation): Finding {
    return expectation.kind === 'absent' ? this.#absent(expectation) : this.#positive(expectation);
  }

  /** Evidence that supports the expectation. */
  #positive(expectation: Expectation): Finding {
    if (expectation.kind === 'line') {
      const line = this.lines.met.get(expectation);
      return line === undefined
        ? (this.#inAnswers(expectation) ?? this.#inLog(expectation))
        : { outcome: 'met', seen: evidenceOf(line, line.text) };
    }
    if (expectation.kind === 'milestone') return this.#milestone(expectation);
    if (expectation.kind === 'absent') return undefined;
    const found = this.#answers.get(expectation);
    if (found === undefined) return undefined;
    const { answer, why } = found;
    return {
      outcome: found.is,
      ...(why !== undefined && { why }),
      seen: evidenceOf(answer, firstLine(answer.stdout || answer.stderr) ?? `exit status ${answer.status}`),
    };
  }

  /** A line that nobody heard may stand in a log that a step asked for. */
  #inAnswers(expectation: Expectation): Finding {
    const found = this.#answered.get(expectation);
    return found && { outcome: 'met', seen: evidenceOf(found.answer, found.text) };
  }

  /** The console did not bring it, and the log has it. */
  #inLog(expectation: Expectation): Finding {
    const text = this.unheard.get(expectation);
    if (text === undefined) return undefined;
    return { outcome: 'met', why: 'it stands in the log', seen: { text, line: this.#seen.logs?.line ?? 1 } };
  }

  #milestone(expectation: Expectation): Finding {
    if (expectation.pattern === 'panic') {
      const panic = predictedPanic(this.#prediction, this.#seen);
      return panic && { outcome: 'met', seen: evidenceOf(panic, panic.sign.detail ?? panic.sign.text) };
    }
    const phase = orderOf(expectation.phase);
    const milestone = this.#seen.milestones.find(
      ({ name, domain, phase: when }) =>
        name === expectation.pattern && orderOf(when) >= phase && this.#isOf(domain, expectation.domid),
    );
    if (milestone !== undefined) return { outcome: 'met', seen: evidenceOf(milestone, milestone.text) };
    const names = [expectation.pattern, ...(expectation.pattern === 'xen-banner' ? ['xen-bare-banner'] : [])];
    const sign = this.#seen.signs.find(found => names.includes(found.sign.name));
    return sign && { outcome: 'met', seen: evidenceOf(sign, sign.sign.text) };
  }

  #isOf(domain: string | undefined, domid = 0): boolean {
    if (domain === undefined || domain === String(domid)) return true;
    return isDomain(domain, domid, this.#prediction);
  }

  /** Forbidden from its phase on. */
  #absent(expectation: Expectation): Finding {
    const pattern = patternOf(expectation);
    const milestone = this.#seen.milestones.find(
      ({ name }) => expectation.source === 'run' && pattern.test(name),
    );
    if (milestone !== undefined) {
      return { outcome: 'contradicted', seen: evidenceOf(milestone, milestone.text) };
    }
    const lines = linesFor(expectation, this.#seen);
    const phase = orderOf(expectation.phase);
    for (const [index, line] of lines.entries()) {
      if (orderOf(line.phase) < phase) continue;
      // A line that the model itself predicts is not forbidden by it; a claim may still forbid it.
      if (expectation.claim === undefined && this.lines.predicted.has(line)) continue;
      const text = textsOf(line, lines[index + 1]).find(offered => pattern.test(offered));
      if (text !== undefined) return { outcome: 'contradicted', seen: evidenceOf(line, text) };
    }
    return this.#seen.begun.has(expectation.phase) || this.#seen.form === 'console log'
      ? (this.#unheard(expectation) ?? this.#overBefore(expectation) ?? { outcome: 'met' })
      : undefined;
  }

  /** Nothing was found: because it was not there, or because nobody could have found it? */
  #unmet(expectation: Expectation): NonNullable<Finding> {
    const hidden = unobservable(expectation, this.#prediction, this.#seen);
    if (hidden !== undefined) return { outcome: 'not-observable', why: hidden };
    const notDone = this.#seen.notDone.get(expectation.phase);
    if (notDone !== undefined) return { outcome: 'not-observable', why: notDone };
    const gap = this.#unheard(expectation);
    if (gap !== undefined) return gap;
    if (expectation.kind !== 'absent' && this.#wasDue(expectation)) return this.#missed(expectation);
    return this.#overBefore(expectation) ?? this.#missed(expectation);
  }

  /** Something that has to come later is there. Once the lab has failed, only the same talker's next words say so. */
  #wasDue(expectation: Expectation): boolean {
    const place = this.#places.get(expectation) ?? 0;
    if (this.#restart === undefined && this.#seen.faults.every(({ class: kind }) => kind === 'board')) {
      return place < this.#lastMet;
    }
    const stream = streamOfExpectation(expectation);
    return [...this.lines.met.keys()].some(
      met =>
        met.claim === undefined &&
        (this.#places.get(met) ?? 0) > place &&
        expectation.kind === 'line' &&
        streamOfExpectation(met) === stream,
    );
  }

  /** Lines that may have been printed while nobody heard the console. */
  #unheard(expectation: Expectation): Finding {
    const gap = gapOver(expectation, this.#prediction, this.#seen, this.lines);
    if (gap === undefined) return undefined;
    return { outcome: 'infrastructure', why: wordsOf(gap) };
  }

  /** Set where the run was over before its turn. */
  #overBefore(expectation: Expectation): Finding {
    const { finished, begun, faults, ended, form } = this.#seen;
    const { phase } = expectation;
    const restart = this.#restart;
    if (restart !== undefined && orderOf(restart.phase) <= orderOf(phase)) {
      return { outcome: 'infrastructure', why: `the board started again by itself: ${restart.sign.text}` };
    }
    const unpredicted = this.#unpredicted;
    if (unpredicted !== undefined && orderOf(unpredicted.phase) <= orderOf(phase)) {
      const stream = `${expectation.source} ${expectation.domid ?? ''}`;
      if (expectation.kind !== 'absent' && begun.has(phase) && !this.#missedBeforeEnd.has(stream)) {
        this.#missedBeforeEnd.add(stream);
        return undefined;
      }
      return {
        outcome: 'not-run',
        why: `the boot ended before: ${unpredicted.sign.detail ?? unpredicted.sign.text}`,
      };
    }
    if (form === 'console log') {
      if (ended !== null && predictedPanic(this.#prediction, this.#seen) === undefined) {
        return { outcome: 'not-run', why: ended };
      }
      if (phase !== 'boot' && !this.#stepsShow) return { outcome: 'not-run', why: noSteps };
      return undefined;
    }
    if (finished.has(phase)) return undefined;
    const fault = faults.find(found => orderOf(found.phase) <= orderOf(phase));
    if (fault?.class === 'infrastructure') return { outcome: 'infrastructure', why: fault.what };
    // The board was given all the time that it has: what did not come in this phase is missing.
    if (fault?.class === 'board' && begun.has(phase) && fault.phase === phase) return undefined;
    if (ended !== null) return { outcome: 'not-run', why: fault?.what ?? ended };
    return begun.has(phase) ? undefined : { outcome: 'not-run', why: notBegun };
  }

  #missed(expectation: Expectation): NonNullable<Finding> {
    if (expectation.kind !== 'line') return { outcome: 'missed' };
    const lines = linesFor(expectation, this.#seen).filter(line => !this.lines.accounted.has(line));
    const pattern = patternOf(expectation);
    const elsewhere = lines.find(line => pattern.test(line.text));
    if (elsewhere !== undefined) {
      return {
        outcome: 'missed',
        why: 'found in the console log, but not in its place in the order',
        seen: evidenceOf(elsewhere, elsewhere.text),
      };
    }
    const texts = lines.map(({ text }) => text);
    const index = nearest(expectation.text, texts);
    const line = index === undefined ? undefined : lines[index];
    return {
      outcome: 'missed',
      why: 'not found in the console log',
      ...(line !== undefined && { seen: evidenceOf(line, line.text) }),
    };
  }

  /** The boot ended as the model predicted, which may be what breaks a claim. */
  #predictedEnd(): boolean {
    return predictedPanic(this.#prediction, this.#seen) !== undefined;
  }
}

/** A claim of the series that the model saw break here is broken as predicted when it is not met. */
function asClaim(
  { claim }: Expectation,
  found: NonNullable<Finding>,
  predictedEnd: boolean,
): NonNullable<Finding> {
  const broken = claim?.broken;
  if (broken === undefined || broken === null) return found;
  if (found.outcome === 'met')
    return { ...found, why: `it holds, though the model saw it break: ${broken.because}` };
  const unmet = found.outcome === 'missed' || found.outcome === 'contradicted';
  if (!unmet && !(found.outcome === 'not-run' && predictedEnd)) return found;
  // Only a claim of the series may break as predicted: what the scenario alone states has to hold.
  if (claim?.ids.length === 0) {
    return {
      ...found,
      outcome: unmet ? found.outcome : 'missed',
      why: `as the model predicts: ${broken.because}`,
    };
  }
  return { ...found, outcome: 'broken-as-predicted', why: broken.because };
}

function firstLine(text: string): string | undefined {
  return linesOf(text).find(line => line !== '');
}
