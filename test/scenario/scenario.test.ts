import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { loadBoardType } from '../../src/board/board-types.ts';
import { ConfigurationError } from '../../src/config/configuration-error.ts';
import { parseFlat, writeFlat } from '../../src/model/dt/flat.ts';
import { parseSource } from '../../src/model/dt/source.ts';
import { findScenario, listScenarios, loadScenario } from '../../src/scenario/load.ts';
import { predict } from '../../src/model/predict/predict.ts';
import { outputMatches } from '../../src/model/predict/statements.ts';
import type { Scenario } from '../../src/model/predict/scenario.ts';
import { fillTemplates } from '../../src/scenario/templates.ts';

const directory = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-scenario-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

const rpi5 = loadBoardType('rpi5');
const v4h = loadBoardType('rcar-v4h-white-hawk');
const container = '/chosen/xen/xen_scmi_config';

test('a scenario without anything boots the board as its type says', t => {
  const scenario = load('plain', '');
  t.deepEqual(scenario.xen, rpi5.xen);
  t.is(scenario.linux, rpi5.linux);
  t.is(scenario.firmware.profile.name, rpi5.firmware);
  t.deepEqual(scenario.steps, []);
  t.true(scenario.hostTree.node(container)?.isCompatible('xen,sci'));
});

test('the build of Xen, the kernel and the firmware of a scenario take the place of the board type’s', t => {
  const scenario = load(
    'other',
    `xen: { mediator: single-agent }\nlinux: "6.1"\nfirmware: { profile: reference, faults: [no-discover-agent] }\n`,
  );
  t.deepEqual(scenario.xen, { mediator: 'single-agent', debug: true });
  t.is(scenario.linux, '6.1');
  t.is(scenario.firmware.profile.name, 'reference');
  t.deepEqual(scenario.firmware.faults, ['no-discover-agent']);
});

test('a guest without configuration gets one for its agent: doorbell, page and tree are that agent’s', t => {
  for (const board of [rpi5, v4h]) {
    const scenario = load('guest', 'guests: { g: { agent: guest2 } }\n', board);
    const agent = scenario.firmware.profile.agents.find(({ id }) => id === board.agents.guests[1]);
    const { config, files } = scenario.guests.get('g') ?? {};
    t.regex(config ?? '', new RegExp(`^arm_sci = "type=scmi_smc_multiagent,agent_id=${agent?.id}"$`, 'm'));
    const frame = ((agent?.shmem ?? 0) / 4096).toString(16);
    t.regex(config ?? '', new RegExp(`^iomem = \\[ "${frame},1@22001" \\]$`, 'm'));
    t.regex(config ?? '', /^device_tree = "\/root\/scmi-hil\/g\.dtb"$/m);
    const tree = parseFlat(files?.get('/root/scmi-hil/g.dtb') ?? new Uint8Array());
    t.is(tree.node('/passthrough/firmware/scmi')?.u32('arm,smc-id'), agent?.functionId);
  }
});

test('guests get the guest agents in order unless they name one', t => {
  t.deepEqual(agentIds('{ a: {}, b: {} }'), ['2', '3']);
  t.deepEqual(agentIds('{ a: { agent: guest2 }, b: { agent: guest1 } }'), ['3', '2']);
  t.deepEqual(agentIds('{ a: { agent: dom0 }, b: { agent: xen }, c: { agent: none } }'), [
    '1',
    '0',
    undefined,
  ]);
});

test('a guest that asks for an agent that firmware lacks has no channel to be given', t => {
  const { config, files } = load('absent', 'guests: { g: { agent: 254 } }\n').guests.get('g') ?? {};
  t.regex(config ?? '', /agent_id=254/);
  t.notRegex(config ?? '', /iomem|device_tree/);
  t.is(files?.size, 0);
});

test('the SCMI request of a guest follows the mediator of the Xen build', t => {
  t.regex(configUnder('single-agent'), /^arm_sci = "type=scmi_smc"$/m);
  t.notRegex(configUnder('none'), /arm_sci/);
});

