import test from 'ava';
import {
  agent0,
  agent2,
  agent3,
  type BootOptions,
  bootTree,
  bootXen,
  dom0Acquires,
  type HostParts,
  hostTree,
  probed,
} from './boot.ts';

interface Probe extends HostParts, BootOptions {
  /** Lines of Xen, in order. */
  readonly says: readonly string[];
  readonly panic?: string;
  readonly errno?: number;
}

const registered = [...probed, agent0, agent2, agent3, dom0Acquires];
const busy = [
  'scmi: agent_id = -1 msg_id = 7 type = 0, proto = 10',
  'scmi: get smc response agent_id = -1 msg_id = 7 proto = 10 res=-16',
];

const probes: Readonly<Record<string, Probe>> = {
  'the documented layout is bound': { says: registered },
  'without #scmi-secondary-agents-cells there are three of them': { cells: '', says: registered },
  'one cell for an entry is refused': {
    cells: '#scmi-secondary-agents-cells = <1>;',
    says: [...probed, 'scmi: Invalid #scmi-secondary-agents-cells value: 1'],
    errno: -22,
  },
  'a list is mandatory': {
    list: '',
    says: [...probed, 'scmi: No scmi-secondary-agents property found, no agents to collect.'],
    errno: -22,
  },
  'a list must be whole entries': {
    list: '0x82000002 &page0 0 0x82000004',
    says: [...probed, 'scmi: Invalid length of scmi-secondary-agents property: 16 for 3 cells per entry'],
    errno: -22,
  },
  'entries of three cells read as two run into a phandle that is none': {
    list: '0x82000002 &page0 0 0x82000004 &page2 2',
    cells: '#scmi-secondary-agents-cells = <2>;',
    says: [
      ...probed,
      'scmi: Got shmem 47ff0000 after vmap 00000a0040f7f000',
      'scmi: agent_id = -1 msg_id = 7 type = 0, proto = 10',
      'scmi: get smc response agent_id = -1 msg_id = 7 proto = 10 res=0',
      'id=0x0 name=agent-0',
      agent0,
      'scmi: Could not find shmem node for agent 4294967295',
    ],
    errno: -22,
  },
  'a page of two pages is taken': { page2: 'reg = <0x47ff2000 0x2000>;', says: registered },
  'a page without reg has no address': {
    page2: '',
    says: [...probed, agent0, 'scmi: Could not read shmem address for agent 2: -22'],
    errno: -22,
  },
  "an unaligned management page is not noticed, but firmware's answer is missing": {
    managementPage: '0x47ff1800 0x1000',
    says: ['scmi: Got shmem 47ff1800 after vmap 00000a0040f7d800', ...busy],
    errno: -16,
  },
  'a management page in secure memory aborts Xen': {
    managementPage: '0xe000000 0x1000',
    says: [
      'Data Abort Trap. Syndrome=0x50',
      'CPU0: Unexpected Trap: Data Abort',
      'CPU0: Unexpected Trap: Data Abort',
    ],
    panic: 'CPU0: Unexpected Trap: Data Abort',
  },
  'a debug build asserts that no page is at address 0': {
    managementPage: '0 0x1000',
    says: [
      "Assertion 'channel && channel->paddr' failed at arch/arm/firmware/scmi-smc-multiagent.c:176",
      "Assertion 'channel && channel->paddr' failed at arch/arm/firmware/scmi-smc-multiagent.c:176",
    ],
    panic: "Assertion 'channel && channel->paddr' failed at arch/arm/firmware/scmi-smc-multiagent.c:176",
  },
  'a page at address 0 that Xen need not map is taken': {
    page2: 'reg = <0 0x1000>;',
    says: [...probed, agent0, 'scmi: Agent 2 SMC 82000004 addr 0', agent3, dom0Acquires],
  },
  'without arm,smc-id there is no mediator': {
    management: 'compatible = "arm,scmi-smc"; shmem = <&page1>; #access-controller-cells = <1>;',
    says: ['scmi: unable to read smc-id from DT'],
    errno: -2,
  },
  'a management page that no node is leaves the size to chance': {
    management:
      'compatible = "arm,scmi-smc"; arm,smc-id = <0x82000003>; shmem = <0xdead>; #access-controller-cells = <1>;',
    says: ["scmi: Device tree error, can't parse reserved memory 0", 'scmi: shmem memory is not aligned'],
    errno: -22,
  },
  'a disabled management node is silently nobody': {
    management:
      'compatible = "arm,scmi-smc"; status = "disabled"; arm,smc-id = <0x82000003>; shmem = <&page1>; #access-controller-cells = <1>;',
    says: [],
  },
  "Xen's own agent listed with its id is a duplicate": {
    list: '0x82000002 &page0 0 0x82000003 &page1 1',
    says: [...probed, agent0, 'scmi: Could not create channel for agent 1: -17'],
    errno: -17,
  },
  'swapped pages pass where ids are given': {
    list: '0x82000002 &page0 0 0x82000004 &page3 2 0x82000005 &page2 3',
    says: [
      ...probed,
      agent0,
      'scmi: Agent 2 SMC 82000004 addr 47ff3000',
      'scmi: Agent 3 SMC 82000005 addr 47ff2000',
      dom0Acquires,
    ],
  },
  'swapped pages are found out where ids are discovered': {
    list: '0x82000004 &page3 0x82000005 &page2',
    cells: '#scmi-secondary-agents-cells = <2>;',
    says: [...probed, 'scmi: Got shmem 47ff3000 after vmap 00000a0040f7f000', ...busy],
    errno: -16,
  },
  '/chosen/xen without ranges is no bus': {
    xenRanges: '',
    says: ['DT: /chosen/xen is not a valid bus'],
    errno: -2,
  },
  'EL3 without SMCCC 1.1 is not asked': {
    smcccVersion: 0x1_0000,
    says: ['scmi: No SMCCC 1.1 support, SCMI calls forwarding disabled'],
    errno: -38,
  },
  'a second node in the container that is given up for what the tree says of it changes nothing': {
    inContainer: 'scmi2 { compatible = "arm,scmi-smc"; };',
    says: [...probed, agent0, agent2, agent3, 'scmi: unable to read smc-id from DT', dom0Acquires],
    errno: -2,
  },
  'a second node in the container that is probed takes the channels away': {
    inContainer: 'scmi2 { compatible = "arm,scmi-smc"; arm,smc-id = <0x82000099>; shmem = <&page1>; };',
    says: [
      ...probed,
      agent0,
      agent2,
      agent3,
      'scmi: Got shmem 47ff1000 after vmap 00000a0040f7f000',
      'scmi: agent_id = -1 msg_id = 7 type = 0, proto = 10',
      'scmi: get smc response agent_id = -1 msg_id = 7 proto = 10 res=-95',
      'scmi: Failed to acquire SCMI channel for agent_id 0: -2',
      'Error creating domain 0 (rc = -2)',
    ],
    panic: 'Error creating domain 0 (rc = -2)',
    errno: -95,
  },
  'phandle 0 in the list is the root, which has no address': {
    list: '0x82000002 &page0 0 0x82000004 0 2',
    says: [...probed, agent0, 'scmi: Could not read shmem address for agent 2: -22'],
    errno: -22,
  },
  'phandle 0 as the management page is the root, which silently has no address': {
    management: 'compatible = "arm,scmi-smc"; arm,smc-id = <0x82000003>; shmem = <0>;',
    says: [],
    errno: -2,
  },
  'behind an empty shmem stands the next token of the flattened tree, which is taken for a phandle': {
    management: 'compatible = "arm,scmi-smc"; arm,smc-id = <0x82000003>; shmem; phandle = <0x20>;',
    inContainer: 'page { phandle = <3>; reg = <0x47ff1000 0x1000>; };',
    says: registered,
  },
  'a device of a bus without cells for sizes has no memory that Dom0 would get': {
    atRoot: 'bus { ranges; #address-cells = <1>; #size-cells = <0>; dev@1 { reg = <1>; }; };',
    says: registered,
  },
  'firmware that answers with length 0 is not believed': {
    faults: ['response-length-0'],
    says: [
      probed[0],
      probed[1],
      'scmi: Wrong size of smc message. Data may be invalid',
      'scmi: get smc response agent_id = -1 msg_id = 7 proto = 10 res=-22',
    ],
    errno: -22,
  },
  'an answer longer than its buffer is refused': {
    faults: ['response-length-64'],
    says: [
      probed[0],
      probed[1],
      'scmi: Not enough buffer for message 56, expecting 20',
      'scmi: get smc response agent_id = -1 msg_id = 7 proto = 10 res=-22',
    ],
    errno: -22,
  },
  'an error to PROTOCOL_ATTRIBUTES ends the probe': {
    faults: ['protocol-attributes-generic-error'],
    says: [
      ...probed.slice(0, 5),
      'scmi: Error received: -5',
      'scmi: get smc response agent_id = 1 msg_id = 1 proto = 10 res=-5',
    ],
    errno: -5,
  },
  'an agent count below the list is ignored': {
    faults: ['agent-count-2'],
    says: [...probed.slice(0, 6), 'scmi: Got agent count 2', agent0, agent2, agent3, dom0Acquires],
  },
  'a Dom0 agent id beyond 254 is no agent': {
    dom0: 'xen,dom0-sci-agent-id = <300>;',
    says: [...probed, agent0, agent2, agent3, 'Invalid xen,dom0-sci-agent-id=300, SCMI disabled for Dom0'],
  },
  'a Dom0 agent that is not listed ends the boot': {
    dom0: 'xen,dom0-sci-agent-id = <5>;',
    says: [
      ...probed,
      agent0,
      agent2,
      agent3,
      'scmi: Failed to acquire SCMI channel for agent_id 5: -2',
      'Error creating domain 0 (rc = -2)',
    ],
    panic: 'Error creating domain 0 (rc = -2)',
  },
  'a release build says of a good boot only who got which channel': {
    build: { debug: false },
    bootargs: 'dtuart=serial0',
    says: [dom0Acquires],
  },
  'a release build says of a bad one only errors': {
    build: { debug: false },
    bootargs: 'dtuart=serial0',
    cells: '#scmi-secondary-agents-cells = <4>;',
    says: ['scmi: Invalid #scmi-secondary-agents-cells value: 4'],
    errno: -22,
  },
  "a UART that is not there takes every word with it, and what was Xen's UART is Dom0's": {
    bootargs: 'dtuart=/nosuch loglvl=all',
    says: [],
    panic: 'Could not set up d0 guest OS (rc = -22)',
  },
  'a UART that is disabled does the same': {
    bootargs: 'dtuart=/off loglvl=all',
    atRoot: 'off { compatible = "arm,pl011"; status = "disabled"; };',
    says: [],
    panic: 'Could not set up d0 guest OS (rc = -22)',
  },
  'a console that is not the UART does the same': { bootargs: 'dtuart=serial0 console=none', says: [] },
  'a UART may be named with its options': {
    bootargs: 'dtuart=/uart@9000000:115200 loglvl=all',
    says: registered,
  },
  'loglvl=warning hides what is printed without a level': {
    bootargs: 'dtuart=serial0 loglvl=warning',
    xenRanges: '',
    says: [],
    errno: -2,
  },
  'of a level only the beginning counts': {
    bootargs: 'dtuart=serial0 loglvl=information',
    xenRanges: '',
    says: ['DT: /chosen/xen is not a valid bus'],
    errno: -2,
  },
  'an unknown level is warning, also where it stands for the rate-limited ones': {
    build: { debug: false },
    bootargs: 'dtuart=serial0 loglvl=error/nonsense',
    dom0: 'xen,dom0-sci-agent-id = <300>;',
    says: ['Invalid xen,dom0-sci-agent-id=300, SCMI disabled for Dom0'],
  },
  'loglvl=error hides everything else': {
    bootargs: 'dtuart=serial0 loglvl=error',
    says: [],
  },
};

