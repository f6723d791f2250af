import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { loadBoardType } from '../../../src/board/board-types.ts';
import { loadFirmwareProfile } from '../../../src/board/firmware-profile.ts';
import { coveringRuns } from '../../../src/trials/explore/cover.ts';
import { type Exploration, explore, pathWords } from '../../../src/trials/explore/explore.ts';
import { NotExplorable } from '../../../src/trials/explore/machine.ts';
import { invariants } from '../../../src/trials/explore/invariants.ts';
import { knownFindings } from '../../../src/trials/explore/known-findings.ts';
import { mutantNamed } from '../../../src/trials/mutants/index.ts';
import type { Subject } from '../../../src/trials/explore/subject.ts';
import { predict } from '../../../src/model/predict/predict.ts';
import { bootScenario, loadScenario } from '../../../src/scenario/load.ts';
import { scmiHil } from '../../cli/fake-process.ts';
import { type HostParts, hostTree } from '../../model/xen/boot.ts';

const directory = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-explore-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

const boards = ['rpi5', 'rcar-v4h-white-hawk'] as const;
const board = (type: string): Subject => bootScenario(loadBoardType(type));

/** The documentation's layout on a firmware: Xen is agent 1, Dom0 agent 0, guests 2 and 3. */
function documented(parts: HostParts = {}, firmware = 'reference', faults: readonly string[] = []): Subject {
  return {
    xen: { mediator: 'multi-agent', debug: true },
    firmware: { profile: loadFirmwareProfile(firmware), faults },
    hostTree: hostTree(parts),
  };
}

const broken = ({ findings }: Exploration): string[] => [
  ...new Set(findings.filter(({ known }) => known === null).map(({ invariant }) => invariant)),
];
const explained = ({ findings }: Exploration): string[] =>
  findings
    .flatMap(({ invariant, known }) => (known === null ? [] : [`${invariant}: ${known.cause}`]))
    .toSorted();

const everyXen =
  'page-of-its-own: xen: the hardware domain may pass on every page that it was ever permitted';

for (const [name, subject, findings] of [
  [
    'rpi5',
    board('rpi5'),
    [
      'new-channel-works: quirk channel-stays-busy',
      everyXen,
      'settings-reset: policy resetAgentPolicy permissions',
    ],
  ],
  [
    'rcar-v4h-white-hawk',
    board('rcar-v4h-white-hawk'),
    [
      'new-channel-works: quirk channel-stays-busy',
      everyXen,
      'power-stays-on: quirk power-use-counted',
      'settings-reset: RESET_AGENT_CONFIGURATION not supported',
    ],
  ],
  [
    'reference',
    documented(),
    [
      'default-permissions-restored: policy resetAgentPolicy permissions',
      'new-channel-works: quirk channel-stays-busy',
      everyXen,
      'settings-reset: policy resetAgentPolicy permissions',
    ],
  ],
] as const) {
  test(`every promise holds on ${name}, or what breaks it is known`, t => {
    const walk = explore(subject, { depth: 4 });
    t.deepEqual(broken(walk), []);
    t.deepEqual(explained(walk), findings);
    t.true(walk.states > 200, String(walk.states));
    t.is(walk.stoppedBy, 'depth');
  });
}

test('a finding comes with the shortest way to it', t => {
  const { findings } = explore(board('rpi5'), { depth: 4 });
  const finding = findings.find(({ invariant }) => invariant === 'new-channel-works');
  t.deepEqual(pathWords(finding?.path ?? []), [
    'boot',
    'create guest1 with agent 2',
    'guest1 rings 0x82000004 without a message',
    'destroy guest1',
    'create guest1 with agent 2',
  ]);
  t.regex(finding?.words ?? '', /agent 2, whose channel answers ERROR/);
});

test('two walks of the same are equal', t => {
  const [one, other] = [0, 1].map(() => explore(board('rcar-v4h-white-hawk'), { depth: 3 }));
  t.deepEqual(one?.transitions, other?.transitions);
  t.deepEqual(one?.findings, other?.findings);
  t.is(one?.steps, other?.steps);
});

test('an action in one state leaves no trace in the others', t => {
  const short = explore(board('rpi5'), { depth: 2 });
  const long = explore(board('rpi5'), { depth: 4 });
  t.deepEqual(long.transitions.slice(0, short.transitions.length), short.transitions);
});

test('with one guest there are few enough states to see them all', t => {
  const walk = explore(board('rpi5'), { depth: 30, guests: 1 });
  t.is(walk.stoppedBy, null);
  t.true(walk.depth < 30);
  t.deepEqual(broken(walk), []);
});

