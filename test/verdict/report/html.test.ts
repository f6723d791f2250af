import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { renderHtml } from '../../../src/verdict/report/html.ts';
import { renderMail } from '../../../src/verdict/report/mail.ts';
import { renderMarkdown } from '../../../src/verdict/report/markdown.ts';
import { evil, sampleRun } from './sample-report.ts';

const strictness = { strict: false };
const directory = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-html-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

test('an expectation and its line on the console are linked both ways', t => {
  const page = renderHtml([sampleRun()], strictness);
  t.regex(page, /<tr id="r0-e1"><td class="contradicted">contradicted<td class="text"><a href="#r0-c0l1">/);
  t.regex(page, /<li class=x id=r0-c0l1><i>0\.03<\/i> <b>xen<\/b> scmi: Error .*<a href="#r0-e1"/);
  t.regex(
    page,
    /<a href="#r0-e1">First failure<\/a>: <span class="contradicted">.*and 1 that may follow from it/,
  );
});

test('nothing that a board printed is markup, and only the page’s own script may run', t => {
  const page = renderHtml([sampleRun()], strictness, [{ board: evil, scenario: evil, why: evil }]);
  t.false(page.includes('<img'));
  t.is(page.match(/<script/g)?.length, 1);
  t.regex(
    page,
    /Content-Security-Policy" content="default-src 'none'; script-src 'sha256-[\w+/=]+'; style-src 'sha256-/,
  );
  t.notRegex(page, /(?!\n)\p{Control}/u);
});

const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find(
  name => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
);
const inBrowser = chromium === undefined ? test.skip : test;

inBrowser('a link to an expectation opens its run and marks it (chromium)', t => {
  t.timeout(300_000);
  const dom = loaded(renderHtml([sampleRun(), sampleRun()], strictness), '#r1-e2');
  t.regex(dom, /<details class="run" id="r1" data-outcome="failed" open="">/);
  t.regex(dom, /<tr id="r1-e2" class="found" tabindex="-1">/);
  t.regex(dom, /<details class="run" id="r0" data-outcome="failed"><summary>/);
  t.regex(dom, /role="status">2 of 2 runs</);
  // Text of a board that had become script would have changed the title.
  t.regex(dom, /<title>scmi-hil: 2 runs: 2 failed<\/title>/);
  t.notRegex(dom, /<img/);
});

test('a page of 300 runs with long consoles stays below 20 MB', t => {
  const run = sampleRun();
  const [console] = run.consoles;
  if (console === undefined) throw new Error('the sample has no console');
  const lines = Array.from({ length: 250 }, (_, index) => ({
    event: index + 1,
    t: index,
    talker: 'linux' as const,
    domid: 0,
    text: 'arm-scmi arm-scmi.0.auto: SCMI Notifications - Core Enabled.',
  }));
  const long = { ...run, consoles: [{ ...console, lines }] };
  t.true(
    renderHtml(
      Array.from({ length: 300 }, () => long),
      strictness,
    ).length < 20_000_000,
  );
});

test('Markdown has a row per run, and each failure behind a fold', t => {
  const text = renderMarkdown([sampleRun().report], strictness);
  t.regex(text, /^## scmi-hil: 1 run: 1 failed\n/);
  t.regex(
    text,
    /\| `dom0-and-guest` \| `rpi5-01` \| \*\*FAILED\*\* \| 12\.3 s \| `contradicted: scmi: Error received` \|/,
  );
  t.regex(text, /<details><summary>dom0-and-guest on rpi5-01<\/summary>\n\n```text\n/);
});

test('a mail tells boards, claims, breaks and disagreements in 72 columns, without a Tested-by for a failure', t => {
  const options = { strict: false, tester: 'A Tester <a@example.org>', controller: 'scmi-hil 0.1.0' };
  const mail = renderMail([sampleRun(), sampleRun({ virtual: true })], options);
  t.regex(mail, /^Tested with scmi-hil 0\.1\.0: 1 run: 1 failed\.\n\n1 run is left out: on virtual boards/);
  t.regex(mail, /rpi5-01 \(rpi5\)\n {2}xen: Xen 4\.22-unstable\n {2}Xen build-id c0ffee\n/);
  t.regex(mail, /\nclaim {2}rpi5-01\nD1 {5}0\/0\/2\nD2 {5}0\/1\/0\nD10 {4}0\/0\/1\n/);
  t.regex(mail, /Broken as predicted:\n\n- D2: the channel is kept \(rpi5-01\)\n/);
  t.regex(
    mail,
    /- dom0-and-guest on rpi5-01\n {2}contradicted, expected from xen:\n {4}scmi: Error received\n {2}seen:\n/,
  );
  t.notRegex(mail, /Tested-by/);
  for (const line of mail.split('\n')) t.true(line.length <= 72, line);
});

test('a run on a virtual board, or with a bug on purpose, is never mailed as a test of Xen', t => {
  const options = { strict: false, tester: 'A Tester <a@example.org>', controller: 'scmi-hil 0.1.0' };
  const mail = renderMail([sampleRun({ virtual: true }), sampleRun({ mutant: 'keeps-channel' })], options);
  t.regex(mail, /^No run on a physical or emulated board/);
  t.notRegex(mail, /Tested-by|Tested with/);
});

test('a mail of runs that all passed carries the trailer', t => {
  const { report, ...rest } = sampleRun();
  const passed = { ...report, verdict: { ...report.verdict, outcome: 'met' as const, judgements: [] } };
  const mail = renderMail([{ ...rest, report: passed }], {
    strict: false,
    tester: 'A Tester <a@example.org>',
    controller: 'scmi-hil 0.1.0',
  });
  t.regex(mail, /\nTested-by: A Tester <a@example\.org>\n$/);
});

/** The page's elements as the browser has them after its script ran. */
function loaded(page: string, hash: string): string {
  const file = path.join(directory, 'page.html');
  writeFileSync(file, page);
  const argv = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    `--user-data-dir=${path.join(directory, 'profile')}`,
  ];
  return execFileSync(
    chromium ?? '',
    [...argv, '--virtual-time-budget=2000', '--dump-dom', `file://${file}${hash}`],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 1 << 26,
    },
  );
}