for (const [title, { says, panic, errno, ...given }] of Object.entries(probes)) {
  test(title, t => {
    const { hypervisor, texts } = bootXen(given, given);
    t.deepEqual(texts(), says);
    t.is(hypervisor.panic?.text, panic);
    if (panic === undefined || errno !== undefined) t.is(hypervisor.sci.errno, errno ?? 0);
  });
}

test('a value that is never set is reported as undefined', t => {
  const management =
    'compatible = "arm,scmi-smc"; arm,smc-id = <0x82000003>; shmem = <0xdead>; #access-controller-cells = <1>;';
  t.regex(
    bootXen({ management }).hypervisor.undefinedBehaviour.join(),
    /address and a size that nothing has set/,
  );
  t.deepEqual(bootXen().hypervisor.undefinedBehaviour, []);
});

test('with two cells one channel can be listed twice, and the first is the one that is found', t => {
  const { hypervisor } = bootXen({
    list: '0x82000002 &page0 0x82000004 &page2 0x82000004 &page2',
    cells: '#scmi-secondary-agents-cells = <2>;',
  });
  const guest = { name: 'guest', sciType: 'scmi_smc_multiagent', sciAgentId: 2 } as const;
  t.is(hypervisor.domctl.createDomain(guest).rc, 0);
  t.is(hypervisor.domctl.createDomain(guest).rc, -17);
  const held = hypervisor.sci.mediator?.channels().map(({ agentId, domid }) => [agentId, domid]);
  t.deepEqual(held, [
    [0, 0],
    [2, 1],
    [2, null],
  ]);
});