test('texts name the board’s values, and the values of their own guest without a prefix', t => {
  const scenario = load(
    'texts',
    `guests:
  g:
    agent: guest2
    config: |
      name = "\${name}"
      # \${agentId} \${functionId} \${pageFrame} \${shmem} \${partialTree} \${guestPageFrame}
      # \${guest1.agentId} \${xen.functionId} \${dom0.shmem} \${agent4.pageFrame}
steps:
  - command: { run: 'echo $\${HOME} \${guest1.functionId}' }
statements:
  - claims: [D2]
    words: nothing is refused
    console: xen
    pattern: "Unhandled SMC/HVC: \${guest1.functionId}"
    absent: true
`,
  );
  t.is(
    scenario.guests.get('g')?.config,
    `name = "g"
# 3 0x82000005 3ff03 0x3ff03000 /root/scmi-hil/g.dtb 22001
# 2 0x82000002 0x3ff01000 3ff04
`,
  );
  // An escaped text stays for the shell.
  t.deepEqual(scenario.steps, [{ do: 'command', domain: 'dom0', run: `echo $\{HOME} 0x82000004` }]);
  t.like(scenario.statements[0]?.check, { pattern: 'Unhandled SMC/HVC: 0x82000004', absent: true });
});

test('the host tree is the board’s with the scenario’s overlays and edit', t => {
  writeFileSync(
    path.join(directory, 'more.dtso'),
    '/dts-v1/;\n/plugin/;\n&scmi_config { from-overlay = <${dom0.agentId}>; };\n',
  );
  const { hostTree } = load(
    'tree',
    `host:
  overlays: [more.dtso]
  edit: |
    &scmi_config {
      xen,dom0-sci-agent-id = <\${xen.agentId}>;
      /delete-property/ #scmi-secondary-agents-cells;
    };
`,
  );
  const node = hostTree.node(container);
  t.is(node?.u32('from-overlay'), 1);
  t.is(node?.u32('xen,dom0-sci-agent-id'), 0);
  t.false(node?.has('#scmi-secondary-agents-cells'));
  t.is(load('untouched', '').hostTree.node(container)?.u32('xen,dom0-sci-agent-id'), 1);
});

test('a host tree of the scenario’s own is taken as it is; the lab’s takes the place of the board type’s', t => {
  writeFileSync(path.join(directory, 'own.dts'), '/dts-v1/;\n/ { model = "own"; };\n');
  const { hostTree } = load('own-tree', 'host: { tree: own.dts }\n');
  t.is(hostTree.root.string('model'), 'own');
  t.is(hostTree.node(container), undefined);

  const labTree = path.join(directory, 'lab.dtb');
  const base =
    '/ { model = "lab"; chosen {}; axi { sdio1: m1 {}; sdio2: m2 {}; pcie1: p1 {}; pcie2: p2 {}; }; };';
  writeFileSync(labTree, writeFlat(parseSource(`/dts-v1/;\n${base}`, { symbols: true })));
  const file = write('lab-tree', '');
  const fitted = loadScenario(file, rpi5, { labTree }).hostTree;
  t.is(fitted.root.string('model'), 'lab');
  t.true(fitted.node(container)?.isCompatible('xen,sci'));
});

test('dom0less domains get their partial trees', t => {
  const { dom0less } = load(
    'dom0less',
    `dom0less:
  domU1:
    partialTree: |
      /dts-v1/;
      / { smc = <\${guest1.functionId}>; };
`,
  );
  t.is(dom0less.get('domU1')?.root.u32('smc'), 0x8200_0004);
});

test('steps are read in order, and statements find theirs by name or number', t => {
  const { steps, statements } = load(
    'steps',
    `guests: { g: {} }
steps:
  - create: g
  - guest-powers-off: g
  - wait: 1.5s
  - assign-device: { guest: g, path: /soc/x }
  - look: g
  - create: g
    as: again
statements:
  - { claims: [D15], words: created again, step: again, exitStatus: 0 }
  - { claims: [], words: first, step: 0, output: "^ok" }
  - { claims: [], words: up, milestone: dom0-login }
`,
  );
  t.deepEqual(steps, [
    { do: 'create', guest: 'g' },
    { do: 'guest-powers-off', guest: 'g' },
    { do: 'wait', milliseconds: 1500 },
    { do: 'assign-device', guest: 'g', path: '/soc/x' },
    { do: 'look', domain: 'g' },
    { do: 'create', guest: 'g' },
  ]);
  t.deepEqual(
    statements.map(({ check }) => check),
    [
      { kind: 'step', step: 5, exitStatus: 0 },
      { kind: 'step', step: 0, output: '^ok' },
      { kind: 'milestone', name: 'dom0-login', absent: false },
    ],
  );
});

function stating(statement: string): string {
  return `statements: [ { claims: [D12], words: w, ${statement} } ]\n`;
}

