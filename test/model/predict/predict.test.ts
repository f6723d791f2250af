import test from 'ava';
import { loadFirmwareProfile } from '../../../src/board/firmware-profile.ts';
import { parseSource } from '../../../src/model/dt/source.ts';
import { writeFlat } from '../../../src/model/dt/flat.ts';
import { predict } from '../../../src/model/predict/predict.ts';
import { Platform } from '../../../src/model/predict/platform.ts';
import type { Scenario, Statement } from '../../../src/model/predict/scenario.ts';
import { type HostParts, hostTree } from '../xen/boot.ts';

const partialTree = writeFlat(
  parseSource(`/dts-v1/;
/ { #address-cells = <2>; #size-cells = <2>;
  passthrough { compatible = "simple-bus"; ranges; #address-cells = <2>; #size-cells = <2>;
    shm: sram@22001000 { compatible = "arm,scmi-shmem"; reg = <0 0x22001000 0 0x1000>; };
    firmware { compatible = "simple-bus";
      scmi { compatible = "arm,scmi-smc"; arm,smc-id = <0x82000004>; shmem = <&shm>; #address-cells = <1>; #size-cells = <0>;
        protocol@14 { reg = <0x14>; #clock-cells = <1>; }; }; };
  };
};`),
);

const config = (lines: string): string => `name = "driver"
memory = 128
kernel = "/root/Image"
extra = "console=hvc0"
on_crash = "preserve"
${lines}
`;

const good = `arm_sci = "type=scmi_smc_multiagent,agent_id=2"
device_tree = "/root/guest.dtb"
iomem = [ "47ff2,1@22001" ]`;

function scenario(given: Partial<Scenario> & { readonly host?: HostParts } = {}): Scenario {
  const { host = {}, ...rest } = given;
  return {
    name: 'test',
    title: 'a test',
    claims: [],
    xen: { mediator: 'multi-agent', debug: true },
    linux: '6.12',
    firmware: { profile: loadFirmwareProfile('reference'), faults: [] },
    hostTree: hostTree(host),
    dom0less: new Map(),
    guests: new Map([['guest', guestOf(good)]]),
    steps: [],
    statements: [],
    ...rest,
  };
}

function guestOf(lines: string): NonNullable<ReturnType<Scenario['guests']['get']>> {
  return {
    name: 'guest',
    config: config(lines),
    origin: 'test',
    files: new Map([['/root/guest.dtb', partialTree]]),
  };
}

test('a good boot and a guest are predicted from the banner to the free channel', t => {
  const prediction = predict(
    scenario({
      steps: [
        { do: 'create', guest: 'guest' },
        { do: 'look', domain: 'guest' },
        { do: 'destroy', guest: 'guest' },
      ],
    }),
  );
  t.deepEqual(prediction.mediator, {
    kind: 'multi-agent',
    registered: true,
    errno: 0,
    node: '/chosen/xen/xen_scmi_config/scmi',
    agentId: 1,
  });
  t.deepEqual(prediction.agents[1], {
    agentId: 2,
    functionId: '0x82000004',
    shmem: '0x47ff2000',
    domid: null,
  });
  t.deepEqual(prediction.domains, [
    { domid: 0, name: 'Dom0', created: true, agentId: 0, scmiNodes: 'kept' },
    { domid: 1, name: 'driver', created: true, agentId: 2, scmiNodes: 'kept' },
  ]);
  t.deepEqual(prediction.toolstack, [
    { do: 'create', rc: 0 },
    { do: 'destroy', rc: 0 },
  ]);
  const milestones = prediction.expectations.filter(({ kind }) => kind === 'milestone');
  t.deepEqual(
    milestones.map(({ pattern }) => pattern),
    ['xen-banner', 'dom0-login'],
  );
  const commands = prediction.expectations.filter(({ kind, source }) => kind === 'answer' && source === 'xl');
  t.deepEqual(
    commands.map(({ command, exitStatus, phase }) => [command, exitStatus, phase]),
    [
      ['xl create /root/guest.cfg', 0, 0],
      ['xl destroy driver', 0, 2],
    ],
  );
  const last = prediction.expectations
    .filter(({ kind, source }) => kind === 'line' && source === 'xen')
    .at(-1);
  t.is(last?.text, 'scmi: Free domain 1');
  t.is(last?.phase, 2);
  const looks = prediction.expectations.filter(({ kind, source }) => kind === 'answer' && source === 'linux');
  t.true(looks.some(({ id, domid }) => id === 'step1.bus' && domid === 1));
  t.true(prediction.firmware.some(({ agent, message }) => agent === 1 && message === 0xb));
});

