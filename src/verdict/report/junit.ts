/**
 * JUnit XML as Jenkins and GitLab read it. By default a suite per board and a case per scenario, under names that stay
 * the same from run to run; in detail a suite per run and a case per expectation, and a suite per board of the scenarios
 * that were not run there.
 */
import type { Evidence, Judgement } from '../verify/verdict.ts';
import { imageWords } from './images.ts';
import type { LeftOut } from './left-out.ts';
import { printable } from './printable.ts';
import { firstFailure } from './first-failure.ts';
import { isFailure, outcomeOf, type RunReport, type Strictness } from './run-report.ts';
import { renderVerdict } from './terminal.ts';

type Result =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failure' | 'error' | 'skipped'; readonly type: string; readonly message: string };

interface TestCase {
  readonly name: string;
  readonly seconds?: number;
  readonly result: Result;
  /** Lines seen and reasons. */
  readonly output: string;
}

/**
 * @param strictness whether a claim that breaks as predicted is a failure
 * @returns the document: a case per scenario and board; its failures, as a terminal shows them, are in the case
 */
export function renderJunit(
  reports: readonly RunReport[],
  strictness: Strictness,
  leftOut: readonly LeftOut[] = [],
): string {
  const boards = new Set([
    ...reports.map(({ verdict }) => verdict.board),
    ...leftOut.map(({ board }) => board),
  ]);
  const suites = [...boards].map(board => {
    const runs = reports.filter(({ verdict }) => verdict.board === board);
    const cases = [
      ...runs.map(report => scenarioCase(report, strictness)),
      ...leftOut.filter(each => each.board === board).map(leftOutCase),
    ];
    const began = runs.map(({ started }) => started).toSorted()[0];
    const suite = open('testsuite', {
      name: board,
      ...counts(cases),
      time: secondsOf(runs).toFixed(3),
      ...(began !== undefined && { timestamp: timestamp(began) }),
      hostname: board,
    });
    const text = [
      `  ${suite}`,
      ...cases.map(each => renderCase(each, `scmi-hil.${board}`)),
      '  </testsuite>',
    ];
    return { cases, text: text.join('\n') };
  });
  return document(
    suites.flatMap(({ cases }) => cases),
    secondsOf(reports),
    suites.map(({ text }) => text),
  );
}

/** As `renderJunit`, with a suite per run and a case per expectation. */
export function renderJunitInDetail(
  reports: readonly RunReport[],
  strictness: Strictness,
  leftOut: readonly LeftOut[] = [],
): string {
  const suites = reports.map(report => ({ report, cases: casesOf(report, strictness) }));
  const notRun = [...Map.groupBy(leftOut, ({ board }) => board)];
  const all = [...suites.flatMap(({ cases }) => cases), ...leftOut.map(leftOutCase)];
  return document(all, secondsOf(reports), [
    ...suites.map(({ report, cases }) => renderSuite(report, cases)),
    ...notRun.map(([board, scenarios]) => renderLeftOut(board, scenarios.map(leftOutCase))),
  ]);
}

function document(cases: readonly TestCase[], seconds: number, suites: readonly string[]): string {
  const root = open('testsuites', { name: 'scmi-hil', ...counts(cases), time: seconds.toFixed(3) });
  return ['<?xml version="1.0" encoding="UTF-8"?>', root, ...suites, '</testsuites>', ''].join('\n');
}

function secondsOf(reports: readonly RunReport[]): number {
  return reports.reduce((sum, { milliseconds }) => sum + milliseconds / 1000, 0);
}

/** A run as one case: passed, failed by its first failure, or one error of the lab. */
function scenarioCase(report: RunReport, strictness: Strictness): TestCase {
  const { verdict, milliseconds } = report;
  const output = renderVerdict(report, { ...strictness, colour: false, detail: 'failures' });
  const [fault] = verdict.faults;
  const first = firstFailure(verdict.judgements, strictness);
  const outcome = outcomeOf(report, strictness);
  const base = { name: verdict.scenario, seconds: milliseconds / 1000, output };
  if (outcome === 'met') return { ...base, result: { kind: 'passed' } };
  if (outcome === 'failed') {
    const message = first === undefined ? firstLine(fault?.what ?? outcome) : failureText(first);
    return { ...base, result: { kind: 'failure', type: first?.outcome ?? outcome, message } };
  }
  return { ...base, result: { kind: 'error', type: outcome, message: firstLine(fault?.what ?? outcome) } };
}

/** `missed: xen: scmi: Free domain 1: not found in the console log` */
function failureText({ expectation, outcome, why }: Judgement): string {
  const never = expectation.kind === 'absent' ? 'never: ' : '';
  const because = why === undefined ? '' : `: ${firstLine(why)}`;
  return `${outcome}: ${expectation.source}: ${never}${expectation.text}${because}`;
}

function casesOf(report: RunReport, strictness: Strictness): TestCase[] {
  return [runCase(report), ...report.verdict.judgements.map(each => expectationCase(each, strictness))];
}

/** The run itself: what kept it from its end is seen even where no expectation came to be judged. */
function runCase({ verdict, milliseconds }: RunReport): TestCase {
  const failed = verdict.outcome === 'infrastructure' || verdict.outcome === 'interrupted';
  const faults = verdict.faults.map(({ class: kind, what, hint }) =>
    [`${kind}: ${what}`, ...(hint === undefined ? [] : [hint])].join('\n'),
  );
  const [first] = verdict.faults;
  const message = firstLine(first?.what ?? verdict.outcome);
  return {
    name: 'the run reaches its end',
    seconds: milliseconds / 1000,
    result: failed ? { kind: 'error', type: verdict.outcome, message } : { kind: 'passed' },
    output: [...faults, ...(verdict.notes ?? []).map(note => `note: ${note}`)].join('\n\n'),
  };
}