/** Everything here begins on line 4 of the file. */
const mistakes: readonly (readonly [title: string, text: string, said: RegExp])[] = [
  [
    'a field that does not exist',
    'guest: {}\n',
    /x\.yaml:4:1: guest: unknown field \(did you mean guests\?\)/,
  ],
  [
    'a step that does nothing known',
    'steps:\n  - creat: g\n',
    /:5:5: steps\[0\]: a step does one thing: create, /,
  ],
  ['a step about no guest', 'steps:\n  - create: g\n', /:5:\d+: the scenario has no domain g/],
  ['a look at nobody', 'steps: [ { look: domU1 } ]\n', /:4:\d+: the scenario has no domain domU1/],
  [
    'a statement about no step',
    'statements: [ { claims: [], words: w, step: 0 } ]\n',
    /:4:\d+: there is no step 0/,
  ],
  [
    'a statement about a step without that name',
    'steps:\n  - { wait: 1s, as: pause }\nstatements: [ { claims: [], words: w, step: pauze } ]\n',
    /:6:\d+: there is no step pauze/,
  ],
  ['a claim that is none', 'claims: [X1]\n', /:4:\d+: claims\[0\]: expected the id of a statement/],
  [
    'a pattern that is none',
    'statements: [ { claims: [], words: w, console: xen, pattern: "(" } ]\n',
    /Unterminated group/,
  ],
  [
    'more guests than agents',
    'guests: { a: {}, b: {}, c: {}, d: {} }\n',
    /:4:\d+: rpi5 has no agent guest4 for d/,
  ],
  [
    'an unknown firmware',
    'firmware: { profile: nope }\n',
    /x\.yaml:\d+:\d+: firmware\.profile: there is no firmware profile nope/,
  ],
  [
    'an unknown fault',
    'firmware: { faults: [no-discover-agents] }\n',
    /:4:\d+: there is no firmware fault no-disc/,
  ],
  [
    'an unknown template',
    'host:\n  edit: |\n    /* */\n    ${guest9.agentId}\n',
    /x\.yaml:7: \$\{guest9\.agentId\} has no/,
  ],
  [
    'source that does not compile',
    'host:\n  edit: |\n    &scmi_config {\n      nonsense\n    };\n',
    /x\.yaml:[78]:\d+: /,
  ],
  [
    'an edit of a node that is not there',
    'host:\n  edit: |\n    &nothing { };\n',
    /x\.yaml:6:\d+: .*nothing/,
  ],
  ['a file that is not there', 'host: { overlays: [absent.dtso] }\n', /absent\.dtso: there is no such file/],
  ['a blob that is none', 'host: { tree: broken.dtb }\n', /broken\.dtb: /],
  [
    'a blob for a configuration',
    'guests: { g: { config: broken.dtb } }\n',
    /:4:\d+: broken\.dtb is a device tree blob/,
  ],
  [
    'an error of lint that there is not',
    'lintErrors: [sci-lst-length]\n',
    /:4:14: lintErrors\[0\]: lint has no errors/,
  ],
  [
    'a statement that names the firmware of another board',
    stating('console: linux, pattern: "SCMI Protocol v2.0 \'scmi-hil:\'"'),
    /:4:\d+: statements\[0\]\.pattern: .*names "scmi-hil" of the firmware qemu-virt; here .* "EPAM"/,
  ],
  [
    'a statement of the same that it must not be printed',
    stating('console: linux, pattern: "SCMI Protocol v2.0 \'scmi-hil:\'", absent: true'),
    /:4:\d+: statements\[0\]\.pattern: .*names "scmi-hil"/,
  ],
  [
    'an output that names the firmware of another board',
    `steps: [ { command: { run: dmesg } } ]\n${stating('step: 0, output: "scmi-hil:"')}`,
    /:5:\d+: statements\[0\]\.output: .*names "scmi-hil"/,
  ],
  [
    'a line of the mediator that it does not print anywhere',
    stating('console: xen, pattern: "scmi: Acquired channel"'),
    /:4:\d+: statements\[0\]\.pattern: nothing .*\/scmi: Acquired channel\/: .* never be met/,
  ],
  [
    'the same line, absent',
    stating('console: xen, pattern: "scmi: Acquired channel", absent: true'),
    /:4:\d+: statements\[0\]\.pattern: nothing .* never be missed/,
  ],
  [
    'an output that any text has',
    `steps: [ { command: { run: dmesg } } ]\n${stating('step: 0, output: "\\\\s*"')}`,
    /:5:\d+: statements\[0\]\.output: .*matches any text/,
  ],
  [
    'a milestone that the model does not know',
    stating('milestone: dom0-logn'),
    /:4:\d+: statements\[0\]\.milestone: the model predicts no milestone dom0-logn/,
  ],
  [
    'a statement about a step that is not answered',
    `steps: [ { wait: 1s } ]\n${stating('step: 0, exitStatus: 0')}`,
    /:5:\d+: statements\[0\]\.step: a step wait has neither exit status nor output/,
  ],
  ['a board that it is not for', 'boards: [spider]\n', /:4:\d+: x is not for rpi5/],
];

