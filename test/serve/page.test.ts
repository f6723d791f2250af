/** The live page in a real browser (headless Chromium), by mouse and by keyboard. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import test from 'ava';
import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { projectDirectory } from '../../src/config/project-directory.ts';
import { emptyPrediction } from '../../src/model/predict/prediction.ts';
import { scmiHil } from '../cli/fake-process.ts';
import { aRecording, startServer } from './server.ts';

/** Debian's name first. */
const program = ['chromium', 'chromium-browser', 'google-chrome'].find(
  name => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
);
const inBrowser = program === undefined ? test.skip : test;

const scratch = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-page-'));
/** Pictures of each page, for a person who looks a test over; not part of the repository. */
const pictures = path.join(projectDirectory, 'test', 'pictures');

let browser: Browser | undefined;
test.before(async t => {
  t.timeout(240_000);
  if (program === undefined) return;
  mkdirSync(pictures, { recursive: true });
  const executablePath = spawnSync('which', [program], { encoding: 'utf8' }).stdout.trim();
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'], timeout: 200_000 });
});
test.after.always(async () => {
  await browser?.close();
  rmSync(scratch, { recursive: true, force: true });
});

/** Milliseconds that a busy machine may take to show something. */
const patience = 120_000;

interface Opened extends AsyncDisposable {
  readonly page: Page;
  /** Messages of the page's console and its errors; none where all is well. */
  readonly errors: readonly string[];
}

async function open(
  address: string,
  options: { colorScheme?: 'light' | 'dark'; width?: number } = {},
): Promise<Opened> {
  if (browser === undefined) throw new Error('there is no browser');
  const { colorScheme = 'light', width = 1280 } = options;
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  const errors: string[] = [];
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text());
  });
  page.on('pageerror', error => errors.push(error.message));
  await page.goto(address, { timeout: patience });
  return { page, errors, [Symbol.asyncDispose]: () => context.close() };
}

async function seriousFaults(page: Page): Promise<string[]> {
  // In its own world: the page's policy lets no script of others run.
  const found = await page.evaluate<{
    violations: { id: string; impact: string; nodes: { html: string }[] }[];
  }>(`${axe.source}; axe.run(document, { resultTypes: ['violations'] })`);
  return found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join('; ')}`);
}

const line = (text: string) => ({
  id: text,
  kind: 'line' as const,
  phase: 'boot' as const,
  source: 'xen' as const,
  text,
  pattern: `^${text}$`,
  reason: { rule: 'test', because: 'the test wants it' },
});

const directory = () => mkdtempSync(path.join(scratch, 'lab-'));

inBrowser('boards and runs are listed, filtered, and opened by a click', async t => {
  t.timeout(2 * patience);
  const cwd = directory();
  for (const board of ['virtual-v4h', 'virtual-rpi5']) {
    t.is((await scmiHil(['run', 'dom0-and-guest', '--board', board, '-q'], { cwd })).code, 0);
  }
  await using server = await startServer(cwd);
  await using opened = await open(server.address);
  const { page, errors } = opened;
  await page.locator('#runs tbody tr').nth(1).waitFor();
  t.regex(await page.locator('#boards').innerText(), /virtual-rpi5/);
  t.is(await page.locator('#count').innerText(), '2 of 2 runs');
  await page.locator('#search').fill('v4h');
  await page.locator('#count', { hasText: '1 of 2 runs' }).waitFor();
  await page.locator('#search').fill('');
  await page.locator('input[value=met]').uncheck();
  await page.locator('#count', { hasText: '0 of 2 runs' }).waitFor();
  await page.locator('input[value=met]').check();
  t.false(await page.locator('button', { hasText: 'cycle' }).first().isVisible(), 'no control is offered');
  t.deepEqual(await seriousFaults(page), []);
  await page.screenshot({ path: path.join(pictures, 'boards-light.png') });
  await page.locator('#runs tbody a').first().click();
  await page.locator('#sums', { hasText: /^met: \d+ met$/ }).waitFor();
  await page.locator('.xterm-rows', { hasText: '(XEN)' }).first().waitFor();
  t.true((await page.locator('.chart li.visited').count()) > 10);
  t.deepEqual(await seriousFaults(page), []);
  await page.screenshot({ path: path.join(pictures, 'run-light.png'), fullPage: true });
  await page.locator('#run-links a', { hasText: 'report' }).click();
  await page.locator('h1', { hasText: 'scmi-hil: 1 run: 1 met' }).waitFor();
  // Its own script runs: it counts the runs.
  await page.locator('#count', { hasText: '1 of 1 runs' }).waitFor();
  t.deepEqual(errors, []);
});

inBrowser('an expectation of a run that goes on is open, and then met', async t => {
  t.timeout(2 * patience);
  const cwd = directory();
  const record = aRecording(cwd, 'goes-on');
  record({ kind: 'received', data: { console: 'main', text: '(XEN) scmi: one\r\n' } });
  writeFileSync(
    path.join(cwd, 'runs', 'goes-on', 'prediction.json'),
    JSON.stringify({ ...emptyPrediction, expectations: [line('scmi: one'), line('scmi: two')] }),
  );
  record({ kind: 'state', data: { machine: 'xen', state: 'bootLoader' } });
  await using server = await startServer(cwd);
  await using opened = await open(`${server.address}#/run/goes-on`, { colorScheme: 'dark' });
  const { page, errors } = opened;
  await page.locator('#sums', { hasText: 'running: 1 met, 1 open' }).waitFor();
  await page.locator('.chart li.lit', { hasText: 'bootLoader' }).waitFor();
  await page.screenshot({ path: path.join(pictures, 'running-dark.png') });
  record({ kind: 'received', data: { console: 'main', text: '(XEN) scmi: two\r\n' } });
  await page.locator('#sums', { hasText: 'running: 2 met' }).waitFor();
  record({ kind: 'milestone', data: { name: 'dom0-login' } });
  record({ kind: 'run-finished', data: { outcome: 'completed' } });
  await page.locator('#sums', { hasText: /^met: 2 met$/ }).waitFor();
  t.deepEqual(await seriousFaults(page), []);
  t.deepEqual(errors, []);
});

