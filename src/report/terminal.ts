/** Verdicts for a person at a terminal. */
import type { Reason } from '../model/observation.ts';
import type { Evidence, Judgement, Outcome } from '../verify/verdict.ts';
import type { Colour, Paint } from './colour.ts';
import { painter } from './colour.ts';
import { printable, printableLine } from './printable.ts';
import type { RunReport, Strictness } from './run-report.ts';
import { outcomeOf } from './run-report.ts';

export interface TerminalOptions extends Strictness {
  readonly colour: boolean;
  /** Reasons of all expectations in full, with rule, place and what was seen; else only where it failed. */
  readonly verbose: boolean;
  /** Columns of the terminal; lines of met expectations are cut there. Absent: never cut. */
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
    `${paint('bold', nameOf(report))}: ${paint(outcome.colour, outcome.words)} (${countWords(verdict.counts)})`,
    `  ${title}${claims.length === 0 ? '' : ` [${claims.join(' ')}]`}`,
    ...verdict.faults.flatMap(fault => renderFault(fault, paint)),
    ...verdict.judgements.flatMap(judgement => renderJudgement(judgement, options, paint)),
  ];
  if (report.directory !== null) lines.push(`  files: ${report.directory}`);
  return `${lines.join('\n')}\n`;
}

/** All runs, a line each, and their sum. */
export function renderSummary(reports: readonly RunReport[], options: TerminalOptions): string {
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
  return `${[...lines, `${reports.length} runs: ${sums.join(', ')}`].join('\n')}\n`;
}

function nameOf({ verdict }: RunReport): string {
  return `${verdict.scenario} on ${verdict.board}`;
}

/** `45 met, 1 missed` */
export function countWords(counts: Readonly<Record<Outcome, number>>): string {
  const words = Object.entries(outcomes)
    .map(([outcome, { words: name }]) => ({ count: counts[outcome as Outcome], name }))
    .filter(({ count }) => count > 0)
    .map(({ count, name }) => `${count} ${name}`);
  return words.length === 0 ? 'nothing judged' : words.join(', ');
}

function renderFault(fault: RunReport['verdict']['faults'][number], paint: Paint): string[] {
  const [first = '', ...rest] = printable(fault.what).split('\n');
  return [
    `  ${paint('yellow', `${fault.class}:`)} ${first}`,
    ...rest.map(line => `    ${line}`),
    ...(fault.mend === undefined ? [] : [`    ${fault.mend}`]),
  ];
}

function renderJudgement(judgement: Judgement, options: TerminalOptions, paint: Paint): string[] {
  const { expectation, outcome } = judgement;
  const { words, colour } = outcomes[outcome];
  const label = paint(colour, words.padEnd(labelWidth));
  const text = printableLine(`${expectation.source}: ${textOf(judgement)}`);
  if (options.verbose || outcome !== 'met') return [`  ${label} ${text}`, ...details(judgement, paint)];
  const reason = `  <- ${expectation.reason.words}`;
  const room = (options.columns ?? Infinity) - labelWidth - 3;
  const cutText = cut(text, room);
  return [`  ${label} ${cutText}${paint('dim', cut(reason, room - cutText.length))}`];
}

function textOf({ expectation }: Judgement): string {
  const { kind, text, claim } = expectation;
  const claimed = claim === undefined ? '' : `[${claim.ids.join(' ')}] `;
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

function explain({ rule, words, place }: Reason): string {
  return `because ${words} (${rule}${place === undefined ? '' : `, ${place}`})`;
}

function cut(text: string, columns: number): string {
  if (text.length <= columns) return text;
  return columns < 8 ? '' : `${text.slice(0, columns - 3)}...`;
}
