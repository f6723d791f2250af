/** The README is true: what it tells to type works, what it shows as a lab file is one. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { loadLab } from '../src/lab/load-lab.ts';
import { scmiHil } from './cli/fake-process.ts';

const project = path.resolve(import.meta.dirname, '..');
const readme = readFileSync(path.join(project, 'README.md'), 'utf8');
const scratch = mkdtempSync(path.join(tmpdir(), 'scmi-hil-readme-'));
test.after.always(() => rmSync(scratch, { recursive: true }));

const commands = blocks('sh').flatMap(block => block.trim().split('\n'));
const [lab] = blocks('yaml');

test('the two commands of the README are what CI runs', t => {
  const ci = readFileSync(path.join(project, '.ci/run'), 'utf8');
  const both = commands.filter(command => command.startsWith('npm ci && '));
  t.deepEqual(both, ['npm ci && npm start', 'npm ci && npm test']);
  for (const command of ['npm ci', 'npm start', 'npm test']) {
    t.regex(ci, new RegExp(`^${command}( |$)`, 'm'));
  }
});

test('the lab file of the README is a lab file', t => {
  const file = path.join(scratch, 'lab.yaml');
  writeFileSync(file, lab ?? '');
  const { boards } = loadLab({ lab: file, cwd: scratch, env: {} });
  t.deepEqual([...boards.keys()], ['v4h-01']);
});

for (const command of commands.filter(each => each.startsWith('npx scmi-hil '))) {
  const words = command.replace('npx scmi-hil ', '').split(' ');
  // A command that needs the board of the lab file, a person, or QEMU is asked for its help.
  const needsBoard = ['v4h-01', 'qemu-virt', 'init'].some(word => words.includes(word));
  test(`README: ${command}`, async t => {
    const typed = words.map(word => word.replace(/report\.\w+$/, name => path.join(scratch, name)));
    const argv = needsBoard ? [typed[0] ?? '', '--help'] : typed;
    const own = typed[0] === 'run' && !needsBoard ? ['--runs', path.join(scratch, 'runs')] : [];
    const { code, out, err } = await scmiHil([...argv, ...own], {
      cwd: project,
      env: { XDG_STATE_HOME: scratch },
    });
    t.is(code, 0, err);
    t.not(out, '');
    if (needsBoard)
      for (const option of typed.filter(word => word.startsWith('--'))) t.true(out.includes(option));
  });
}

function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, 'gm'))].map(
    ([, text]) => text ?? '',
  );
}
