/** Verdicts for a person at a terminal: a line per run, failures in full with the first one on top, the sum. */
import type { Reason } from '../../model/trace/observation.ts';
import type { Evidence, Judgement, Outcome } from '../verify/verdict.ts';
import { type Colour, type Paint, painter } from './colour.ts';
import { firstFailure } from './first-failure.ts';
import { imageLines, versionWords } from './images.ts';
import { type LeftOut, leftOutLines } from './left-out.ts';
import { printable, printableLine } from './printable.ts';
import { isFailure, outcomeOf, type RunReport, type Strictness } from './run-report.ts';

/**
 * How much is told of a run:
 * - `failures`: failed expectations in full, claims that broke as predicted, and the number of the others;
 * - `expectations`: every expectation, those that did not fail on a line each;
 * - `reasons`: every expectation in full, with rule, place and the line seen.
 */
export type Detail = 'failures' | 'expectations' | 'reasons';

export interface TerminalOptions extends Strictness {
  readonly colour: boolean;
  readonly detail: Detail;
  /** Columns of the terminal; lines about what did not fail are cut there. Absent: never cut. */
  readonly columns?: number | undefined;
}

/** How an outcome is called and painted, in the order of the summary. */
export const outcomeWords: Readonly<Record<Outcome, { readonly words: string; readonly colour: Colour }>> = {
  met: { words: 'met', colour: 'green' },
  missed: { words: 'missed', colour: 'red' },
  contradicted: { words: 'contradicted', colour: 'red' },
  'broken-as-predicted': { words: 'broken as predicted', colour: 'magenta' },
  'not-observable': { words: 'not observable', colour: 'dim' },
  'not-run': { words: 'not run', colour: 'dim' },
  infrastructure: { words: 'infrastructure', colour: 'yellow' },
};

/** The same of a whole run. */
export const runOutcomeWords = {
  met: { words: 'met', colour: 'green' },
  failed: { words: 'FAILED', colour: 'red' },
  infrastructure: { words: 'INFRASTRUCTURE', colour: 'yellow' },
  interrupted: { words: 'interrupted', colour: 'yellow' },
} as const;

const labelWidth = 14;

/** One run: what came of it, every expectation with its verdict and its reason, and where its files are. */
export function renderVerdict(report: RunReport, options: TerminalOptions): string {
  const paint = painter(options.colour);
  const { verdict, title, claims } = report;
  const outcome = runOutcomeWords[outcomeOf(report, options)];
  const lines = [
    `${paint('bold', printableLine(nameOf(report)))}: ${paint(outcome.colour, outcome.words)} (${countWords(verdict.counts)})`,
    `  ${title}${claims.length === 0 ? '' : ` [${claims.join(' ')}]`}`,
    ...verdict.faults.flatMap(fault => renderFault(fault, paint)),
    ...(verdict.notes ?? []).map(note => `  ${paint('dim', `note: ${printableLine(note)}`)}`),
    ...renderJudgements(verdict.judgements, options, paint),
  ];
  lines.push(...deployedLines(report, options).map(line => `  ${paint('dim', printableLine(line))}`));
  if (report.directory !== null) lines.push(`  files: ${printableLine(report.directory)}`);
  return `${lines.join('\n')}\n`;
}

/** In full where all is told, else what says which version it is. */
function deployedLines({ images }: RunReport, { detail }: TerminalOptions): string[] {
  if (detail === 'reasons') return imageLines(images).map(line => `deployed ${line}`);
  const words = versionWords(images);
  return words === '' ? [] : [`deployed ${words}`];
}

/** A run's place among those of one command. */
export interface RunPlace {
  /** Counted from 1, in the order in which runs end. */
  readonly number: number;
  readonly total: number;
}

/** `ok      37/241 dom0-and-guest on virtual-v4h, 0.6 s: 63 met`; with the first failure where it failed. */
export function renderRunLine(
  report: RunReport,
  { number, total }: RunPlace,
  options: TerminalOptions,
): string {
  const paint = painter(options.colour);
  const outcome = outcomeOf(report, options);
  const { words, colour } = runOutcomeWords[outcome];
  const place = `${String(number).padStart(String(total).length)}/${total}`;
  const line = `${paint(colour, (outcome === 'met' ? 'ok' : words).padEnd(6))} ${place} ${printableLine(nameOf(report))}, ${secondsOf(report)}: ${countWords(report.verdict.counts)}`;
  const first = firstProblem(report, options);
  return first === undefined ? line : `${line}\n       ${first}`;
}