test('the bound on states ends a walk', t => {
  const walk = explore(board('rcar-v4h-white-hawk'), { depth: 30, states: 100 });
  t.is(walk.states, 100);
  t.is(walk.stoppedBy, 'states');
});

const caught = {
  'shares-taken-channel': 'one-domain-per-channel',
  'gives-next-agent': 'one-domain-per-channel',
  'gives-xens-channel': 'xens-channel-is-xens',
  'forwards-any-function-id': 'caller-is-its-agent',
  'forwards-for-any-domain': 'no-agent-no-call',
  'forwards-only-for-dom0': 'own-doorbell-reaches-firmware',
  'refuses-with-success': 'other-doorbell-is-refused',
  'keeps-channel': 'destroyed-is-gone',
  'skips-reset': 'no-permission-left-behind',
  'reset-flag-0': 'no-permission-left-behind',
  'permission-for-xen': 'no-permission-left-behind',
  'permission-flag-0': 'assignment-gives-permission',
  'ignores-refused-permission': 'assignment-gives-permission',
  'libxl-destroys-nothing': 'refusal-changes-nothing',
  'xen-permits-any-page': 'page-of-its-own',
  'fw-anyone-configures': 'only-xen-configures-agents',
} as const;

for (const [name, invariant] of Object.entries(caught)) {
  test(`a machine that ${name} breaks ${invariant}, and nothing explains it`, t => {
    const deviations = mutantNamed(name)?.deviations;
    t.truthy(deviations);
    if (deviations === undefined) return;
    const walk = explore({ ...board('rpi5'), deviations }, { depth: 3 });
    t.true(broken(walk).includes(invariant), broken(walk).join());
  });
}

test('two agents of the list with one doorbell: the driver gives it to two domains', t => {
  const list = '0x82000002 &page0 0 0x82000004 &page2 2 0x82000004 &page3 3';
  const walk = explore(documented({ list }), { depth: 3 });
  t.true(broken(walk).includes('one-domain-per-channel'));
  const finding = walk.findings.find(({ invariant }) => invariant === 'one-domain-per-channel');
  t.deepEqual(pathWords(finding?.path ?? []), [
    'boot',
    'create guest1 with agent 2',
    'create guest2 with agent 3',
  ]);
});

test('where Dom0 is the privileged agent, destructions fail and Dom0 rules over devices: explained by the layout', t => {
  const walk = explore(documented({}, 'reference', ['privileged-agent-0']), { depth: 3 });
  t.deepEqual(broken(walk), []);
  const causes = explained(walk);
  t.true(causes.includes('destroyed-is-gone: layout: a domain is the privileged agent'), causes.join('\n'));
  t.true(
    causes.includes('only-xen-configures-agents: layout: a domain is the privileged agent'),
    causes.join('\n'),
  );
});

test('a privileged domain meets the bug that gives one device to two agents', t => {
  const reference = documented({}, 'reference', ['privileged-agent-0']);
  const { profile } = reference.firmware;
  const quirks = profile.quirks
    .filter(quirk => quirk !== 'deny-refused-for-others-device')
    .concat('deny-clears-any-owner');
  const firmware = { ...reference.firmware, profile: { ...profile, quirks } };
  const walk = explore({ ...reference, firmware }, { depth: 4 });
  t.deepEqual(broken(walk), []);
  t.true(
    explained(walk).includes('one-agent-per-device: quirk deny-clears-any-owner'),
    explained(walk).join('\n'),
  );
});

test('a destruction that firmware refuses leaves a domain whose channel nobody gets', t => {
  const subject = documented({}, 'reference', ['reset-agent-configuration-denied']);
  const walk = explore(subject, { depth: 3 });
  t.deepEqual(broken(walk), []);
  const names = walk.transitions.map(({ name }) => name);
  t.true(names.includes('create(an agent that a dying guest has) -> EEXIST'));
  t.true(names.includes('destroy(guest) -> EACCES, BASE_RESET_AGENT_CONFIGURATION DENIED'));
});

test('every known finding is about an invariant, and no name is there twice', t => {
  const names = invariants.map(({ name }) => name);
  t.is(new Set(names).size, names.length);
  t.deepEqual(
    knownFindings.filter(({ invariant }) => !names.includes(invariant)),
    [],
  );
});

test('the page of the explorer names every promise', t => {
  const page = readFileSync(new URL('../../../docs/explore.md', import.meta.url), 'utf8');
  const named = [...page.matchAll(/^\| ([a-z0-9-]+) \| .+ \|$/gm)].map(([, name]) => name);
  t.deepEqual(
    named,
    invariants.map(({ name }) => name),
  );
});

