/** Pictures of the README, from real runs of a virtual board: `npm run pictures`. Needs Chromium. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import * as nodePty from '@lydell/node-pty';
import { type Browser, chromium } from 'playwright-core';
import { projectDirectory } from '../../src/config/project-directory.ts';

const require = createRequire(import.meta.url);
const bin = path.join(projectDirectory, 'bin/scmi-hil.js');
const [columns, rows] = [120, 19];

/** Runs a command on a terminal. @returns what it printed there */
async function onTerminal(argv: readonly string[], cwd: string): Promise<string> {
  const pty = nodePty.spawn(process.execPath, [bin, ...argv], {
    cols: columns,
    rows,
    cwd,
    env: { ...process.env, TERM: 'xterm-256color' },
  });
  let output = '';
  pty.onData(data => (output += data));
  await new Promise(resolve => pty.onExit(resolve));
  return output;
}

async function drawTerminal(browser: Browser, command: string, output: string): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1100, height: 700 } });
  const script = readFileSync(require.resolve('@xterm/xterm/lib/xterm.js'), 'utf8');
  const style = readFileSync(require.resolve('@xterm/xterm/css/xterm.css'), 'utf8');
  await page.setContent(
    `<style>${style} body { margin: 0 } #t { display: inline-block; padding: 10px; background: #000 }</style><div id="t"></div>`,
  );
  await page.addScriptTag({ content: script });
  await page.evaluate(
    `new Promise(done => {
      const terminal = new Terminal({ cols: ${columns}, rows: ${rows}, fontSize: 14, cursorBlink: false });
      terminal.open(document.getElementById('t'));
      terminal.write(${JSON.stringify(`$ ${command}\r\n${output}`)}, () => setTimeout(done, 500));
    })`,
  );
  await page.locator('#t').screenshot({ path: path.join(import.meta.dirname, 'terminal.png') });
  await page.close();
}

async function drawReport(browser: Browser, file: string): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1000, height: 760 }, colorScheme: 'light' });
  await page.goto(pathToFileURL(file).href);
  await page
    .locator('details.run.failed, details.run[data-outcome=failed]')
    .first()
    .locator('summary')
    .first()
    .click();
  await page.screenshot({ path: path.join(import.meta.dirname, 'report.png') });
  await page.close();
}

const scratch = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-pictures-'));
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
try {
  const argv = [
    'run',
    'guest-agent-not-listed',
    'guest-page-of-another-agent',
    '--board',
    'virtual-rpi5',
    '--mutant',
    'keeps-channel',
  ];
  const output = await onTerminal([...argv, '--report', 'html=report.html'], scratch);
  await drawTerminal(browser, `scmi-hil ${argv.join(' ')}`, output);
  await drawReport(
    browser,
    path.join(scratch, readdirSync(scratch).find(name => name === 'report.html') ?? ''),
  );
} finally {
  await browser.close();
  rmSync(scratch, { recursive: true });
}