/** One line on why a run did not pass. */
function firstProblem(report: RunReport, options: TerminalOptions): string | undefined {
  const { judgements, faults } = report.verdict;
  const [fault] = faults;
  if (outcomeOf(report, options) === 'met') return undefined;
  if (fault !== undefined) return printableLine(`${fault.class}: ${fault.what.split('\n', 1)[0] ?? ''}`);
  const first = firstFailure(judgements, options);
  if (first === undefined) return undefined;
  const { words } = outcomeWords[first.outcome];
  return printableLine(`${words}: ${first.expectation.source}: ${textOf(first)}`);
}

/** Runs that did not pass, a line each (with `detail` beyond failures: all runs), scenarios that were left out, and the sum. */
export function renderSummary(
  reports: readonly RunReport[],
  options: TerminalOptions,
  leftOut: readonly LeftOut[] = [],
): string {
  const paint = painter(options.colour);
  const listed = reports.filter(
    report => options.detail !== 'failures' || outcomeOf(report, options) !== 'met',
  );
  const width = Math.max(0, ...listed.map(report => nameOf(report).length));
  const lines = listed.map(report => {
    const outcome = runOutcomeWords[outcomeOf(report, options)];
    const words = paint(outcome.colour, outcome.words.padEnd(labelWidth));
    const took = secondsOf(report).padStart(8);
    return `  ${words} ${nameOf(report).padEnd(width)} ${took}  ${countWords(report.verdict.counts)}`;
  });
  const sums = Object.entries(runOutcomeWords).flatMap(([key, { words, colour }]) => {
    const count = reports.filter(report => outcomeOf(report, options) === key).length;
    return count === 0 ? [] : [paint(colour, `${count} ${words}`)];
  });
  const others = leftOut.length === 0 ? [] : [paint('dim', `${leftOut.length} left out`)];
  const sum = `${counted(reports.length, 'run')}: ${[...sums, ...others].join(', ')}`;
  const notRun = leftOutLines(leftOut).map(line => `  ${paint('dim', line)}`);
  return `${[...lines, ...notRun, sum].join('\n')}\n`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function secondsOf({ milliseconds }: RunReport): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function nameOf({ verdict }: RunReport): string {
  return `${verdict.scenario} on ${verdict.board}`;
}

/** `45 met, 1 missed` */
function countWords(counts: Readonly<Record<Outcome, number>>): string {
  const words = Object.entries(outcomeWords)
    .map(([outcome, { words: name }]) => ({ count: counts[outcome as Outcome], name }))
    .filter(({ count }) => count > 0)
    .map(({ count, name }) => `${count} ${name}`);
  return words.length === 0 ? 'nothing judged' : words.join(', ');
}

function renderFault(fault: RunReport['verdict']['faults'][number], paint: Paint): string[] {
  const [first = '', ...rest] = printable(fault.what).split('\n');
  return [
    `  ${paint('yellow', `${printableLine(fault.class)}:`)} ${first}`,
    ...rest.map(line => `    ${line}`),
    ...(fault.hint === undefined ? [] : [`    hint: ${printableLine(fault.hint)}`]),
  ];
}

function renderJudgements(all: readonly Judgement[], options: TerminalOptions, paint: Paint): string[] {
  const first = firstFailure(all, options);
  const others = all.filter(each => each !== first && isShown(each, options));
  const told = foldedLines(others, options, paint);
  if (first === undefined) return told;
  const follow = others.some(each => isFailure(each, options));
  return [
    `  ${paint('bold', follow ? 'first failure; the others may follow from it:' : 'the failure:')}`,
    ...inFull(first, paint),
    ...(told.length === 0 ? [] : [`  ${paint('bold', follow ? 'then:' : 'beside it:')}`, ...told]),
  ];
}

/** A met expectation is left to its number in the headline, unless more was asked for. */
function isShown({ outcome }: Judgement, { detail }: TerminalOptions): boolean {
  return detail !== 'failures' || outcome !== 'met';
}

function foldedLines(all: readonly Judgement[], options: TerminalOptions, paint: Paint): string[] {
  if (options.detail === 'reasons') return all.flatMap(judgement => inFull(judgement, paint));
  return runsOfOneKind(all).flatMap(alike => {
    const [first] = alike;
    if (first === undefined) return [];
    if (!unlearned.has(first.outcome)) {
      return alike.flatMap(each =>
        each.outcome === 'met' ? [onOneLine(each, options, paint)] : inFull(each, paint),
      );
    }
    if (alike.length < folded) return alike.map(each => onOneLine(each, options, paint));
    const text = `${alike.length} expectations, from "${printableLine(textOf(first))}" on`;
    return [cutLine(first.outcome, text, first.why ?? '', options, paint)];
  });
}

/** Outcomes from which nothing was learned: what was expected matters less than why it is not known. */
const unlearned: ReadonlySet<Outcome> = new Set(['not-observable', 'not-run', 'infrastructure']);
/** As many in a row with one reason are told as one. */
const folded = 4;

/** Neighbours with the same outcome for the same reason, together. */
function runsOfOneKind(all: readonly Judgement[]): Judgement[][] {
  const runs: Judgement[][] = [];
  for (const judgement of all) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (last?.outcome === judgement.outcome && last.why === judgement.why) run?.push(judgement);
    else runs.push([judgement]);
  }
  return runs;
}

