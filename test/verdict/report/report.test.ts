import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import type { Expectation } from '../../../src/model/predict/prediction.ts';
import type { RecordedData } from '../../../src/verdict/recording/event.ts';
import { wantsColour } from '../../../src/verdict/report/colour.ts';
import { firstFailure } from '../../../src/verdict/report/first-failure.ts';
import { renderJson } from '../../../src/verdict/report/json.ts';
import { renderJunit, renderJunitInDetail } from '../../../src/verdict/report/junit.ts';
import { type Live, liveProgress } from '../../../src/verdict/report/live.ts';
import { printable } from '../../../src/verdict/report/printable.ts';
import { type RunReport, worstOutcome } from '../../../src/verdict/report/run-report.ts';
import { renderRunLine, renderSummary, renderVerdict } from '../../../src/verdict/report/terminal.ts';
import type { Judgement, Outcome, Verdict } from '../../../src/verdict/verify/verdict.ts';

const directory = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-report-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

const plain = { strict: false, colour: false, detail: 'failures' as const };
const schema = path.join(import.meta.dirname, '../../fixtures/report/junit.xsd');

/** One judgement of each outcome, with everything that a board's console can throw at an XML writer. */
const judgements: readonly Judgement[] = [
  judged(
    'met',
    { text: 'scmi: Got agent count 8' },
    { seen: { text: 'Got <8> & "more"', line: 12, t: 3200 } },
  ),
  judged('missed', {}, { seen: { text: 'nearest \x1b[31m\0 \ufffe line', line: 7, t: 1234 } }),
  judged('contradicted', { kind: 'absent', text: 'scmi: Error.*' }, { seen: { text: ']]> error', line: 9 } }),
  judged('broken-as-predicted', {
    claim: { ids: ['D15'], broken: { rule: 'firmware.denied', because: 'the firmware refuses agent 1' } },
  }),
  judged('not-observable', {}, { why: 'guest_loglvl hides it' }),
  judged('not-run', {}, { why: 'Xen panicked before' }),
  judged('infrastructure', {}, { why: 'the serial line was lost' }),
];

