/** Lint on what is shipped and on what was recorded, its document, and its command. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import test from 'ava';
import { boardTypeNames, loadBoardType } from '../../../src/board/board-types.ts';
import { projectDirectory } from '../../../src/config/project-directory.ts';
import { main } from '../../../src/cli/main.ts';
import { writeFlat } from '../../../src/model/dt/flat.ts';
import { lint, lintScenario } from '../../../src/model/lint/lint.ts';
import { rulesMarkdown } from '../../../src/model/lint/markdown.ts';
import { rules, themes } from '../../../src/model/lint/rules.ts';
import { renderSarif } from '../../../src/verdict/report/sarif.ts';
import { loadCase, readCaseFile } from '../../../src/scenario/case.ts';
import { fitsBoardType } from '../../../src/scenario/fit.ts';
import { listScenarios, loadScenario } from '../../../src/scenario/load.ts';
import { caseDirectories } from '../../corpus/cases.ts';
import { cases } from './cases.ts';
import { guest, subjectOf } from './configurations.ts';

/** Deliberate mistakes of shipped scenarios. */
const intended: Readonly<Record<string, readonly string[]>> = {
  'agent-id-out-of-range': ['sci-arm-sci-agent-range'],
  'dom0-doorbell-not-rewritten': ['sci-dom0-function-id', 'sci-dom0-page'],
  'dom0-given-management-agent': ['sci-dom0-is-management'],
  'driver-domain-sdio': ['sci-dtdev-missing'],
  'guest-asks-for-taken-agent': ['sci-guest-agent-shared'],
  'permissions-not-in-firmware': ['sci-device-not-in-firmware'],
};

for (const type of boardTypeNames()) {
  test(`the trees of ${type} have no mistake, but in scenarios that are about one`, t => {
    const board = loadBoardType(type);
    for (const { name, file, document } of listScenarios()) {
      if (!fitsBoardType(document, board) || !(name in intended || isAboutNoMistake.includes(name))) continue;
      const found = lintScenario(loadScenario(file, board)).filter(({ severity }) => severity !== 'note');
      t.deepEqual([...new Set(found.map(({ rule }) => rule))].toSorted(), intended[name] ?? [], name);
    }
  });
}

const isAboutNoMistake = [
  'dom0-and-guest',
  'destroy-and-create-again',
  'dom0-without-agent',
  'dom0less-driver-domain-i2c',
  'dom0less-driver-domain-sdio',
  'driver-domain-i2c',
  'two-cell-list',
];

for (const type of ['rpi5', 'rcar-v4h-white-hawk', 'qemu-virt']) {
  test(`no scenario has an error on ${type} that it does not name: its run would be stopped`, t => {
    t.timeout(300_000);
    const board = loadBoardType(type);
    const unnamed: string[] = [];
    for (const { name, file, document } of listScenarios()) {
      if (!fitsBoardType(document, board)) continue;
      const scenario = loadScenario(file, board);
      for (const { severity, rule, message } of lintScenario(scenario)) {
        if (severity === 'error' && !scenario.lintErrors?.includes(rule))
          unnamed.push(`${name}: ${rule}: ${message}`);
      }
    }
    t.deepEqual(unnamed, []);
  });
}

test('docs/lint.md is what the rules say', t => {
  const file = path.join(projectDirectory, 'docs', 'lint.md');
  t.is(
    readFileSync(file, 'utf8'),
    rulesMarkdown(themes),
    'run: scmi-hil lint --rules --markdown > docs/lint.md',
  );
});

