/** Verdicts for a person at a terminal. */
import type { Reason } from '../../model/trace/observation.ts';
import type { Evidence, Judgement, Outcome } from '../verify/verdict.ts';
import { type Colour, type Paint, painter } from './colour.ts';
import { imageLines, versionWords } from './images.ts';
import { type LeftOut, leftOutLines } from './left-out.ts';
import { printable, printableLine } from './printable.ts';
import { outcomeOf, type RunReport, type Strictness } from './run-report.ts';

export interface TerminalOptions extends Strictness {
  readonly colour: boolean;
  /** Reasons of all expectations in full, with rule, place and what was seen; else only of what failed. */
  readonly verbose: boolean;
  /** Columns of the terminal; lines about what did not fail are cut there. Absent: never cut. */
  readonly columns?: number | undefined;
}

/** How an outcome is called and painted, in the order of the summary. */
const outcomes: Readonly<Record<Outcome, { readonly words: string; readonly colour: Colour }>> = {
  met: { words: 'met', colour: 'green' },
  missed: { words: 'missed', colour: 'red' },
  contradicted: { words: 'contradicted', colour: 'red' },
  'broken-as-predicted': { words: 'broken as predicted', colour: 'magenta' },
  'not-observable': { words: 'not observable', colour: 'dim' },
  'not-run': { words: 'not run', colour: 'dim' },
  infrastructure: { words: 'infrastructure', colour: 'yellow' },
};

const runOutcomes = {
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
  const outcome = runOutcomes[outcomeOf(report, options)];
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
function deployedLines({ images }: RunReport, { verbose }: TerminalOptions): string[] {
  if (verbose) return imageLines(images).map(line => `deployed ${line}`);
  const words = versionWords(images);
  return words === '' ? [] : [`deployed ${words}`];
}

/** All runs, a line each, what was not run, and their sum. */
export function renderSummary(
  reports: readonly RunReport[],
  options: TerminalOptions,
  leftOut: readonly LeftOut[] = [],
): string {
  const paint = painter(options.colour);
  const width = Math.max(0, ...reports.map(report => nameOf(report).length));
  const lines = reports.map(report => {
    const outcome = runOutcomes[outcomeOf(report, options)];
    const words = paint(outcome.colour, outcome.words.padEnd(labelWidth));
    const took = `${(report.milliseconds / 1000).toFixed(1)} s`.padStart(8);
    return `  ${words} ${nameOf(report).padEnd(width)} ${took}  ${countWords(report.verdict.counts)}`;
  });
  const sums = Object.entries(runOutcomes).flatMap(([key, { words, colour }]) => {
    const count = reports.filter(report => outcomeOf(report, options) === key).length;
    return count === 0 ? [] : [paint(colour, `${count} ${words}`)];
  });
  const others = leftOut.length === 0 ? [] : [paint('dim', `${leftOut.length} left out`)];
  const sum = `${reports.length} runs: ${[...sums, ...others].join(', ')}`;
  const notRun = leftOutLines(leftOut).map(line => `  ${paint('dim', line)}`);
  return `${[...lines, ...notRun, sum].join('\n')}\n`;
}

function nameOf({ verdict }: RunReport): string {
  return `${verdict.scenario} on ${verdict.board}`;
}

/** `45 met, 1 missed` */
function countWords(counts: Readonly<Record<Outcome, number>>): string {
  const words = Object.entries(outcomes)
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
  if (options.verbose) return all.flatMap(judgement => inFull(judgement, paint));
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
  const { words, colour } = outcomes[judgement.outcome];
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
  const { words, colour } = outcomes[outcome];
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