for (const [title, text, said] of mistakes) {
  test(`a scenario with ${title} is refused with its place`, t => {
    writeFileSync(path.join(directory, 'broken.dtb'), 'no tree');
    const error = t.throws(() => load('x', text), { instanceOf: ConfigurationError });
    t.regex(error?.message ?? '', said);
  });
}

const stated: readonly (readonly [title: string, text: string, broken: string | null])[] = [
  [
    'a line that the board prints, and this configuration does not',
    `host: { edit: "&scmi { status = \\"disabled\\"; };" }
${stating('console: linux, pattern: "SCMI Protocol v2.0 \'${firmware.vendor}:${firmware.subVendor}\'"')}`,
    'model.not-said',
  ],
  [
    'an error of Xen that nothing here leads to',
    stating('console: xen, pattern: "Could not create channel for agent 2: -17"'),
    'model.not-said',
  ],
  ['a line that has nothing to do with SCMI', stating('console: xen, pattern: "GICv2 initialization"'), null],
  ['a line of anything that must not come', stating('console: linux, pattern: "BUG:", absent: true'), null],
];

for (const [title, text, broken] of stated) {
  test(`a statement may be about ${title}`, t => {
    const [statement] = predict(load('stated', text)).expectations.filter(({ claim }) => claim !== undefined);
    t.is(statement?.claim?.broken?.rule ?? null, broken);
  });
}

test('the output of a command is searched for a pattern, as a whole and line by line, as by grep', t => {
  const output = 'one\ntwo three\n\nfour\n';
  for (const pattern of ['two', '^one$', '^four', 'three$', '^one\\ntwo', ''])
    t.true(outputMatches(pattern, output), pattern);
  for (const pattern of ['five', '^three', '^$', '^\\s*$']) t.false(outputMatches(pattern, output), pattern);
  t.true(outputMatches('^$', '\n'));
});

test('an unknown template says which ones there are, or which was meant', t => {
  const source = { name: 'x', text: 'a\n${xen.agentid}\n', firstLine: 10 };
  const near = t.throws(() => fillTemplates(source, new Map([['xen.agentId', '0']])), {
    instanceOf: ConfigurationError,
  });
  t.is(near?.message, 'x:11: ${xen.agentid} has no value on this board');
  t.is(near?.hint, 'did you mean ${xen.agentId}?');
  const far = t.throws(() => fillTemplates(source, new Map([['guestShmem', '0x1']])), {
    instanceOf: ConfigurationError,
  });
  t.regex(far?.hint ?? '', /known: guestShmem/);
});

test('a scenario is called as its file is', t => {
  const file = path.join(directory, 'file-name.yaml');
  writeFileSync(file, 'schema: 1\nname: another\ntitle: t\n');
  t.throws(() => loadScenario(file, rpi5), { message: /:2:7: name: is another, but the file is called/ });
});

test('a scenario is found by its name or by its file', t => {
  const [first] = listScenarios();
  t.is(findScenario(first?.name ?? '', directory).file, first?.file ?? '');
  write('found', '');
  t.is(findScenario('found.yaml', directory).name, 'found');
  t.throws(() => findScenario('dom0-and-gest', directory), { message: /there is no scenario dom0-and-gest/ });
  t.throws(() => findScenario('no-such-file.yaml', directory), { message: /there is no such file/ });
});

function write(name: string, text: string): string {
  const file = path.join(directory, `${name}.yaml`);
  writeFileSync(file, `schema: 1\nname: ${name}\ntitle: t\n${text}`);
  return file;
}

function load(name: string, text: string, board = rpi5): Scenario {
  return loadScenario(write(name, text), board);
}

function agentIds(guests: string): (string | undefined)[] {
  const scenario = load('agents', `guests: ${guests}\n`);
  return [...scenario.guests.values()].map(({ config }) => /agent_id=(\d+)/.exec(config)?.[1]);
}

function configUnder(mediator: string): string {
  return load('build', `xen: { mediator: ${mediator} }\nguests: { g: {} }\n`).guests.get('g')?.config ?? '';
}