test('a SARIF log has what the format asks for', t => {
  const findings = Object.values(cases).flatMap(all =>
    all.slice(0, 1).flatMap(changes => lint(subjectOf(changes))),
  );
  const results = findings.map(finding => ({ finding, file: finding.place.file ?? 'my trees/host.dts' }));
  const log = JSON.parse(renderSarif(results, { version: '1.2.3', rules }));
  t.is(log.version, '2.1.0');
  t.is(log.runs.length, 1);
  const [{ tool, results: written }] = log.runs;
  t.is(tool.driver.name, 'scmi-hil');
  t.is(tool.driver.semanticVersion, '1.2.3');
  t.is(tool.driver.rules.length, rules.length);
  for (const descriptor of tool.driver.rules) {
    t.regex(descriptor.id, /^sci-/);
    t.true(descriptor.shortDescription.text.length > 0);
    t.true(['error', 'warning', 'note'].includes(descriptor.defaultConfiguration.level));
  }
  t.is(written.length, findings.length);
  for (const [index, each] of written.entries()) {
    t.is(tool.driver.rules[each.ruleIndex].id, each.ruleId);
    t.is(each.level, findings[index]?.severity);
    t.true(each.message.text.includes(findings[index]?.message));
    const [{ physicalLocation }] = each.locations;
    t.true(Number.isInteger(physicalLocation.region.startLine) && physicalLocation.region.startLine >= 1);
    t.notThrows(() => new URL(physicalLocation.artifactLocation.uri, 'file:///repository/'));
    t.regex(physicalLocation.artifactLocation.uri, /^(?:file:\/\/)?[\w./%-]+$/);
    t.is(typeof each.partialFingerprints['scmiHilPlace/v1'], 'string');
  }
});

test('the rules are there for programs too', async t => {
  const { code, out } = await run(['lint', '--rules', '--json'], projectDirectory);
  t.is(code, 0);
  const known = JSON.parse(out) as { readonly rules: readonly unknown[] };
  t.deepEqual(
    known.rules,
    rules.map(({ id, severity, title }) => ({ id, severity, title })),
  );
});

test('an error ends lint with 1, and JSON and SARIF name it', async t => {
  const directory = temporary(t);
  const host = '&container { #scmi-secondary-agents-cells = <4>; };';
  writeFileSync(path.join(directory, 'host.dtb'), writeFlat(subjectOf({ host }).hostTree));
  const { code, out } = await run(
    ['lint', '--host-dt', 'host.dtb', '--json', '--sarif', 'lint.sarif'],
    directory,
  );
  t.is(code, 1);
  const { errors, warnings, configurations } = JSON.parse(out);
  t.deepEqual([errors, warnings], [1, 0]);
  t.is(configurations[0].findings[0].rule, 'sci-list-cells');
  t.is(configurations[0].findings[0].at, '/chosen/xen/xen_scmi_config: #scmi-secondary-agents-cells');
  const log = JSON.parse(readFileSync(path.join(directory, 'lint.sarif'), 'utf8'));
  const [{ physicalLocation, logicalLocations }] = log.runs[0].results[0].locations;
  t.is(physicalLocation.artifactLocation.uri, 'host.dtb');
  t.is(logicalLocations[0].fullyQualifiedName, '/chosen/xen/xen_scmi_config');
});

test('warnings alone end lint with 0, and are told with what to change', async t => {
  const directory = temporary(t);
  const { config, files } = guest({ arm_sci: '"type=scmi_smc_multiagent,agent_id=2,foo"' });
  writeFileSync(path.join(directory, 'host.dtb'), writeFlat(subjectOf().hostTree));
  writeFileSync(path.join(directory, 'd2.cfg'), config);
  for (const [name, blob] of files) writeFileSync(path.join(directory, path.basename(name)), blob);
  const { code, out } = await run(['lint', '--host-dt', 'host.dtb', '--xl-cfg', 'd2.cfg'], directory);
  t.is(code, 0);
  t.regex(out, /^host\.dtb: 1 warning$/m);
  t.regex(out, /warning sci-arm-sci-unknown-option at .*d2\.cfg:4: arm_sci/);
  t.regex(out, /Hint: Use `type=` and `agent_id=` only\./);
});

