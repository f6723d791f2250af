/** Each command of the tutorial, in its order, in one empty directory. */
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { scmiHil } from './cli/fake-process.ts';

const page = readFileSync(path.resolve(import.meta.dirname, '../docs/tutorial.md'), 'utf8');

test('the commands of the tutorial end as it says', async t => {
  t.timeout(600_000);
  const cwd = mkdtempSync(path.join(tmpdir(), 'scmi-hil-tutorial-'));
  t.teardown(() => rmSync(cwd, { recursive: true, force: true }));
  writeFileSync(path.join(cwd, 'mine.yaml'), blocks('yaml')[0] ?? '');
  const commands = blocks('sh').flatMap(block => block.trim().split('\n'));
  t.true(commands.length >= 9);
  for (const command of commands.filter(each => each.startsWith('npx scmi-hil '))) {
    const argv = command
      .replace('npx scmi-hil ', '')
      .split(' ')
      .map(word => (word === 'runs/RUN' ? path.join(cwd, 'runs', firstRun(cwd)) : word));
    const { code, err } = await scmiHil(argv, { cwd, env: { XDG_STATE_HOME: cwd } });
    t.is(code, exitCodeOf(command), `${command}\n${err}`);
  }
});

/** The tutorial says which of its runs fail, and with which exit code. */
function exitCodeOf(command: string): number {
  if (command.includes('--mutant')) return 1;
  return command.includes('switch-refuses') ? 3 : 0;
}

/** The oldest run: the one of step 2, which passed. */
function firstRun(cwd: string): string {
  return readdirSync(path.join(cwd, 'runs')).toSorted()[0] ?? '';
}

function blocks(language: string): string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, 'gm'))].map(
    ([, text]) => text ?? '',
  );
}