test('the container may stand at the root', t => {
  const { hypervisor } = bootXen({
    management: 'compatible = "other"; #access-controller-cells = <1>;',
    inContainer: '',
    atRoot: `elsewhere { compatible = "xen,sci"; ranges; #address-cells = <1>; #size-cells = <1>;
      scmi-secondary-agents = <0x82000002 &page0 0>;
      scmi { compatible = "arm,scmi-smc"; arm,smc-id = <0x82000003>; shmem = <&page1>; }; };`,
  });
  t.is(hypervisor.sci.node, '/elsewhere/scmi');
  t.is(hypervisor.sci.mediator?.agentId, 1);
});

test('every line says why, and where that stands in the tree', t => {
  const { lines } = bootXen({ cells: '#scmi-secondary-agents-cells = <4>;' });
  const { reason, level } = lines.at(-1) ?? {};
  t.is(level, 'error');
  t.is(reason?.rule, 'smc-multiagent.collect.cells');
  t.is(reason?.place, '/chosen/xen/xen_scmi_config');
  t.regex(reason?.because ?? '', /is 4, only 2 and 3 are known/);
  t.true(lines.every(line => line.reason.because.length > 10));
});

test("a line's pattern is open for values that vary from boot to boot, and for nothing else", t => {
  const { lines } = bootXen();
  const [mapped, sent] = lines.map(({ pattern }) => new RegExp(pattern ?? '$^'));
  t.regex('scmi: Got shmem 47ff1000 after vmap 00000a0123456000', mapped ?? /$^/);
  t.notRegex('scmi: Got shmem 47ff2000 after vmap 00000a0123456000', mapped ?? /^/);
  t.notRegex('scmi: agent_id = -1 msg_id = 7 type = 0, proto = 10 ', sent ?? /^/);
});