test('expectations have ids of their own and patterns that fit their own text', t => {
  const { expectations, console } = predict(scenario({ steps: [{ do: 'create', guest: 'guest' }] }));
  t.is(new Set(expectations.map(({ id }) => id)).size, expectations.length);
  for (const { kind, pattern, text, id } of expectations) {
    if (kind !== 'line') continue;
    t.regex(pattern, /^\^.*\$$/s, id);
    t.regex(text, new RegExp(pattern), id);
  }
  for (const { text, pattern } of console) t.regex(text, new RegExp(pattern));
});

test('the same scenario is predicted the same twice', t => {
  const given = scenario({
    steps: [
      { do: 'create', guest: 'guest' },
      { do: 'reboot', guest: 'guest' },
    ],
  });
  t.deepEqual(predict(given), predict(given));
});

test('after a panic nothing is expected of Dom0, and no step is taken', t => {
  const prediction = predict(
    scenario({ host: { dom0: 'xen,dom0-sci-agent-id = <1>;' }, steps: [{ do: 'create', guest: 'guest' }] }),
  );
  t.is(prediction.panic, 'Error creating domain 0 (rc = -17)');
  t.deepEqual(prediction.toolstack, []);
  t.deepEqual(prediction.domains, [
    { domid: 0, name: 'Dom0', created: false, agentId: null, scmiNodes: 'none' },
  ]);
  const milestones = prediction.expectations.filter(({ kind }) => kind === 'milestone');
  t.is(milestones.at(-1)?.pattern, 'xen-panic');
  t.regex(milestones.at(-1)?.reason.because ?? '', /agent 1/);
  t.false(prediction.expectations.some(({ id }) => id === 'boot.absent.panic'));
});

test('every error of the mediator that is not predicted is expected to be absent', t => {
  const { expectations } = predict(scenario({ host: { cells: '#scmi-secondary-agents-cells = <4>;' } }));
  const absent = new RegExp(
    expectations.find(({ id }) => id === 'boot.absent.mediator-error')?.pattern ?? '',
  );
  t.regex('scmi: Failed to acquire SCMI channel for agent_id 2: -2', absent);
  t.notRegex('scmi: Invalid #scmi-secondary-agents-cells value: 4', absent);
  t.regex('scmi: Invalid #scmi-secondary-agents-cells value: 5', absent);
  t.notRegex('scmi: Got agent count 4', absent);
});

test('the one message without newline is predicted alone and with what follows it', t => {
  const atRoot = 'dev { access-controllers = <&scmi_xen 7>; };';
  const { expectations } = predict(scenario({ host: { atRoot } }));
  const absent = new RegExp(
    expectations.find(({ id }) => id === 'boot.absent.mediator-error')?.pattern ?? '',
  );
  t.notRegex('scmi: could not assign dev for d0 agent:0 dev_id:7 (-13)', absent);
  t.notRegex('scmi: could not assign dev for d0 agent:0 dev_id:7 (-13)Device tree generation', absent);
  t.regex('scmi: could not assign dev for d0 agent:0 dev_id:5 (-13)', absent);
});

const statements: readonly Statement[] = [
  { claims: ['D15'], words: 'the guest is created', check: { kind: 'step', step: 0, exitStatus: 0 } },
  {
    claims: ['v4-1'],
    words: 'the guest gets its channel',
    check: { kind: 'console', source: 'xen', pattern: 'Acquire channel id = 0x9' },
  },
  {
    claims: ['D13'],
    words: 'no call is refused',
    check: { kind: 'console', source: 'xen', pattern: 'Unhandled SMC/HVC', absent: true },
  },
  { claims: ['R4'], words: 'Dom0 is there', check: { kind: 'milestone', name: 'dom0-login' } },
  {
    claims: ['D8'],
    words: 'Xen does not panic',
    check: { kind: 'milestone', name: 'xen-panic', absent: true },
  },
];

function brokenClaims(given: Scenario): Record<string, string | null> {
  const claims = predict(given).expectations.filter(({ claim }) => claim !== undefined);
  return Object.fromEntries(claims.map(({ claim }) => [claim?.ids[0] ?? '', claim?.broken?.rule ?? null]));
}

test('a claim that the model sees fail is broken, with the rule that breaks it', t => {
  const steps = [{ do: 'create', guest: 'guest' }] as const;
  const other = 'arm_sci = "type=scmi_smc_multiagent,agent_id=9"';
  t.deepEqual(brokenClaims(scenario({ steps, statements, guests: new Map([['guest', guestOf(other)]]) })), {
    D15: 'smc-multiagent.acquire-failed',
    'v4-1': 'model.not-said',
    D13: null,
    R4: null,
    D8: null,
  });
});