function inFull(judgement: Judgement, paint: Paint): string[] {
  const { words, colour } = outcomeWords[judgement.outcome];
  const text = printableLine(`${judgement.expectation.source}: ${textOf(judgement)}`);
  return [`  ${paint(colour, words.padEnd(labelWidth))} ${text}`, ...details(judgement, paint)];
}

function onOneLine(judgement: Judgement, options: TerminalOptions, paint: Paint): string {
  const { expectation, outcome, why } = judgement;
  const text = printableLine(`${expectation.source}: ${textOf(judgement)}`);
  const reason = unlearned.has(outcome) && why !== undefined ? why : expectation.reason.because;
  return cutLine(outcome, text, reason, options, paint);
}

function cutLine(
  outcome: Outcome,
  text: string,
  reason: string,
  { columns = Infinity }: TerminalOptions,
  paint: Paint,
): string {
  const { words, colour } = outcomeWords[outcome];
  const room = columns - labelWidth - 3;
  const shown = cut(text, room);
  const because = paint('dim', cut(`  <- ${printableLine(reason)}`, room - shown.length));
  return `  ${paint(colour, words.padEnd(labelWidth))} ${shown}${because}`;
}

function textOf({ expectation }: Judgement): string {
  const { kind, text, claim } = expectation;
  const claimed = claim === undefined || claim.ids.length === 0 ? '' : `[${claim.ids.join(' ')}] `;
  return `${claimed}${kind === 'absent' ? 'never: ' : ''}${text}`;
}

function details({ expectation, outcome, why, seen }: Judgement, paint: Paint): string[] {
  const lines: string[] = [];
  const add = (name: string, text: string) => {
    lines.push(`    ${paint('dim', name.padEnd(labelWidth - 2))} ${printableLine(text)}`);
  };
  if (why !== undefined) add('why', why);
  if (seen !== undefined) add(outcome === 'missed' ? 'nearest seen' : 'seen', placed(seen));
  add('expected', explain(expectation.reason));
  const broken = expectation.claim?.broken;
  if (broken) add('breaks', explain(broken));
  return lines;
}

function placed({ text, line, t }: Evidence): string {
  return `${text}  (line ${line}${t === undefined ? '' : `, ${(t / 1000).toFixed(1)} s`})`;
}

function explain({ rule, because, place }: Reason): string {
  return `because ${because} (${rule}${place === undefined ? '' : `, ${place}`})`;
}

function cut(text: string, columns: number): string {
  if (text.length <= columns) return text;
  return columns < 8 ? '' : `${text.slice(0, columns - 3)}...`;
}