test('a number that no configuration decides is open in the pattern', t => {
  const { lines } = bootXen({ managementPage: '0xe000000 0x1000' });
  const pattern = new RegExp(lines.find(({ text }) => text.startsWith('Data Abort'))?.pattern ?? '$^');
  t.regex('Data Abort Trap. Syndrome=0x250', pattern);
  t.notRegex('Data Abort Trap. Syndrome=250', pattern);
});

/** `compatible` as bytes, without the NUL at its end. */
const withoutNul = (text: string) => `[${[...Buffer.from(text)].map(byte => byte.toString(16)).join(' ')}]`;

test('a compatible without its NUL has no end: Xen reads on to a data abort', t => {
  const { hypervisor, texts } = bootXen({
    atRoot: `timer { compatible = "arm,armv8-timer"; }; odd { compatible = ${withoutNul('a,b')}; };`,
  });
  t.deepEqual(texts(), [
    'Data Abort Trap. Syndrome=0x1030005',
    'CPU0: Unexpected Trap: Data Abort',
    'CPU0: Unexpected Trap: Data Abort',
  ]);
  t.is(hypervisor.panic?.place, '/odd');
  const off = 'dtuart=serial0 iommu=no loglvl=all';
  const disabled = `odd { compatible = ${withoutNul('a,b')}; status = "disabled"; };`;
  const timer = 'timer { compatible = "arm,armv8-timer"; };';
  t.deepEqual(
    bootXen({ bootargs: off, atRoot: timer + disabled })
      .texts()
      .slice(0, 1),
    probed.slice(0, 1),
  );
  t.true(bootXen({ atRoot: disabled + timer }).hypervisor.isSilent, 'the timer is sought before the console');
});

/** The pages of the container are in addresses without a size. */
function withoutSizes(options: BootOptions = {}) {
  const tree = hostTree({});
  tree.node('/chosen/xen/xen_scmi_config')?.properties.set('#size-cells', Uint8Array.of(0, 0, 0, 0));
  return bootTree(tree, options);
}

test('a number of cells that Xen does not read ends a debug build', t => {
  const { hypervisor, texts } = withoutSizes();
  t.deepEqual(texts().slice(0, 1), ['dt_read_number(,0) bad size']);
  t.regex(hypervisor.panic?.text ?? '', /^Assertion 'unreachable' failed at include\/xen\/bootfdt\.h:\d+$/);
  const release = withoutSizes({ build: { debug: false } });
  t.is(release.hypervisor.panic, null);
  t.is(release.hypervisor.sci.errno, -2);
});

for (const prefix of ['', '/home/somebody/xen/xen/', '...']) {
  test(`source files are known by their end, however a build writes them (${prefix})`, t => {
    const line = withoutSizes().lines.find(({ text }) => text.startsWith('Assertion'));
    const said = `Assertion 'unreachable' failed at ${prefix}include/xen/bootfdt.h:77`;
    t.regex(said, new RegExp(line?.pattern ?? ''));
    t.notRegex(said.replace('bootfdt', 'bootinfo'), new RegExp(line?.pattern ?? ''));
    t.deepEqual(
      line?.free?.map(({ from, to }) => line.text.slice(from, to)),
      ['39'],
    );
  });
}

test('a line that a rate limit may suppress need not be seen', t => {
  const { lines } = bootXen({ bootargs: 'dtuart=serial0 loglvl=warning/all', list: '' });
  t.true(lines.length > 1);
  for (const { level, optional } of lines) {
    t.is(optional !== undefined, level !== 'error' && level !== 'warning' && level !== undefined);
  }
});