test('a tree without mediator, or with the single-agent one, is not explorable', t => {
  t.throws(() => explore(documented({ chosenRanges: '' })), {
    instanceOf: NotExplorable,
    message: /no mediator/,
  });
  t.throws(() => explore({ ...documented(), xen: { mediator: 'single-agent', debug: true } }), {
    instanceOf: NotExplorable,
  });
  t.throws(() => explore(documented({ dom0: 'xen,dom0-sci-agent-id = <1>;' })), {
    instanceOf: NotExplorable,
    message: /Xen panics at boot: Error creating domain 0/,
  });
});

for (const type of boards) {
  test(`few runs cover all that a scenario can do on ${type}, each with something new`, t => {
    const walk = explore(board(type), { depth: 6, withCalls: false });
    const runs = coveringRuns(walk);
    const covered = new Set(runs.flatMap(({ steps }) => steps.map(({ transition }) => transition)));
    t.deepEqual(
      walk.transitions.filter(({ name }) => !covered.has(name)),
      [],
    );
    t.true(runs.length <= 4, String(runs.length));
    for (const { steps } of runs) t.true(steps.some(({ isNew }) => isNew));
  });

  test(`the scenarios written for ${type} load, and are predicted to go as the walk went`, async t => {
    const into = path.join(directory, type);
    const { code, out, err } = await scmiHil(
      ['explore', '--board-type', type, '--depth', '5', '--write', into],
      {
        cwd: directory,
      },
    );
    t.is(code, 0, out + err);
    const runs = coveringRuns(explore(board(type), { depth: 5, withCalls: false }));
    const files = readdirSync(into).toSorted();
    t.deepEqual(
      files,
      runs.map((_, index) => `explored-${type}-${index + 1}.yaml`),
    );
    for (const [index, file] of files.entries()) {
      const { toolstack, panic } = predict(loadScenario(path.join(into, file), loadBoardType(type)));
      t.is(panic, null);
      const expected = (runs[index]?.steps ?? []).map(({ action, rc }) => ({
        do: action.do,
        // xl fails a creation with one number, whatever Xen says.
        rc: action.do === 'create' && rc !== 0 ? 3 : rc,
      }));
      t.deepEqual([...toolstack], expected, file);
    }
  });
}

test('a written scenario runs on a virtual board', async t => {
  const into = path.join(directory, 'run');
  await scmiHil(['explore', '--board-type', 'rcar-v4h-white-hawk', '--depth', '3', '--write', into], {
    cwd: directory,
  });
  const file = path.join(into, 'explored-rcar-v4h-white-hawk-2.yaml');
  t.true(existsSync(file));
  const { code, out, err } = await scmiHil(['run', file, '--board', 'virtual-v4h'], { cwd: directory });
  t.is(code, 0, out + err);
});

test('explore prints findings with the way there, and JSON for scripts', async t => {
  const cwd = directory;
  const text = await scmiHil(['explore', '--board-type', 'rpi5', '--depth', '3'], { cwd });
  t.is(text.code, 0);
  t.regex(text.out, /findings +1 known, 0 unexplained/);
  t.regex(text.out, /after +boot\n +create guest1 without agent, with the page of agent 1\n/);
  t.regex(text.out, /\n1 +create\(an agent that a guest has\) -> EEXIST\n/);
  t.regex(text.out, /\n- +smc\(guest, Xen's doorbell\) -> refused\n/);
  const json = await scmiHil(['explore', '--board-type', 'rpi5', '--depth', '3', '--json'], { cwd });
  const answer = JSON.parse(json.out) as {
    agents: unknown;
    transitions: { name: string; expressible: boolean }[];
    scenarios: { transitions: string[] }[];
  };
  t.deepEqual(answer.agents, { xen: 0, dom0: 1, guests: [2, 3, 4] });
  t.false(answer.transitions.some(({ name, expressible }) => expressible && name.startsWith('smc(')));
  t.true(answer.transitions.some(({ expressible }) => !expressible));
  t.true(answer.scenarios.length > 0);
});

for (const [what, argv, said] of [
  ['nothing to explore', [], /nothing to explore was named/],
  [
    'a firmware that does not fit the tree',
    ['--board-type', 'rpi5', '--firmware', 'reference'],
    /no mediator/,
  ],
  ['no number', ['--board-type', 'rpi5', '--depth', 'deep'], /number from 1/],
  [
    'a directory that cannot be made',
    ['--board-type', 'rpi5', '--depth', '1', '--write', '/proc/none'],
    /cannot write/,
  ],
] as const) {
  test(`explore with ${what} says what to do`, async t => {
    const { code, err } = await scmiHil(['explore', ...argv], { cwd: directory });
    t.is(code, 2);
    t.regex(err, said);
  });
}
