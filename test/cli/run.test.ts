import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { projectDirectory } from '../../src/config/project-directory.ts';
import { scmiHil } from './fake-process.ts';

const directory = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-run-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

test.serial(
  'a shipped scenario runs on all virtual boards side by side, is shown live and judged',
  async t => {
    const { code, out, err } = await scmiHil(['run', 'dom0-and-guest', '--report', 'junit=junit.xml'], {
      cwd: directory,
    });
    t.is(code, 0, out + err);
    for (const board of ['virtual-rpi5', 'virtual-v4h', 'virtual-qemu']) {
      const said = [
        `run of dom0-and-guest`,
        'power on',
        'TFTP',
        'Xen',
        'Dom0 can be logged in to',
        'guest is created',
      ];
      const live = out.split('\n').filter(line => new RegExp(`^ +[\\d.]+s ${board} `).test(line));
      const places = said.map(text => live.findIndex(line => line.includes(text)));
      t.deepEqual(
        places,
        places.toSorted((one, other) => one - other),
        live.join('\n'),
      );
      t.true((places[0] ?? -1) >= 0);
      t.regex(out, new RegExp(`\\ndom0-and-guest on ${board}: met \\(\\d+ met`));
      const files = new RegExp(`files: (runs/\\S+-${board}-dom0-and-guest)\\n`).exec(out)?.[1] ?? '';
      t.true(existsSync(path.join(directory, files, 'recording.jsonl')), files);
    }
    t.regex(out, /\n3 runs: 3 met\n$/);
    const reported = await scmiHil(
      ['report', 'runs', '--html', 'page.html', '--markdown', 'note.md', '--mail'],
      { cwd: directory },
    );
    t.is(reported.code, 0, reported.err);
    t.regex(
      readFileSync(path.join(directory, 'page.html'), 'utf8'),
      /<title>scmi-hil: 3 runs: 3 met<\/title>/,
    );
    t.regex(readFileSync(path.join(directory, 'note.md'), 'utf8'), /^## scmi-hil: 3 runs: 3 met\n/);
    t.regex(reported.out, /^No run on a physical or emulated board/);
    const junit = readFileSync(path.join(directory, 'junit.xml'), 'utf8');
    t.is(junit.match(/<testsuite /g)?.length, 3);
    t.notRegex(junit, /<failure|<error/);
  },
);

test.serial('a run with --fault has the name of the fault in its recording', async t => {
  const cwd = mkdtempSync(path.join(directory, 'fault-'));
  const argv = ['run', 'dom0-and-guest', '--board', 'virtual-v4h', '--fault', 'file-missing'];
  const { code, out } = await scmiHil(argv, { cwd });
  t.is(code, 3, out);
  t.regex(out, /run of dom0-and-guest \(rcar-v4h-white-hawk, in a lab with file-missing\)/);
  const [run = ''] = readdirSync(path.join(cwd, 'runs'));
  const [header = ''] = readFileSync(path.join(cwd, 'runs', run, 'recording.jsonl'), 'utf8').split('\n');
  t.like(JSON.parse(header), { kind: 'run-started', data: { faults: ['file-missing'] } });
});

test.serial('Ctrl-C in the middle of a run: the board is off, the verdict written, exit 130', async t => {
  const cwd = mkdtempSync(path.join(directory, 'interrupted-'));
  const argv = [
    path.join(projectDirectory, 'bin/scmi-hil.js'),
    'run',
    'dom0-and-guest',
    '--board',
    'virtual-v4h',
  ];
  const child = spawn(process.execPath, argv, {
    cwd,
    env: { ...process.env, HOME: cwd },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let sent = false;
  child.stdout.on('data', chunk => {
    out += String(chunk);
    if (!sent && out.includes('U-Boot')) sent = child.kill('SIGINT');
  });
  const [code] = (await once(child, 'close')) as [number];
  t.is(code, 130, out);
  t.regex(out, /power off \(virtual switch\)\n[^]*power confirmed \(off\)\n[^]*run over: interrupted/);
  t.regex(out, /dom0-and-guest on virtual-v4h: interrupted/);
  const [run = ''] = readdirSync(path.join(cwd, 'runs'));
  t.true(existsSync(path.join(cwd, 'runs', run, 'verdict.json')));
});

test.serial(
  'an error of lint stops a run before a board is touched, unless the scenario is about it',
  async t => {
    const cwd = mkdtempSync(path.join(directory, 'lint-error-'));
    const scenario = (name: string, more: string) =>
      writeFileSync(
        path.join(cwd, `${name}.yaml`),
        `schema: 1
name: ${name}
title: a guest's configuration with a mistake
${more}guests:
  guest: { agent: guest1, config: "name = \\"guest\\"\\nmemory =\\n" }
steps: [ { create: guest } ]
statements: [ { claims: [], words: the guest is created, step: 0, exitStatus: 0 } ]
`,
      );
    scenario('wrong', '');
    const stopped = await scmiHil(['run', 'wrong.yaml', '--board', 'virtual-v4h'], { cwd });
    t.is(stopped.code, 2, stopped.out + stopped.err);
    t.regex(stopped.err, /virtual-v4h wrong: lint error sci-xl-refused at .*:\d+/);
    t.regex(stopped.err, /lintErrors/);
    t.false(existsSync(path.join(cwd, 'runs')));

    scenario('on-purpose', 'lintErrors: [sci-xl-refused]\n');
    const failed = await scmiHil(['run', 'on-purpose.yaml', '--board', 'virtual-v4h'], { cwd });
    t.is(failed.code, 1, failed.out + failed.err);
    const [run = ''] = readdirSync(path.join(cwd, 'runs'));
    const verified = await scmiHil(['verify', path.join('runs', run)], { cwd });
    t.is(verified.code, 1, verified.out + verified.err);
    t.regex(verified.out, /the guest is created/);
  },
);
