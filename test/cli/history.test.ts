/** `compare` and `history`: many recorded runs at once. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { scmiHil } from './fake-process.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'scmi-hil-history-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

/** Runs of a real board are told from the model's own by nothing that matters here. */
let v4h = '';
let rpi5 = '';
let mutant = '';

test.before('two good runs and one of a board with a bug', async t => {
  const run = async (board: string, ...more: string[]) => {
    const root = mkdtempSync(path.join(scratch, 'made-'));
    const argv = ['run', 'dom0-and-guest', '--board', board, '--runs', root, '-q', ...more];
    const { code, err } = await scmiHil(argv, { cwd: scratch });
    t.is(code, more.length === 0 ? 0 : 1, err);
    return path.join(root, readdirSync(root)[0] ?? '');
  };
  v4h = await run('virtual-v4h');
  rpi5 = await run('virtual-rpi5');
  mutant = await run('virtual-v4h', '--mutant', 'fw-reset-refused');
});

const scmi = (...argv: string[]) => scmiHil(argv, { cwd: scratch });

/** A directory of copies of runs, each with another start, the first the oldest. */
function runsOf(
  copies: readonly { readonly of: string; readonly edit?: (recording: string) => string }[],
): string {
  const root = mkdtempSync(path.join(scratch, 'runs-'));
  for (const [index, { of, edit = (text: string) => text }] of copies.entries()) {
    const started = `2026-02-${String(index + 1).padStart(2, '0')}T10:20:30.000Z`;
    const copy = path.join(root, `${started.slice(0, 10)}-${path.basename(of)}`);
    cpSync(of, copy, { recursive: true });
    const recording = path.join(copy, 'recording.jsonl');
    const text = readFileSync(recording, 'utf8').replace(/"started":"[^"]+"/, `"started":"${started}"`);
    writeFileSync(recording, edit(text));
  }
  return root;
}