test('a boot that panics breaks every claim about what comes after it', t => {
  const steps = [{ do: 'create', guest: 'guest' }] as const;
  t.deepEqual(brokenClaims(scenario({ steps, statements, host: { dom0: 'xen,dom0-sci-agent-id = <1>;' } })), {
    D15: 'dom0.create-failed',
    'v4-1': 'dom0.create-failed',
    D13: null,
    R4: 'dom0.create-failed',
    D8: 'dom0.create-failed',
  });
});

test('a tree that names no boot module is one that Dom0’s kernel is added to', t => {
  const withoutModules = hostTree({});
  const chosen = withoutModules.node('/chosen');
  const others = chosen?.children.filter(each => !each.isCompatible('multiboot,module')) ?? [];
  chosen?.children.splice(0, chosen.children.length, ...others);
  t.is(predict(scenario({ hostTree: withoutModules })).panic, null);
  t.is(
    predict(scenario({ hostTree: withoutModules }), { dom0KernelIsAdded: false }).panic,
    'Could not set up d0 guest OS (rc = -2)',
  );
});

test('a tree with a module that is yet to be placed is one that is completed; without that Xen ends unheard', t => {
  const inChosen =
    'domU1 { compatible = "xen,domain"; module { compatible = "multiboot,kernel", "multiboot,module"; }; };';
  t.is(predict(scenario({ host: { inChosen } })).panic, null);
  const alone = predict(scenario({ host: { inChosen } }), { dom0KernelIsAdded: false });
  t.is(alone.panic, "node module missing `reg' property");
  t.deepEqual(alone.console, []);
  t.false(alone.expectations.some(each => each.kind === 'milestone'));
});

test('a device assigned right after the create is there when the guest’s kernel asks for its clocks', t => {
  const atRoot = 'dev { xen,passthrough; access-controllers = <&scmi_xen 3>; };';
  const steps = [
    { do: 'create', guest: 'guest' },
    { do: 'assign-device', guest: 'guest', path: '/dev' },
  ] as const;
  const { firmware, toolstack } = predict(scenario({ host: { atRoot }, steps }));
  t.deepEqual(toolstack, [
    { do: 'create', rc: 0 },
    { do: 'assign-device', rc: -95 },
  ]);
  const permission = firmware.findIndex(({ message, agent }) => agent === 1 && message === 9);
  const clocks = firmware.findIndex(({ protocol, agent }) => agent === 2 && protocol === 0x14);
  t.true(permission >= 0 && clocks > permission);
});

test('a platform is used with what was deployed: files, names and ids', t => {
  const { xen, linux, firmware, hostTree: tree } = scenario();
  const said: string[] = [];
  const platform = new Platform({
    build: xen,
    linux,
    firmware,
    hostTree: tree,
    partialTrees: new Map(),
    observer: { console: ({ text }) => said.push(text), message: () => {} },
  });
  platform.boot();
  t.true(platform.isDom0Up);
  t.is(platform.xlCreate('/root/g.cfg', config(good)).rc, 3, 'its partial tree is not in Dom0');
  t.is(platform.xlCreate('/root/g.cfg', config(good), new Map([['/root/guest.dtb', partialTree]])).rc, 0);
  t.deepEqual(
    platform.domains().map(({ domid, name, agentId, state }) => [domid, name, agentId, state]),
    [
      [0, 'Dom0', 0, 'running'],
      [2, 'driver', 2, 'running'],
    ],
  );
  t.truthy(platform.view('driver'));
  t.is(platform.view('dom0')?.kernel.machine.domid, 0);
  t.is(platform.guestReboots('driver').domid, 3);
  t.is(platform.xlShutdown('driver').rc, 0);
  t.is(platform.view('driver'), undefined);
  t.is(platform.xlDestroy('driver').rc, 1);
  t.is(said.at(-1), 'driver is an invalid domain identifier (rc=-6)');
});

for (const [vcpus, rc, said] of [
  [128, 0, undefined],
  [129, 3, /domain creation fail: Invalid argument$/],
  [1_000_000_000, 3, /too many VCPUS$/],
] as const) {
  test(`a guest with ${vcpus} vCPUs ends xl create with ${rc}`, t => {
    const steps = [{ do: 'create', guest: 'guest' }] as const;
    const guests = new Map([['guest', guestOf(`vcpus = ${vcpus}`)]]);
    const { toolstack, console } = predict(scenario({ steps, guests }));
    t.deepEqual(toolstack, [{ do: 'create', rc }]);
    const errors = console.filter(({ source, text }) => source === 'xl' && text.startsWith('libxl: error'));
    if (said === undefined) t.deepEqual(errors, []);
    else t.regex(errors[0]?.text ?? '', said);
  });
}
