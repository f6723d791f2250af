import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { loadBoardType } from '../../../src/board/board-types.ts';
import { projectDirectory } from '../../../src/config/project-directory.ts';
import { virtualBoards } from '../../../src/lab/load-lab.ts';
import { askVirtualDomain } from '../../../src/lab/virtual-shell.ts';
import { trialsOf } from '../../../src/cli/mutants.ts';
import { mutantNamed, mutants } from '../../../src/trials/mutants/index.ts';
import { type Trial, Trials } from '../../../src/trials/mutants/trials.ts';
import { loadScenario } from '../../../src/scenario/load.ts';
import { scmiHil } from '../../cli/fake-process.ts';

const directory = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-mutants-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

const trials = Trials.prepare(trialsOf(Object.values(virtualBoards)), askVirtualDomain);

test('the right machine passes every shipped scenario on both types of board', async t => {
  const { falseAlarms, count } = await trials;
  t.deepEqual(falseAlarms, []);
  t.true(count > 80);
});

for (const part of new Set(mutants.map(mutant => mutant.part))) {
  test(`a shipped scenario catches each mutant of ${part}`, async t => {
    t.timeout(300_000);
    const survivors: string[] = [];
    for (const mutant of mutants.filter(each => each.part === part)) {
      const { catches } = await (await trials).try(mutant, 1);
      if (catches.length === 0) survivors.push(`${mutant.name}: ${mutant.words}`);
    }
    t.deepEqual(survivors, []);
  });
}

test('at least forty mutants, each with a name of its own and a sentence', t => {
  t.true(mutants.length >= 40);
  t.is(new Set(mutants.map(({ name }) => name)).size, mutants.length);
  for (const { name, words } of mutants) {
    t.regex(name, /^[a-z0-9]+(?:-[a-z0-9]+)*$/);
    t.regex(words, /^\S.*[^.]\.$/, name);
  }
});

test('a mutant that shows nothing of itself survives, and its scenario says so', async t => {
  const type = loadBoardType('rpi5');
  const file = path.join(projectDirectory, 'scenarios/dom0-without-agent.yaml');
  const scenario = { ...loadScenario(file, type), steps: [] };
  const trial: Trial = { boardType: 'rpi5', scenario, directory: type.dom0.directory };
  const alone = await Trials.prepare([trial], askVirtualDomain);
  const results = await Promise.all(
    ['keeps-channel', 'keeps-scmi-nodes'].map(async name => {
      const mutant = mutantNamed(name);
      return mutant && (await alone.try(mutant));
    }),
  );
  const [survivor, caught] = results.map(result => result?.catches);
  t.deepEqual(survivor, []);
  t.like(caught?.[0], { boardType: 'rpi5', scenario: 'dom0-without-agent' });
});

/** One of each part, with the line of the verdict that tells. */
const onBoards = [
  { mutant: 'keeps-channel', scenario: 'dom0-and-guest', tells: 'scmi: Free domain 1' },
  { mutant: 'dom0-agent-255', scenario: 'dom0-agent-id-255', tells: 'Xen does not panic' },
  { mutant: 'xl-takes-hexadecimal', scenario: 'agent-id-in-hexadecimal', tells: 'xl create' },
  { mutant: 'fw-names-another-agent', scenario: 'two-cell-list', tells: 'id=0x0 name=agent-0' },
  { mutant: 'linux-ignores-smc-result', scenario: 'dom0-doorbell-not-rewritten', tells: 'arm-scmi' },
] as const;

for (const { mutant, scenario, tells } of onBoards) {
  test.serial(`run --mutant ${mutant}: the verdict of ${scenario} on a virtual board tells`, async t => {
    const cwd = mkdtempSync(path.join(directory, 'run-'));
    const argv = ['run', scenario, '--board', 'virtual-v4h', '--mutant', mutant];
    const { code, out, err } = await scmiHil(argv, { cwd });
    t.is(code, 1, out + err);
    t.true(out.includes(`(rcar-v4h-white-hawk, with the bug ${mutant})`));
    const bad = out.split('\n').filter(line => /^ *(?:MISSED|CONTRADICTED|missed|contradicted)\b/.test(line));
    t.true(
      bad.some(line => line.includes(tells)),
      bad.join('\n'),
    );
    const [run = ''] = readdirSync(path.join(cwd, 'runs'));
    const [header = ''] = readFileSync(path.join(cwd, 'runs', run, 'recording.jsonl'), 'utf8').split('\n');
    t.is((JSON.parse(header) as { data: { mutant?: string } }).data.mutant, mutant);
  });
}

test('run --mutant with a name that no mutant has says which is near, and runs nothing', async t => {
  const { code, err } = await scmiHil(['run', 'dom0-and-guest', '--mutant', 'keep-channel'], {
    cwd: directory,
  });
  t.is(code, 2);
  t.regex(err, /there is no mutant keep-channel\n.*did you mean keeps-channel\?/);
});

test('run --mutant on a real board is refused before the board is touched', async t => {
  const lab = path.join(directory, 'lab.yaml');
  const file = path.join(directory, 'file');
  writeFileSync(file, '');
  writeFileSync(
    lab,
    `schema: 1
boards:
  shelf:
    type: rpi5
    serial: { kind: tcp, host: 127.0.0.1, port: 9 }
    power: { kind: command, on: touch ${directory}/switched, off: touch ${directory}/switched }
    network: { address: 127.0.0.2, server: 127.0.0.1 }
    ssh: { identity: { kind: password, file: file } }
    images: { armstub: file, xen: file, kernel: file, ramdisk: file }
`,
  );
  const argv = ['run', 'dom0-and-guest', '--lab', lab, '--mutant', 'keeps-channel'];
  const { code, err } = await scmiHil(argv, { cwd: directory });
  t.is(code, 2);
  t.regex(err, /--mutant is for virtual boards, and shelf is a real one/);
  t.false(readdirSync(directory).includes('switched'));
});

test('mutants NAME tells each scenario that catches it, and by what', async t => {
  const { code, out } = await scmiHil(['mutants', 'keeps-channel', '--board-type', 'rpi5'], {
    cwd: directory,
  });
  t.is(code, 0);
  t.regex(out, /^keeps-channel \(mediator\): A channel is not freed/);
  t.regex(out, /\ndom0-and-guest +rpi5 +missed: scmi: Free domain 1\n/);
  t.regex(out, /\n1 of 1 mutants caught; the right machine passes (\d+) of \1 runs\n$/);
});

test('mutants --json is for scripts', async t => {
  const argv = ['mutants', 'skips-reset', '--board-type', 'rpi5', '--json'];
  const { code, out } = await scmiHil(argv, { cwd: directory });
  t.is(code, 0);
  const found = JSON.parse(out) as { mutants: { name: string; catches: { scenario: string }[] }[] };
  t.like(found, { schema: 1, caught: 1, falseAlarms: [] });
  t.true(found.mutants[0]?.catches.some(({ scenario }) => scenario === 'destroy-and-create-again'));
});

test('mutants with a name that there is not is a mistake', async t => {
  const { code, err } = await scmiHil(['mutants', 'skip-reset'], { cwd: directory });
  t.is(code, 2);
  t.regex(err, /there is no mutant skip-reset\n.*did you mean skips-reset\?/);
});

test('the page of the documentation is the one that the code makes', async t => {
  const { out } = await scmiHil(['mutants', '--markdown'], { cwd: directory });
  t.is(readFileSync(path.join(projectDirectory, 'docs/mutants.md'), 'utf8'), out);
});