/** As if a board had failed by itself: the bug was not put in on purpose. */
const byItself = (recording: string) => recording.replace(/,"mutant":"[^"]+"/, '');
const withXen = (build: string) => (recording: string) =>
  byItself(recording).replace(/"xen":\{"sha256":"\w+"/, `"xen":{"sha256":"${build}"`);

test('compare puts two good runs of one board side by side: nothing differs', async t => {
  const { code, out, err } = await scmi('compare', v4h, runsOf([{ of: v4h }]));
  t.is(code, 0, err);
  t.regex(out, /^dom0-and-guest: 2 runs\n {2}A {2}virtual-v4h {2}met .*\n {2}B {2}virtual-v4h {2}met /);
  t.regex(out, /\n {2}\d\d expectations alike; 0 expectations shown\n$/);
});

test('compare shows where runs differ, and which is the odd one', async t => {
  const { code, out } = await scmi('compare', v4h, runsOf([{ of: v4h }]), mutant);
  t.is(code, 1);
  t.regex(
    out,
    /step 4, xl: xl destroy guest ends with exit status 0\n {4}A B {2}met\n {4}C {2}contradicted: exit status 1, not 0.*<- the odd one\n/,
  );
  t.regex(out, /; C \(virtual-v4h\) is the odd one in \d+ expectations\n$/);
});

test('compare aligns boards of two types, numbers aside', async t => {
  const { out } = await scmi('compare', v4h, rpi5, '-v');
  t.regex(
    out,
    /A {2}met, predicted: .*0x47ff1000.*\n {4}B {2}met, predicted: .*0x3ff01000|A {2}met, seen: .*47ff1000.*\n {4}B {2}met, seen: .*3ff01000/,
  );
  t.regex(out, /sci: assign device \/axi\/mmc.*\n {4}A {2}not predicted for this run\n {4}B {2}met\n/);
  const { out: json } = await scmi('compare', v4h, rpi5, '--json');
  const [comparison] = JSON.parse(json).comparisons;
  t.true(comparison.alike > 30);
  t.deepEqual(
    comparison.runs.map((each: { board: string }) => each.board),
    ['virtual-v4h', 'virtual-rpi5'],
  );
});

test('compare needs two runs of one scenario', async t => {
  const { code, err } = await scmi('compare', v4h);
  t.is(code, 2);
  t.regex(err, /no scenario has two runs/);
  const file = path.join(v4h, 'recording.jsonl');
  t.regex((await scmi('compare', file)).err, /recording\.jsonl is a file, not a directory of runs/);
});

test('history tells how often a scenario was met, and since which Xen it fails', async t => {
  const root = runsOf([
    { of: v4h, edit: withXen('a'.repeat(64)) },
    { of: v4h, edit: withXen('a'.repeat(64)) },
    { of: mutant, edit: withXen('b'.repeat(64)) },
    { of: mutant, edit: withXen('b'.repeat(64)) },
    { of: rpi5 },
  ]);
  const { code, out, err } = await scmi(
    'history',
    'dom0-and-guest',
    '--board',
    'virtual-v4h',
    '--runs',
    root,
  );
  t.is(code, 0, err);
  t.regex(out, /^dom0-and-guest on virtual-v4h\n {2}2 of 4 judged runs met \(50 %\)\n {2}met runs took \d/);
  t.regex(out, /\n {2}fails since 2026-02-03T10:20:30\.000Z, build b{12}\n {4}contradicted: /);
  t.regex(out, /\n {2}last met 2026-02-02T10:20:30\.000Z, build a{12}\n {2}last 4: \.\.FF /);
  t.notRegex(out, /flaky/);
  const all = await scmi('history', '--runs', root);
  t.regex(all.out, /dom0-and-guest +virtual-rpi5 +1\/1 .*\.\ndom0-and-guest +virtual-v4h +2\/4 .*\.\.FF\n$/);
});

test('history leaves out runs with a bug on purpose, and says what is flaky', async t => {
  const root = runsOf([{ of: v4h }, { of: mutant }, { of: mutant, edit: byItself }, { of: v4h }]);
  const { out } = await scmi('history', 'dom0-and-guest', '--runs', root);
  t.regex(out, /2 of 3 judged runs met .*\n.*\n {2}flaky: .*\n {2}last 3: \.F\. /);
});

test('history follows the directories: new runs, removed runs, a damaged store', async t => {
  const root = runsOf([{ of: v4h }, { of: rpi5 }]);
  const names = async () => {
    const { out } = await scmi('history', '--runs', root, '--json');
    return JSON.parse(out).summaries.map((each: { board: string }) => each.board);
  };
  t.deepEqual(await names(), ['virtual-rpi5', 'virtual-v4h']);
  rmSync(path.join(root, readdirSync(root).find(name => name.includes('rpi5')) ?? 'none'), {
    recursive: true,
  });
  t.deepEqual(await names(), ['virtual-v4h']);
  writeFileSync(path.join(root, 'history.sqlite'), 'no database at all '.repeat(1000));
  t.deepEqual(await names(), ['virtual-v4h']);
  cpSync(rpi5, path.join(root, 'later'), { recursive: true });
  mkdirSync(path.join(root, 'empty'));
  t.deepEqual(await names(), ['virtual-rpi5', 'virtual-v4h']);
});

test('history names what was meant', async t => {
  const root = runsOf([{ of: v4h }]);
  const { code, err } = await scmi('history', 'dom0-and-gest', '--runs', root);
  t.is(code, 2);
  t.regex(err, /no run of dom0-and-gest has a verdict here\n {2}did you mean dom0-and-guest\?/);
});

test('compare --baseline finds new failures, fixed ones and flaky ones', async t => {
  const good = runsOf([{ of: v4h }, { of: rpi5 }]);
  const bad = runsOf([{ of: mutant, edit: withXen('b'.repeat(64)) }, { of: rpi5 }]);
  const same = await scmi('compare', good, '--baseline', good);
  t.is(same.code, 0, same.err);
  t.is(same.out, '2 runs: as in the baseline\n');
  const worse = await scmi('compare', bad, '--baseline', good);
  t.is(worse.code, 1);
  t.regex(
    worse.out,
    /^new failure: dom0-and-guest on virtual-v4h, met before \(2026-02-01.*\)\n {4}contradicted: .*\n2 runs: 1 new failure\n$/,
  );
  const better = await scmi('compare', good, '--baseline', bad);
  t.is(better.code, 0);
  t.regex(better.out, /^fixed: dom0-and-guest on virtual-v4h, failed before/);
  const flaky = runsOf([{ of: v4h }, { of: mutant, edit: byItself }]);
  const known = await scmi('compare', bad, '--baseline', flaky, '--json');
  t.is(known.code, 0);
  t.deepEqual(
    JSON.parse(known.out).changes.map((each: { kind: string }) => each.kind),
    ['flaky failure'],
  );
});

test('a run that the lab failed is no failure of the software: compare --baseline exits 3', async t => {
  const good = runsOf([{ of: v4h }]);
  const now = runsOf([{ of: v4h }]);
  const file = path.join(now, readdirSync(now)[0] ?? '', 'verdict.json');
  const verdict = JSON.parse(readFileSync(file, 'utf8'));
  const faults = [{ class: 'infrastructure', what: 'the switch does not answer' }];
  writeFileSync(file, JSON.stringify({ ...verdict, outcome: 'infrastructure', faults }));
  const { code, out } = await scmi('compare', now, '--baseline', good);
  t.is(code, 3);
  t.regex(out, /^unknown: .*\n {4}the switch does not answer\n/);
});

test('farm metrics tells boards and runs in the form of Prometheus', async t => {
  const root = runsOf([{ of: v4h }, { of: mutant }, { of: mutant, edit: byItself }]);
  const file = path.join(root, readdirSync(root)[0] ?? '', 'verdict.json');
  const verdict = JSON.parse(readFileSync(file, 'utf8'));
  const faults = [{ class: 'infrastructure', what: 'use /dev/ttyUSB0 at 115200: "x" did not answer in 5 s' }];
  writeFileSync(file, JSON.stringify({ ...verdict, outcome: 'infrastructure', faults }));
  const { code, out, err } = await scmi('farm', 'metrics', '--runs', root);
  t.is(code, 0, err);
  t.regex(
    out,
    /# TYPE scmi_hil_board_up gauge\n(?:scmi_hil_board_up\{board="[\w-]+",type="[\w-]+"\} 1\n){3}/,
  );
  t.regex(out, /scmi_hil_runs\{board="virtual-v4h",outcome="failed"\} 1\n/);
  t.regex(
    out,
    /scmi_hil_infrastructure_errors\{board="virtual-v4h",cause="use at did not answer in s"\} 1\n/,
  );
  // The exposition format: comments, or a name with labels and a number.
  for (const line of out.trim().split('\n'))
    t.regex(line, /^(?:# (?:HELP|TYPE) \w+ .+|\w+\{[^}]*\} \d+(?:\.\d+)?)$/);
});