function leftOutCase({ scenario, why }: LeftOut): TestCase {
  return { name: scenario, result: { kind: 'skipped', type: 'left out', message: why }, output: '' };
}

function expectationCase(judgement: Judgement, strictness: Strictness): TestCase {
  const { expectation } = judgement;
  const never = expectation.kind === 'absent' ? 'never: ' : '';
  return {
    name: `${expectation.id} ${expectation.source}: ${never}${expectation.text}`,
    result: resultOf(judgement, strictness),
    output: outputOf(judgement),
  };
}

function resultOf(judgement: Judgement, strictness: Strictness): Result {
  const { outcome, why, expectation, seen } = judgement;
  if (isFailure(judgement, strictness)) {
    const nearest = seen === undefined ? 'not found in the recording' : `seen: ${seen.text}`;
    return { kind: 'failure', type: outcome, message: firstLine(why ?? nearest) };
  }
  if (outcome === 'met' || outcome === 'broken-as-predicted') return { kind: 'passed' };
  const message = firstLine(why ?? expectation.reason.because);
  return { kind: outcome === 'infrastructure' ? 'error' : 'skipped', type: outcome, message };
}

function outputOf({ expectation, outcome, why, seen }: Judgement): string {
  const { reason, claim, pattern, command } = expectation;
  const lines = [
    `verdict: ${outcome}`,
    ...(why === undefined ? [] : [`why: ${why}`]),
    ...(seen === undefined ? [] : [`${outcome === 'missed' ? 'nearest seen' : 'seen'}: ${placed(seen)}`]),
    `pattern: ${pattern}`,
    ...(command === undefined ? [] : [`command: ${command}`]),
    `reason: ${reason.because} (${reason.rule}${reason.place === undefined ? '' : `, ${reason.place}`})`,
  ];
  if (claim !== undefined) lines.push(`claims: ${claim.ids.join(' ')}`);
  if (claim?.broken) lines.push(`broken as predicted: ${claim.broken.because} (${claim.broken.rule})`);
  return lines.join('\n');
}

function placed({ text, line, t }: Evidence): string {
  return `${text} (line ${line}${t === undefined ? '' : `, ${(t / 1000).toFixed(3)} s`})`;
}

function renderSuite(report: RunReport, cases: readonly TestCase[]): string {
  const { verdict, title, claims, directory, started, milliseconds, images = {} } = report;
  const properties = Object.entries({
    title,
    board: verdict.board,
    scenario: verdict.scenario,
    outcome: verdict.outcome,
    ...(claims.length === 0 ? {} : { claims: claims.join(' ') }),
    ...(directory === null ? {} : { directory }),
    ...Object.fromEntries(
      Object.entries(images).map(([name, image]) => [`image.${name}`, imageWords(image)] as const),
    ),
  });
  const suite = open('testsuite', {
    name: `${verdict.scenario} on ${verdict.board}`,
    ...counts(cases),
    time: (milliseconds / 1000).toFixed(3),
    timestamp: timestamp(started),
    hostname: verdict.board,
  });
  return [
    `  ${suite}`,
    '    <properties>',
    ...properties.map(([name, value]) => `      ${open('property', { name, value }).replace(/>$/, '/>')}`),
    '    </properties>',
    ...cases.map(each => renderCase(each, `${verdict.board}.${verdict.scenario}`)),
    '  </testsuite>',
  ].join('\n');
}

/** The schema's time has no zone. */
function timestamp(started: string): string {
  return started.replace(/(\.\d+)?Z$/, '');
}

function renderLeftOut(board: string, cases: readonly TestCase[]): string {
  const name = `left out on ${board}`;
  return [
    `  ${open('testsuite', { name, ...counts(cases), time: '0.000', hostname: board })}`,
    ...cases.map(each => renderCase(each, `${board}.${each.name}`)),
    '  </testsuite>',
  ].join('\n');
}

function renderCase({ name, seconds, result, output }: TestCase, classname: string): string {
  const attributes = { classname, name, time: (seconds ?? 0).toFixed(3) };
  const lines = [`    ${open('testcase', attributes)}`];
  if (result.kind === 'skipped') {
    lines.push(
      `      ${open('skipped', { message: `${result.type}: ${result.message}` }).replace(/>$/, '/>')}`,
    );
  } else if (result.kind !== 'passed') {
    const { kind, type, message } = result;
    lines.push(`      ${open(kind, { type, message })}${escape(output)}</${kind}>`);
  }
  const isAttached = result.kind === 'failure' || result.kind === 'error';
  if (output !== '' && !isAttached) lines.push(`      <system-out>${escape(output)}</system-out>`);
  lines.push('    </testcase>');
  return lines.join('\n');
}

function counts(cases: readonly TestCase[]): Readonly<Record<string, string>> {
  const count = (kind: Result['kind']) => String(cases.filter(({ result }) => result.kind === kind).length);
  return {
    tests: String(cases.length),
    failures: count('failure'),
    errors: count('error'),
    skipped: count('skipped'),
  };
}

function open(name: string, attributes: Readonly<Record<string, string>>): string {
  const list = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeAttribute(value)}"`);
  return `<${name}${list.join('')}>`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
  '\t': '&#9;',
};

/** XML 1.0 cannot hold most control characters, not even escaped: `printable` spells them out. */
function escape(text: string): string {
  return printable(text).replace(/[&<>]/g, each => entities[each] ?? each);
}

function escapeAttribute(text: string): string {
  return printable(text).replace(/[&<>"\n\t]/g, each => entities[each] ?? each);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
