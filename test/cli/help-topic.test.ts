import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { helpTopics } from '../../src/cli/help-topic.ts';
import { projectDirectory } from '../../src/config/project-directory.ts';
import { scmiHil } from './fake-process.ts';

const help = (...argv: string[]) => scmiHil(['help', ...argv], { cwd: projectDirectory });

test('help lists every page of the documentation, each name once', async t => {
  const { code, out } = await help();
  t.is(code, 0);
  const pages = globSync('docs/**/*.md', { cwd: projectDirectory })
    .filter(file => file !== 'docs/README.md')
    .map(file => path.basename(file, '.md'));
  t.deepEqual(
    helpTopics()
      .map(({ name }) => name)
      .toSorted(),
    pages.toSorted(),
    'each page has a link in docs/README.md, and a name of its own',
  );
  const lines = out.split(/\n/).map(line => line.trim().split(/ {2,}/));
  for (const { name, title } of helpTopics()) {
    t.true(
      lines.some(([left, right]) => left === name && right === title),
      name,
    );
  }
});

test('help with a topic prints the page as it is', async t => {
  const { code, out } = await help('lab');
  t.is(code, 0);
  t.is(out, readFileSync(path.join(projectDirectory, 'docs/lab.md'), 'utf8'));
});

test('help with a command that has no page prints its options', async t => {
  const { code, out } = await help('run');
  t.is(code, 0);
  t.regex(out, /^Usage: scmi-hil run /);
  t.regex(out, /--bisect/);
});

test('help with an unknown topic names the nearest one', async t => {
  const { code, err } = await help('tutorail');
  t.is(code, 2);
  t.regex(err, /there is no page tutorail\n.*did you mean tutorial\?/);
});