test('a JUnit case per scenario has its first failure, and one error where the lab failed', t => {
  const faults = [{ class: 'infrastructure', what: 'no power\nmore' }];
  const document = renderJunit(
    [report({}), report({ judgements }), report({ judgements, outcome: 'infrastructure', faults })],
    plain,
    notRun,
  );
  t.deepEqual(casesOf(document), [
    { name: 'dom0-and-guest', result: 'passed' },
    { name: 'dom0-and-guest', result: 'failure' },
    { name: 'dom0-and-guest', result: 'error' },
    { name: 'linux-6-1', result: 'skipped' },
    { name: 'probe-two-guests', result: 'skipped' },
  ]);
  t.regex(document, /<testsuite name="rpi5-01" tests="4" failures="1" errors="1" skipped="1" time="37\.035"/);
  t.regex(document, /<failure type="contradicted" message="contradicted: xen: never: scmi: Error\.\*">/);
  t.regex(document, /<error type="infrastructure" message="no power">/);
  t.regex(document, /nearest seen nearest \\x1b\[31m/);
});

test('each outcome of an expectation has its JUnit result', t => {
  const cases = casesOf(renderJunitInDetail([report({ judgements })], plain));
  t.deepEqual(
    cases.map(({ name, result }) => [name.split(' ')[0], result]),
    [
      ['the', 'passed'],
      ['met', 'passed'],
      ['missed', 'failure'],
      ['contradicted', 'failure'],
      ['broken-as-predicted', 'passed'],
      ['not-observable', 'skipped'],
      ['not-run', 'skipped'],
      ['infrastructure', 'error'],
    ],
  );
});

test('--strict makes a claim that breaks as predicted a JUnit failure', t => {
  const cases = casesOf(renderJunitInDetail([report({ judgements })], { strict: true }));
  t.is(cases.find(({ name }) => name.startsWith('broken'))?.result, 'failure');
});

test('the counts of a JUnit suite are those of its cases', t => {
  const document = renderJunitInDetail([report({ judgements }), report({ judgements: [] })], plain);
  const counts = [
    ...document.matchAll(/<testsuites? .*?tests="(\d+)" failures="(\d+)" errors="(\d+)" skipped="(\d+)"/g),
  ];
  t.deepEqual(
    counts.map(([, ...numbers]) => numbers.map(Number)),
    [
      [9, 2, 1, 2],
      [8, 2, 1, 2],
      [1, 0, 0, 0],
    ],
  );
});

test('a lab that failed is a JUnit error even where nothing came to be judged', t => {
  const faults = [{ class: 'infrastructure', what: 'open /dev/ttyUSB0: no such device', hint: 'plug it in' }];
  const document = renderJunitInDetail([report({ outcome: 'infrastructure', faults })], plain);
  t.deepEqual(casesOf(document), [{ name: 'the run reaches its end', result: 'error' }]);
  t.regex(
    document,
    /<error type="infrastructure" message="open \/dev\/ttyUSB0: no such device">.*\nplug it in<\/error>/,
  );
});

test('a retry of a run is reported with its JUnit case', t => {
  const document = renderJunitInDetail([report({ notes: ['the line is back after 0.3 s'] })], plain);
  t.regex(document, /<system-out>note: the line is back after 0\.3 s<\/system-out>/);
});

const notRun = [
  { board: 'rpi5-01', scenario: 'linux-6-1', why: 'it needs Linux 6.1' },
  { board: 'v4h-01', scenario: 'probe-two-guests', why: 'it is for rpi5 & co' },
];

test('a scenario that was left out on a board is a skipped JUnit case', t => {
  const document = renderJunitInDetail([report({ judgements })], plain, notRun);
  t.deepEqual(casesOf(document).slice(-2), [
    { name: 'linux-6-1', result: 'skipped' },
    { name: 'probe-two-guests', result: 'skipped' },
  ]);
  t.regex(document, /<testsuites .*tests="10" failures="2" errors="1" skipped="4"/);
  t.regex(
    document,
    /<testsuite name="left out on v4h-01" tests="1" .*\n.*\n.*left out: it is for rpi5 &amp; co"/,
  );
});

test('the lines seen are attached to JUnit cases, spelt out where XML cannot hold them', t => {
  const document = renderJunitInDetail([report({ judgements })], plain);
  t.true(document.includes('seen: Got &lt;8&gt; &amp; "more" (line 12, 3.200 s)'));
  t.true(document.includes(String.raw`nearest seen: nearest \x1b[31m\x00 \xfffe line (line 7, 1.234 s)`));
  t.true(document.includes('seen: ]]&gt; error (line 9)'));
  t.notRegex(document, /(?![\t\n\r])[\p{Control}\p{Surrogate}\ufffe\uffff]/u);
});

const xmllint = commandExists('xmllint');
(xmllint ? test : test.skip)('JUnit documents are valid against the schema (xmllint)', t => {
  const documents = [
    renderJunit([], plain),
    renderJunit([report({ judgements }), report({ outcome: 'interrupted' })], { strict: true }, notRun),
    renderJunitInDetail([], plain),
    renderJunitInDetail(
      [report({ judgements }), report({ outcome: 'interrupted' })],
      { strict: true },
      notRun,
    ),
  ];
  for (const [index, document] of documents.entries()) {
    const file = path.join(directory, `${index}.xml`);
    writeFileSync(file, document);
    t.notThrows(() => execFileSync('xmllint', ['--noout', '--schema', schema, file], { stdio: 'pipe' }));
  }
});

test('JUnit elements are nested as the schema has them', t => {
  const parents: Readonly<Record<string, readonly string[]>> = {
    testsuites: [''],
    testsuite: ['testsuites'],
    properties: ['testsuite'],
    property: ['properties'],
    testcase: ['testsuite'],
    failure: ['testcase'],
    error: ['testcase'],
    skipped: ['testcase'],
    'system-out': ['testcase'],
  };
  for (const [element, parent] of elementsOf(renderJunitInDetail([report({ judgements })], plain))) {
    t.true(parents[element]?.includes(parent), `${element} in ${parent}`);
  }
});

test('a verdict names the nearest line and the reason of what was missed, and where the files are', t => {
  const text = renderVerdict(report({ judgements }), plain);
  t.regex(
    text,
    /^dom0-and-guest on rpi5-01: FAILED \(1 met, 1 missed, 1 contradicted, 1 broken as predicted/,
  );
  t.regex(text, / {2}missed {9}xen: a line\n {4}nearest seen nearest \\x1b\[31m\\x00 .* \(line 7, 1\.2 s\)/);
  t.regex(text, /expected {5}because the tree says so \(rule\.name, \/chosen\/xen\)/);
  t.regex(text, /contradicted {3}xen: never: scmi: Error/);
  t.regex(text, /broken as predicted xen: \[D15\] a line/);
  t.regex(text, /breaks {7}because the firmware refuses agent 1 \(firmware\.denied\)/);
  t.regex(text, /not observable xen: a line {2}<- guest_loglvl hides it\n/);
  t.regex(text, / {2}files: runs\/x\n$/);
});

test('a met expectation is counted, and with -v one line with its reason, cut at the terminal’s width', t => {
  const [met] = judgements;
  const one = report({ judgements: met === undefined ? [] : [met] });
  const all = { ...plain, detail: 'expectations' as const };
  t.notRegex(renderVerdict(one, plain), /Got agent count/);
  t.regex(renderVerdict(one, all), /\n {2}met {12}xen: scmi: Got agent count 8 {2}<- the tree says so\n/);
  const narrow = renderVerdict(one, { ...all, columns: 50 });
  for (const line of narrow.split('\n').slice(2)) t.true(line.length <= 50, line);
  t.regex(
    renderVerdict(one, { ...plain, detail: 'reasons' as const }),
    /met {12}xen: .*\n {4}seen .*line 12, 3\.2 s/,
  );
});

test('many expectations in a row of which nothing was learned are told as one, with the reason', t => {
  const many = Array.from({ length: 50 }, () => judged('infrastructure', {}, { why: 'no power' }));
  const text = renderVerdict(report({ judgements: many, outcome: 'infrastructure' }), plain);
  t.regex(text, / {2}infrastructure 50 expectations, from "a line" on {2}<- no power\n {2}files/);
  const verbose = renderVerdict(report({ judgements: many }), { ...plain, detail: 'reasons' as const });
  t.is(verbose.match(/infrastructure xen: a line/g)?.length, 50);
});

const images = {
  xen: { sha256: 'a'.repeat(64), version: 'Xen 4.20.4-pre', buildId: 'd5b6' },
  kernel: { sha256: 'b'.repeat(64), version: 'Linux version 6.12.107 (debian@x) (gcc) #1 SMP' },
  ramdisk: { sha256: 'c'.repeat(64) },
};

test('deployed files are reported by their versions, and in full with -vv', t => {
  const deployed = { ...report({}), images };
  t.regex(
    renderVerdict(deployed, plain),
    /^ {2}deployed xen: Xen 4\.20\.4-pre, kernel: Linux version 6\.12\.107$/m,
  );
  const verbose = renderVerdict(deployed, { ...plain, detail: 'reasons' as const });
  t.regex(verbose, /^ {2}deployed xen: Xen 4\.20\.4-pre, build-id d5b6, SHA-256 a{64}$/m);
  t.regex(verbose, /^ {2}deployed ramdisk: SHA-256 c{64}$/m);
  t.notRegex(renderVerdict({ ...report({}), images: { ramdisk: images.ramdisk } }, plain), /deployed/);
  t.regex(
    renderJunitInDetail([deployed], plain),
    /<property name="image\.xen" value="Xen 4\.20\.4-pre, build-id d5b6, SHA-256 a{64}"\/>/,
  );
  t.deepEqual((JSON.parse(renderJson([deployed], plain)) as { runs: unknown[] }).runs.length, 1);
  t.regex(renderJson([deployed], plain), /"version": "Xen 4\.20\.4-pre"/);
});

test('faults of the lab are told with what to do', t => {
  const faults = [{ class: 'infrastructure', what: 'waited 20 s\nlast lines', hint: 'look at the relay' }];
  const text = renderVerdict(report({ outcome: 'infrastructure', faults }), plain);
  t.regex(
    text,
    /INFRASTRUCTURE .*\n.*\n {2}infrastructure: waited 20 s\n {4}last lines\n {4}hint: look at the relay\n/,
  );
});

test('colours are used only where they are wanted', t => {
  t.true(renderVerdict(report({ judgements }), { ...plain, colour: true }).includes('\x1b[31mmissed'));
  t.false(renderVerdict(report({ judgements }), plain).includes('\x1b'));
  t.true(wantsColour({ isTTY: true }, {}));
  t.false(wantsColour({ isTTY: true }, { NO_COLOR: '1' }));
  t.false(wantsColour({ isTTY: true }, { TERM: 'dumb' }));
  t.false(wantsColour({}, {}));
  t.true(wantsColour({}, { FORCE_COLOR: '1' }));
});

test('the summary counts runs, and --strict turns a broken claim into a failure', t => {
  const [, , , broken] = judgements;
  const runs = [report({}), report({ judgements: broken === undefined ? [] : [broken] })];
  t.regex(renderSummary(runs, plain), /2 runs: 2 met\n$/);
  t.regex(renderSummary(runs, { ...plain, strict: true }), /2 runs: 1 met, 1 FAILED\n$/);
  const why = 'it is for rpi5';
  const leftOut = ['a', 'b', 'c', 'd'].map(scenario => ({ board: 'v4h-01', scenario, why }));
  const others = [...leftOut, { board: 'v4h-01', scenario: 'e', why: 'it needs Linux 6.1' }];
  t.regex(
    renderSummary(runs, plain, others),
    /^ {2}left out on v4h-01: 4 scenarios: it is for rpi5\n {2}left out on v4h-01: e: it needs Linux 6\.1\n2 runs: 2 met, 5 left out\n$/,
  );
});

test('the first failure stands on top, wherever the prediction has it', t => {
  const late = judged('missed', { text: 'missed late' });
  const early = judged('contradicted', { kind: 'absent', text: 'never' }, { seen: { text: 'x', line: 3 } });
  const before = judged('met', {}, { seen: { text: 'a line', line: 9 } });
  t.is(firstFailure([before, late, early], plain)?.expectation.text, 'never');
  t.is(firstFailure([late, before, early], plain)?.expectation.text, 'missed late');
  t.is(firstFailure([before], plain), undefined);
  const text = renderVerdict(report({ judgements: [before, late, early] }), plain);
  t.regex(
    text,
    /first failure; .*\n {2}contradicted {3}xen: never: never\n[^]*\n {2}then:\n {2}missed {9}xen: missed late/,
  );
});

test('a run is one line as it ends, with the first failure under it', t => {
  t.is(
    renderRunLine(report({}), { number: 7, total: 241 }, plain),
    'ok       7/241 dom0-and-guest on rpi5-01, 12.3 s: nothing judged',
  );
  t.regex(
    renderRunLine(report({ judgements }), { number: 12, total: 12 }, plain),
    /^FAILED 12\/12 dom0-and-guest on rpi5-01, .*\n {7}contradicted: xen: never: scmi: Error/,
  );
  const faults = [{ class: 'infrastructure', what: 'no power\nmore' }];
  t.regex(
    renderRunLine(report({ outcome: 'infrastructure', faults }), { number: 1, total: 1 }, plain),
    /\n {7}infrastructure: no power$/,
  );
});

test('the summary lists the runs that did not pass, and all with -v', t => {
  const runs = [report({}), report({ judgements })];
  t.is(renderSummary(runs, plain).match(/on rpi5-01/g)?.length, 1);
  t.is(renderSummary(runs, { ...plain, detail: 'expectations' }).match(/on rpi5-01/g)?.length, 2);
});

test('interrupted outweighs failed, failed outweighs infrastructure, among several runs', t => {
  t.is(worstOutcome(runsThat('met', 'infrastructure', 'failed'), plain), 'failed');
  t.is(worstOutcome(runsThat('failed', 'interrupted'), plain), 'interrupted');
  t.is(worstOutcome(runsThat('infrastructure', 'met'), plain), 'infrastructure');
  t.is(worstOutcome([], plain), 'met');
});

test('the JSON report carries verdicts whole', t => {
  const value: unknown = JSON.parse(renderJson([report({ judgements })], { strict: true }));
  t.like(value, { schema: 3, outcome: 'failed', strict: true });
  t.like(value, { runs: [{ outcome: 'failed', directory: 'runs/x', verdict: { board: 'rpi5-01' } }] });
});

const events: readonly RecordedData[] = [
  { kind: 'power', data: { action: 'on' } },
  { kind: 'tftp', data: { event: 'request', file: 'xen', transfer: 1 } },
  { kind: 'tftp', data: { event: 'progress', file: 'xen', bytes: 500_000, size: 2_000_000 } },
  { kind: 'tftp', data: { event: 'progress', file: 'xen', bytes: 1_500_000, size: 2_000_000 } },
  { kind: 'tftp', data: { event: 'done', file: 'xen', bytes: 2_000_000, milliseconds: 40, resent: 0 } },
  { kind: 'received', data: { console: 'serial', text: 'not shown' } },
  { kind: 'milestone', data: { name: 'xen-banner', line: 'Xen version \x1b[0m4.22' } },
  { kind: 'step', data: { index: 0, do: 'create guest', phase: 'started' } },
  { kind: 'step', data: { index: 0, do: 'create guest', phase: 'finished' } },
  {
    kind: 'answer',
    data: { domain: 'dom0', command: 'xl create g', status: 1, stdout: '', stderr: 'failed\nmore' },
  },
  { kind: 'fault', data: { class: 'infrastructure', what: 'lost\ndetails' } },
  { kind: 'milestone', data: { name: 'bl31-banner', line: 'NOTICE:  BL31: v2.7', console: 'secure' } },
  { kind: 'file', data: { domain: 'dom0', path: '/root/g.cfg', bytes: 120, by: 'sftp' } },
];

test('without a terminal every event is a whole line, with progress now and then', t => {
  let out = '';
  const live = liveProgress(text => void (out += text), { inPlace: false, colour: false, events: true });
  play(live, 3000);
  t.deepEqual(out.split('\n'), [
    '    0.0s rpi5-01  power on',
    '    9.0s rpi5-01  TFTP xen 75 % of 2.0 MB, 0.3 MB/s',
    '   12.0s rpi5-01  TFTP xen: 2000000 bytes in 40 ms',
    String.raw`   18.0s rpi5-01  Xen: Xen version \x1b[0m4.22`,
    '   21.0s rpi5-01  step 0: create guest',
    '   27.0s rpi5-01  dom0$ xl create g -> 1: failed',
    '   30.0s rpi5-01  infrastructure: lost',
    '   33.0s rpi5-01  secure: BL31: NOTICE:  BL31: v2.7',
    '   36.0s rpi5-01  dom0 has /root/g.cfg: 120 bytes by SFTP',
    '',
  ]);
});

test('on a terminal progress is redrawn in place and gone at the end', t => {
  let out = '';
  const live = liveProgress(text => void (out += text), {
    inPlace: true,
    colour: false,
    columns: () => 60,
    events: true,
  });
  play(live, 10);
  const erase = '\r\x1b[K';
  const [first, second] = ['25 % of 2.0 MB, 50.0 MB/s', '75 % of 2.0 MB, 75.0 MB/s'];
  t.true(out.includes(`rpi5-01: TFTP xen ${first}${erase}rpi5-01: TFTP xen ${second}${erase}`));
  // Text that a terminal keeps: nothing that was erased.
  const kept = out.split('\n').map(line => line.slice(line.lastIndexOf(erase) + 1));
  t.false(kept.some(line => line.includes('%')));
});

test('with events off the state is told in place, or as a line where nothing else came for 30 s', t => {
  const kept = { out: '' };
  const quiet = liveProgress(text => void (kept.out += text), {
    inPlace: false,
    colour: false,
    events: false,
  });
  play(quiet, 3000, () => quiet.tick(10_000, '0/3'));
  t.is(kept.out, '');
  play(quiet, 3000, () => quiet.tick(95_000, '0/3'));
  t.regex(kept.out, /^0\/3 1 min 35 s {3}rpi5-01: dom0 has .*\n$/);
  const drawn = { out: '' };
  const options = { inPlace: true, colour: false, events: false, columns: () => 40 };
  const terminal = liveProgress(text => void (drawn.out += text), options);
  play(terminal, 3000, () => terminal.tick(1000, '2/3'));
  t.false(drawn.out.includes('\n'));
  t.true(drawn.out.includes('2/3 1 s   rpi5-01: dom0 has /root'));
  t.true(drawn.out.endsWith('\r\x1b[K'));
});

test('text of a board cannot steer a terminal', t => {
  t.is(printable('a\x1b]0;title\x07b\u009bc\r\n\td'), 'a\\x1b]0;title\\x07b\\x9bc\\x0d\n\td');
});

function play(live: Live, interval: number, then = () => {}): void {
  events.forEach((event, index) => live.event('rpi5-01', { t: index * interval, source: 'run', ...event }));
  then();
  live.close();
}

function judged(
  outcome: Outcome,
  expectation: Partial<Expectation>,
  rest: Omit<Judgement, 'expectation' | 'outcome'> = {},
): Judgement {
  return {
    outcome,
    expectation: {
      id: outcome,
      kind: 'line',
      phase: 'boot',
      source: 'xen',
      text: 'a line',
      pattern: '^a line$',
      reason: { rule: 'rule.name', because: 'the tree says so', place: '/chosen/xen' },
      ...expectation,
    },
    ...rest,
  };
}

function report(verdict: Partial<Verdict>): RunReport {
  const all = verdict.judgements ?? [];
  const count = (outcome: Outcome) => all.filter(each => each.outcome === outcome).length;
  const failed = count('missed') + count('contradicted') > 0;
  return {
    title: 'Dom0 and one guest',
    claims: ['D1', 'D2'],
    directory: 'runs/x',
    started: '2026-11-21T10:00:00.000Z',
    milliseconds: 12_345,
    verdict: {
      schema: 3,
      board: 'rpi5-01',
      scenario: 'dom0-and-guest',
      outcome: failed ? 'failed' : 'met',
      counts: {
        met: count('met'),
        missed: count('missed'),
        contradicted: count('contradicted'),
        'broken-as-predicted': count('broken-as-predicted'),
        'not-observable': count('not-observable'),
        'not-run': count('not-run'),
        infrastructure: count('infrastructure'),
      },
      judgements: all,
      faults: [],
      ...verdict,
    },
  };
}

function runsThat(...outcomes: Verdict['outcome'][]): RunReport[] {
  return outcomes.map(outcome => report({ outcome }));
}

function casesOf(document: string): { readonly name: string; readonly result: string }[] {
  return [...document.matchAll(/<testcase [^>]*? name="([^"]*)"[^>]*>(.*?)<\/testcase>/gs)].map(
    ([, name = '', body = '']) => ({
      name,
      result: /<(failure|error|skipped)\b/.exec(body)?.[1] ?? 'passed',
    }),
  );
}

/** Elements with the one that each is in, as tags stand in the text. */
function elementsOf(document: string): (readonly [element: string, parent: string])[] {
  const open: string[] = [];
  const found: (readonly [string, string])[] = [];
  for (const [, end, name = '', selfClosing] of document.matchAll(
    /<(\/?)([a-z][\w-]*)(?:\s[^>]*?)?(\/?)>/g,
  )) {
    if (end === '/') open.pop();
    else {
      found.push([name, open.at(-1) ?? '']);
      if (selfClosing !== '/') open.push(name);
    }
  }
  return found;
}

function commandExists(command: string): boolean {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