test("a mistake in a guest's partial tree is shown at the file of that tree", async t => {
  const directory = temporary(t);
  const { config, files } = guest({}, '&scmi { arm,smc-id = <0x82000005>; };');
  writeFileSync(path.join(directory, 'host.dtb'), writeFlat(subjectOf().hostTree));
  writeFileSync(path.join(directory, 'd2.cfg'), config);
  for (const blob of files.values()) writeFileSync(path.join(directory, 'part.dtb'), blob);
  const trees = ['--host-dt', 'host.dtb', '--xl-cfg', 'd2.cfg', '--partial-dt', 'part.dtb'];
  const { code, out } = await run(['lint', ...trees, '--sarif', 'lint.sarif'], directory);
  t.is(code, 1);
  t.regex(
    out,
    /error sci-guest-function-id at partial tree of d2, \/passthrough\/firmware\/scmi: arm,smc-id/,
  );
  const log = JSON.parse(readFileSync(path.join(directory, 'lint.sarif'), 'utf8'));
  t.is(log.runs[0].results[0].locations[0].physicalLocation.artifactLocation.uri, 'part.dtb');
});

test('a firmware that nobody named is not guessed where the tree is none of the reference firmware', async t => {
  const directory = temporary(t);
  const file = path.join(directory, 'host.dts');
  writeFileSync(file, '/dts-v1/; / { chosen { }; };');
  const { out, err } = await run(['lint', '--host-dt', 'host.dts'], directory);
  t.regex(err, /the firmware is not known/);
  t.regex(out, /error sci-no-container/);
});

for (const [title, args] of [
  ['a scenario beside --host-dt', ['lint', 'dom0-and-guest', '--host-dt', 'host.dts']],
  ['an option about trees beside a scenario', ['lint', 'dom0-and-guest', '--xen', 'none']],
  ['a scenario that is not there', ['lint', 'no-such-scenario']],
  ['a tree that is not there', ['lint', '--host-dt', 'nowhere.dts']],
] as const) {
  test(`${title} is a mistake of the command line`, async t => {
    const { code, err } = await run([...args], temporary(t));
    t.is(code, 2);
    t.regex(err, /^scmi-hil: /);
  });
}

const recorded = caseDirectories();
const corpus = recorded.length > 0 ? test : test.skip;

corpus('corpus: lint has a word for every boot that a configuration spoilt, and none for good ones', t => {
  for (const { name, directory } of recorded) {
    const isBad = isSpoilt(directory);
    const found = lintScenario(loadCase(directory));
    if (isBad)
      t.true(
        found.some(({ severity }) => severity !== 'note'),
        `${name}: nothing is found`,
      );
    if (isGood(name))
      t.deepEqual(
        found.filter(({ severity }) => severity === 'error').map(({ rule }) => rule),
        [],
        name,
      );
  }
});

/** Whether the log shows the mediator failing, Xen panicking, a domain or its calls refused. */
function isSpoilt(directory: string): boolean {
  const log = readFileSync(path.join(directory, 'console.log'), 'latin1');
  const { toolstack } = readCaseFile(directory);
  const isRefused = toolstack.some(({ do: what, rc }) => what === 'create' && rc !== undefined && rc !== 0);
  return isRefused || failures.test(log);
}

const failures =
  /\(XEN\) (?:scmi: (?:Failed|Could not|could not|Invalid|No scmi|Wrong|Not enough|unable|shmem memory|Device tree error)|SCMI: (?:mediator already|Only one)|Panic on CPU|d\d+v\d+ Unhandled SMC\/HVC: 0x820000|DT: \S+ is not a valid bus)/;

function isGood(name: string): boolean {
  return /(?:^|-)good(?:$|-)|^(?:a|aa|l[\d.]+)-.*good|^b-2cell$|^c-no-dom0-id$|^d-domu2$|^s-ac-(?:allowed|domu)$/.test(
    name,
  );
}

interface Disposing {
  teardown(action: () => void): void;
}

function temporary(t: Disposing): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'scmi-hil-lint-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  return directory;
}

async function run(
  args: readonly string[],
  cwd: string,
): Promise<{ code: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const out = collect(stdout);
  const err = collect(stderr);
  const { signal } = new AbortController();
  const code = await main(args, { stdout, stderr, stdin: new PassThrough(), cwd, env: {}, signal });
  return { code, out: out(), err: err() };
}

function collect(stream: PassThrough): () => string {
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return () => text;
}