inBrowser('a run is started on the page, and a wrong one is refused', async t => {
  t.timeout(2 * patience);
  await using server = await startServer(directory(), '--control');
  await using opened = await open(server.address, { colorScheme: 'dark' });
  const { page, errors } = opened;
  await page.locator('#scenario').fill('dom0-and-guest');
  await page.locator('#board').selectOption('virtual-v4h');
  await page.locator('button', { hasText: 'Start the run' }).click();
  await page.locator('#commands', { hasText: 'exit status 0' }).waitFor();
  await page.locator('#runs td.met').first().waitFor();
  await page.locator('#scenario').fill('no-such-scenario');
  await page.locator('button', { hasText: 'Start the run' }).click();
  await page.locator('[role=alert]', { hasText: 'There is no scenario no-such-scenario.' }).waitFor();
  await page.screenshot({ path: path.join(pictures, 'control-dark.png') });
  t.deepEqual(await seriousFaults(page), []);
  // The browser itself tells of the refused request.
  const others = errors.filter(text => !text.includes('status of 400'));
  t.deepEqual(others, []);
});

inBrowser('the keyboard alone reaches every link, filter and table', async t => {
  t.timeout(2 * patience);
  const cwd = directory();
  aRecording(cwd, 'a-run');
  await using server = await startServer(cwd);
  await using opened = await open(server.address, { width: 420 });
  const { page } = opened;
  await page.locator('#runs tbody a').first().waitFor();
  const reached = new Set<string>();
  for (let presses = 0; presses < 30; presses++) {
    await page.keyboard.press('Tab');
    reached.add(
      await page.evaluate('document.activeElement.id || document.activeElement.textContent.trim()'),
    );
  }
  for (const wanted of ['scmi-hil', 'search', 'only-board', 's']) t.true(reached.has(wanted), wanted);
  await page.screenshot({ path: path.join(pictures, 'boards-narrow.png') });
  await page.locator('#runs tbody a').first().focus();
  await page.keyboard.press('Enter');
  await page.locator('#run-title', { hasText: 'a-run' }).waitFor();
  t.is(await page.evaluate('document.activeElement.id'), 'run-title');
});

inBrowser('an evil console stays text: script, escapes, ten megabytes without a newline', async t => {
  t.timeout(2 * patience);
  const cwd = directory();
  const evil = '<script>document.title="taken"</script><img src=x onerror=document.title="taken">';
  const record = aRecording(cwd, 'evil');
  for (const text of [
    evil,
    '\u001b]0;taken\u0007\u001b]8;;http://evil.example\u0007link\u001b]8;;\u0007\u001b[6n\u001b[c\u001b]52;c;dGFrZW4=\u0007\r\n',
    ...Array.from({ length: 160 }, () => 'x'.repeat(64 * 1024)),
    `\r\nthe end ${evil}\r\n`,
  ]) {
    record({ kind: 'received', data: { console: 'main', text } });
  }
  await using server = await startServer(cwd);
  await using opened = await open(`${server.address}#/run/evil`);
  const { page, errors } = opened;
  await page.locator('.xterm-rows', { hasText: 'the end' }).waitFor();
  t.not(await page.title(), 'taken');
  t.is(await page.locator('img').count(), 0);
  t.deepEqual(errors, []);
});
