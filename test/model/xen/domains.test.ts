import test from 'ava';
import { GuestAbort } from '../../../src/model/xen/guest.ts';
import type { DomainConfig } from '../../../src/model/xen/domctl.ts';
import { parseSource } from '../../../src/model/dt/source.ts';
import { namesBootModules } from '../../../src/model/xen/modules.ts';
import { type Booted, type BootOptions, bootTree, bootXen, dom0Acquires, type HostParts } from './boot.ts';

const guest = (agentId: number, name = 'guest'): DomainConfig => ({
  name,
  sciType: 'scmi_smc_multiagent',
  sciAgentId: agentId,
});

/** Lines of Xen after Dom0 has its channel. */
function afterDom0({ texts }: Booted): string[] {
  const all = texts();
  return all.slice(all.indexOf(dom0Acquires) + 1);
}

/** Lines of Xen during an action. */
function during({ texts }: Booted, act: () => void): string[] {
  const before = texts().length;
  act();
  return texts().slice(before);
}

const send = (message: string): string => `scmi: agent_id = 1 msg_id = ${message} type = 0, proto = 10`;
const response = (message: string, rc: number): string =>
  `scmi: get smc response agent_id = 1 msg_id = ${message} proto = 10 res=${rc}`;

/** Paths of all nodes of Dom0's tree. */
function paths(parts: HostParts): string[] {
  const tree = bootXen(parts).hypervisor.domains.get(0)?.tree;
  return [...(tree?.root.walk() ?? [])].map(node => node.path);
}

test("Dom0's tree keeps the SCMI nodes with an agent, loses them without, and never has the container", t => {
  const kept = paths({});
  t.true(kept.includes('/firmware/scmi'));
  t.true(kept.includes('/sram@47ff0000'));
  t.false(kept.some(path => path.includes('xen_scmi_config')));
  t.false(kept.includes('/uart@9000000'));

  const dropped = paths({ dom0: '' });
  t.false(dropped.includes('/firmware/scmi'));
  t.false(dropped.includes('/sram@47ff0000'));

  const without = paths({ cells: '#scmi-secondary-agents-cells = <4>;' });
  t.true(without.includes('/firmware/scmi'));
  t.true(without.includes('/sram@47ff0000'));
});

test('only /firmware/scmi is dropped by its path: a node of another name stays without its page', t => {
  const firmware = 'arm-scmi { compatible = "arm,scmi-smc"; shmem = <&dom0_page>; };';
  const tree = bootXen({
    dom0: '',
    firmware: firmware.replace('arm-scmi', 'scmi: arm-scmi'),
  }).hypervisor.domains.get(0)?.tree;
  t.truthy(tree?.node('/firmware/arm-scmi'));
  t.is(tree?.node('/sram@47ff0000'), undefined);
});

test("Dom0's command line is its module's", t => {
  const chosen = bootXen().hypervisor.domains.get(0)?.tree?.node('/chosen');
  t.is(chosen?.string('bootargs'), 'quiet');
  t.false(chosen?.has('xen,xen-bootargs'));
});

interface Assignment extends HostParts, BootOptions {
  readonly says: readonly string[];
  readonly panic?: string;
}

const allowed = ['sci: assign device /dev to d0', send('9'), response('9', 0)];

const assignments: Readonly<Record<string, Assignment>> = {
  "a device that names Xen's node is permitted": {
    atRoot: 'dev { access-controllers = <&scmi_xen 1>; };',
    says: allowed,
  },
  "a device that names the host's own node is passed over in silence": {
    atRoot: 'dev { access-controllers = <&scmi 1>; };',
    says: ['sci: assign device /dev to d0'],
  },
  'a disabled device is permitted like any other': {
    atRoot: 'dev { status = "disabled"; access-controllers = <&scmi_xen 1>; };',
    says: allowed,
  },
  "a device for passthrough is not Dom0's": {
    atRoot: 'dev { xen,passthrough; access-controllers = <&scmi_xen 7>; };',
    says: [],
  },
  'each of several controllers is told': {
    atRoot: 'dev { access-controllers = <&scmi_xen 1>, <&scmi_xen 2>; };',
    says: [...allowed, ...allowed],
  },
  'without an agent Dom0 is assigned devices and nothing is sent': {
    dom0: '',
    atRoot: 'dev { access-controllers = <&scmi_xen 1>; };',
    says: ['sci: assign device /dev to d0'],
  },
  'a missing argument is complained of and forgotten': {
    atRoot: 'dev { access-controllers = <&scmi_xen>; };',
    says: ['/dev: arguments longer than property'],
  },
  'a controller that is no node is complained of and forgotten': {
    atRoot: 'dev { access-controllers = <0xdead 1>; };',
    says: ['/dev: could not find phandle'],
  },
  'of two argument cells the first is the device': {
    management:
      'compatible = "arm,scmi-smc"; arm,smc-id = <0x82000003>; shmem = <&page1>; #access-controller-cells = <2>;',
    atRoot: 'dev { access-controllers = <&scmi_xen 1 7>; };',
    says: allowed,
  },
  'a channel that stays busy fails the assignment, and with it the boot': {
    faults: ['stuck-busy-on-permission-messages'],
    atRoot: 'dev { access-controllers = <&scmi_xen 1>; };',
    says: [
      'sci: assign device /dev to d0',
      send('9'),
      response('9', -16),
      'scmi: could not assign dev for d0 agent:0 dev_id:1 (-16)Device tree generation failed (-16).',
      'Could not set up d0 guest OS (rc = -22)',
    ],
    panic: 'Could not set up d0 guest OS (rc = -22)',
  },
};

for (const [title, { says, panic, ...given }] of Object.entries(assignments)) {
  test(title, t => {
    const booted = bootXen(given, given);
    const said = given.dom0 === '' ? booted.texts().slice(10) : afterDom0(booted);
    t.deepEqual(said, says);
    t.is(booted.hypervisor.panic?.text, panic);
  });
}

const kernel =
  'module@5a000000 { compatible = "multiboot,kernel", "multiboot,module"; reg = <0x5a000000 0x1000>; };';
const domU = (properties: string): string =>
  domain(`cpus = <1>; memory = <0 0x20000>; ${properties} ${kernel}`);
const domain = (inside: string): string =>
  `domU1 { compatible = "xen,domain"; #address-cells = <1>; #size-cells = <1>; ${inside} };`;
const passthrough = (inside: string): string =>
  `/dts-v1/; / { passthrough { #address-cells = <2>; #size-cells = <2>; ${inside} }; };`;
const page = `sram@22001000 { compatible = "arm,scmi-shmem"; reg = <0 0x22001000 0 0x1000>;
  xen,reg = <0 0x47ff2000 0 0x1000 0 0x22001000>; xen,force-assign-without-iommu; };`;

test('a dom0less domain gets its channel, its page and its devices', t => {
  const booted = bootXen(
    {
      inChosen: domU('xen,sci_type = "scmi_smc_multiagent"; xen,sci-agent-id = <2>;'),
      atRoot:
        'gpio@9030000 { reg = <0x9030000 0x1000>; xen,passthrough; access-controllers = <&scmi_xen 3>; };',
    },
    {
      partialTrees: {
        domU1: passthrough(
          `${page} dev { xen,reg = <0 0x9030000 0 0x1000 0 0x22010000>; xen,path = "/gpio@9030000"; xen,force-assign-without-iommu; };`,
        ),
      },
    },
  );
  t.deepEqual(afterDom0(booted), [
    'scmi: Acquire channel id = 0x2, domain_id = 1 paddr = 0x47ff2000',
    'sci: assign device /gpio@9030000 to d1',
    send('9'),
    response('9', 0),
  ]);
  t.is(booted.firmware.ownerOf(3), 2);
  const machine = booted.hypervisor.guest(1);
  t.is(machine.readU32(0x22001004), 1);
  t.is(machine.smc(0x82000004), 0);
  t.false(machine.tree.node('/passthrough/sram@22001000')?.has('xen,reg'));
  t.is(String(booted.hypervisor.domains.get(1)?.iomem), '{ 9030-9031, 47ff2-47ff3 }');
});

test('a release build reads the first of three cells of xen,reg, and a debug build ends there', t => {
  const partial = `/dts-v1/; / { passthrough { #address-cells = <3>; #size-cells = <1>; dev {
    xen,reg = <0x9030000 9 9 0x1000 0x22010000 9 9>; xen,force-assign-without-iommu; }; }; };`;
  const host = { inChosen: domU('') };
  const build = { mediator: 'multi-agent', debug: false } as const;
  const { hypervisor } = bootXen(host, { build, partialTrees: { domU1: partial } });
  t.is(hypervisor.panic, null);
  t.is(hypervisor.domains.get(1)?.translate(0x22010004), 0x9030004);
  const debug = bootXen(host, { partialTrees: { domU1: partial } });
  t.regex(
    debug.hypervisor.panic?.text ?? '',
    /^Assertion 'unreachable' failed at include\/xen\/bootfdt\.h:\d+$/,
  );
});

test('a build without any driver does not read what a domain asks for', t => {
  const inChosen = domU('xen,sci_type = "foo";');
  t.is(bootXen({ inChosen }, { build: { mediator: 'none' } }).hypervisor.panic, null);
});

const rangeAssertion = "Assertion 's <= e' failed at common/rangeset.c:121";

test('a device of no bytes fails an assertion of a debug build, and is nothing to a release build', t => {
  const atRoot = 'empty@9050000 { reg = <0x9050000 0>; };';
  t.is(bootXen({ atRoot }).hypervisor.panic?.text, rangeAssertion);
  t.is(bootXen({ atRoot }, { build: { debug: false } }).hypervisor.panic, null);
});

const refusals: Readonly<Record<string, { node: string; partial?: string; says: string[]; panic: string }>> =
  {
    'an agent id of 255 is refused without a word': {
      node: 'xen,sci_type = "scmi_smc_multiagent"; xen,sci-agent-id = <255>;',
      says: ['Error getting SCI configuration'],
      panic: 'Error getting SCI configuration',
    },
    'an unknown type is named': {
      node: 'xen,sci_type = "foo";',
      says: ['xen,sci_type in not valid (foo) for domain domU1', 'Error getting SCI configuration'],
      panic: 'Error getting SCI configuration',
    },
    'the other driver’s type is refused when the domain is created': {
      node: 'xen,sci_type = "scmi_smc";',
      says: [
        'arch/arm/firmware/scmi-smc-multiagent.c:570: scmi: Unsupported ARM_SCI type',
        'Error creating domain domU1 (rc = -22)',
      ],
      panic: 'Error creating domain domU1 (rc = -22)',
    },
    'the agent of Dom0 is taken': {
      node: 'xen,sci_type = "scmi_smc_multiagent"; xen,sci-agent-id = <0>;',
      says: [
        'scmi: Failed to acquire SCMI channel for agent_id 0: -17',
        'Error creating domain domU1 (rc = -17)',
      ],
      panic: 'Error creating domain domU1 (rc = -17)',
    },
    'a device that firmware denies fails the domain, three messages on one line': {
      node: 'xen,sci_type = "scmi_smc_multiagent"; xen,sci-agent-id = <2>;',
      partial: passthrough(
        'dev { xen,reg = <0 0x9030000 0 0x1000 0 0x22010000>; xen,path = "/gpio"; xen,force-assign-without-iommu; };',
      ),
      says: [
        'scmi: Acquire channel id = 0x2, domain_id = 1 paddr = 0x47ff2000',
        'sci: assign device /gpio to d1',
        send('9'),
        'scmi: Error received: -13',
        response('9', -13),
        'scmi: could not assign dev for d1 agent:2 dev_id:7 (-13)<0>Failed to assign device to d1',
        'Device tree generation failed (-13).',
        'Could not set up domain domU1 (rc = -22)',
      ],
      panic: 'Could not set up domain domU1 (rc = -22)',
    },
    'a type that is empty is refused without a word': {
      node: 'xen,sci_type;',
      says: ['Error getting SCI configuration'],
      panic: 'Error getting SCI configuration',
    },
    'a type without its end is refused without a word': {
      node: 'xen,sci_type = [6e 6f 6e 65];',
      says: ['Error getting SCI configuration'],
      panic: 'Error getting SCI configuration',
    },
    'a path is the full one, from the root': {
      node: '',
      partial: passthrough(
        'dev { xen,reg = <0 0x9030000 0 0x1000 0 0x22010000>; xen,path = "gpio"; xen,force-assign-without-iommu; };',
      ),
      says: [
        "Couldn't find node gpio in host_dt!",
        'Failed to assign device to d1',
        'Device tree generation failed (-22).',
        'Could not set up domain domU1 (rc = -22)',
      ],
      panic: 'Could not set up domain domU1 (rc = -22)',
    },
    'iommus of a device are no protection where no IOMMU is enabled': {
      node: '',
      partial: passthrough('dev { xen,reg = <0 0x9040000 0 0x1000 0 0x22010000>; xen,path = "/master"; };'),
      says: [
        'Failed to assign device to d1',
        'Device tree generation failed (-22).',
        'Could not set up domain domU1 (rc = -22)',
      ],
      panic: 'Could not set up domain domU1 (rc = -22)',
    },
    'a mapping of no bytes fails an assertion of a debug build': {
      node: '',
      partial: passthrough(
        'dev { xen,reg = <0 0x9030000 0 0 0 0x22010000>; xen,force-assign-without-iommu; };',
      ),
      says: [rangeAssertion, rangeAssertion],
      panic: rangeAssertion,
    },
  };

for (const [title, { node, partial, says, panic }] of Object.entries(refusals)) {
  test(`dom0less: ${title}`, t => {
    const atRoot =
      'gpio { xen,passthrough; access-controllers = <&scmi_xen 7>; }; master { xen,passthrough; iommus = <0x77>; };';
    const partialTrees = partial === undefined ? {} : { domU1: partial };
    const booted = bootXen({ inChosen: domU(node), atRoot }, { partialTrees });
    t.deepEqual(afterDom0(booted), says);
    t.is(booted.hypervisor.panic?.text, panic);
  });
}

const cpus = 'cpus = <1>;';
const memory = 'memory = <0 0x20000>;';
const unknownType = 'xen,sci_type = "foo";';
const driversType = 'xen,sci_type = "scmi_smc";';
const agent2 = 'xen,sci_type = "scmi_smc_multiagent"; xen,sci-agent-id = <2>;';
const acquires2 = 'scmi: Acquire channel id = 0x2, domain_id = 1 paddr = 0x47ff2000';
const gicV2 = 'gic { compatible = "arm,gic-400"; interrupt-controller; };';
const module = (compatible: string, reg: string): string =>
  `module@5a000000 { compatible = ${compatible}; ${reg} };`;
const noKernel = ['Missing kernel boot module?', 'Could not set up domain domU1 (rc = -2)'];

/** A property that a domain's node lacks, with later complaints if it were complete; the last line is the panic. */
const unbuilt: Readonly<Record<string, { inside: string; atRoot?: string; says: readonly string[] }>> = {
  'cpus is asked for before the SCI properties are read': {
    inside: unknownType,
    says: ["Missing property 'cpus' for domain domU1"],
  },
  'cpus of less than a cell are none': {
    inside: `cpus = [00 01]; ${memory} ${kernel}`,
    says: ["Missing property 'cpus' for domain domU1"],
  },
  'no vCPU at all is refused after the SCI properties are read': {
    inside: `cpus = <0>; ${unknownType}`,
    says: ['xen,sci_type in not valid (foo) for domain domU1', 'Error getting SCI configuration'],
  },
  'no vCPU at all is refused before the mediator is asked': {
    inside: `cpus = <0>; ${driversType}`,
    says: ['common/domain.c:814: No vCPUS', 'Error creating domain domU1 (rc = -22)'],
  },
  'more vCPUs than arm64 has are refused before the mediator is asked': {
    inside: `cpus = <129>; ${driversType}`,
    says: [
      'arch/arm/domain.c:611: Requested vCPUs (129) exceeds max (128)',
      'Error creating domain domU1 (rc = -22)',
    ],
  },
  'a GICv2 serves eight vCPUs': {
    inside: `cpus = <9>; ${agent2}`,
    atRoot: gicV2,
    says: [
      'arch/arm/domain.c:611: Requested vCPUs (9) exceeds max (8)',
      'Error creating domain domU1 (rc = -22)',
    ],
  },
  'memory is asked for once the domain has its channel, before its kernel': {
    inside: `${cpus} ${agent2}`,
    says: [
      acquires2,
      'Error building DomU: cannot read "memory" property',
      'Could not set up domain domU1 (rc = -22)',
    ],
  },
  'memory of one cell is none': {
    inside: `${cpus} memory = <0x20000>; ${kernel}`,
    says: ['Error building DomU: cannot read "memory" property', 'Could not set up domain domU1 (rc = -22)'],
  },
  'a kernel is asked for once the domain has its channel': {
    inside: `${cpus} ${memory} ${agent2}`,
    says: [acquires2, ...noKernel],
  },
  'a kernel of no bytes is none': {
    inside: `${cpus} ${memory} ${module('"multiboot,kernel", "multiboot,module"', 'reg = <0x5a000000 0>;')}`,
    says: noKernel,
  },
  'a kernel that is no boot module is none': {
    inside: `${cpus} ${memory} ${module('"multiboot,kernel"', 'reg = <0x5a000000 0x1000>;')}`,
    says: noKernel,
  },
  "the compatible of old, which Dom0's may have, is not a domain's kernel": {
    inside: `${cpus} ${memory} ${module('"xen,linux-zimage", "xen,multiboot-module"', 'reg = <0x5a000000 0x1000>;')}`,
    says: noKernel,
  },
};

for (const [title, { inside, atRoot = '', says }] of Object.entries(unbuilt)) {
  test(`dom0less: ${title}`, t => {
    const booted = bootXen({ inChosen: domain(inside), atRoot });
    t.deepEqual(afterDom0(booted), says);
    t.is(booted.hypervisor.panic?.text, says.at(-1));
  });
}

test('a release build names neither no vCPU nor too many', t => {
  for (const number of [0, 129]) {
    const inChosen = domain(`cpus = <${number}>;`);
    const booted = bootXen({ inChosen }, { build: { debug: false } });
    t.deepEqual(afterDom0(booted), ['Error creating domain domU1 (rc = -22)']);
  }
});

const built: Readonly<Record<string, { inside: string; atRoot?: string }>> = {
  'as many vCPUs as arm64 has': { inside: `cpus = <128>; ${memory} ${kernel}` },
  'eight vCPUs on a GICv2': { inside: `cpus = <8>; ${memory} ${kernel}`, atRoot: gicV2 },
  'GICv2 that is disabled beside another': {
    inside: `cpus = <9>; ${memory} ${kernel}`,
    atRoot: `gic2 { compatible = "arm,gic-400"; interrupt-controller; status = "disabled"; };
      gic { compatible = "arm,gic-v3"; interrupt-controller; };`,
  },
  "a kernel that is Dom0's as well": {
    inside: `${cpus} ${memory} ${module('"multiboot,kernel"', 'reg = <0x50000000 0>;')}`,
  },
};

for (const [title, { inside, atRoot = '' }] of Object.entries(built)) {
  test(`dom0less: a domain is built with ${title}`, t => {
    t.is(bootXen({ inChosen: domain(inside), atRoot }).hypervisor.panic, null);
  });
}

test('a domain of a tree that is completed when it is deployed lacks only what it has in a wrong form', t => {
  const completed: BootOptions = { dom0KernelIsAdded: true };
  t.is(bootXen({ inChosen: domain('') }, completed).hypervisor.panic, null);
  const short = bootXen({ inChosen: domain('memory = <0x20000>;') }, completed);
  t.is(short.hypervisor.panic?.text, 'Could not set up domain domU1 (rc = -22)');
  const none = bootXen({ inChosen: domain('cpus = <0>;') }, completed);
  t.is(none.hypervisor.panic?.text, 'Error creating domain domU1 (rc = -22)');
});

test('the address of a kernel that is no boot module and has no reg is undefined', t => {
  const inChosen = domain(`${cpus} ${memory} ${module('"multiboot,kernel"', '')}`);
  t.deepEqual(bootXen({ inChosen }).hypervisor.undefinedBehaviour, [
    'the reg of /chosen/domU1/module@5a000000 is read beyond its end',
  ]);
});

const bootModule = '"multiboot,kernel", "multiboot,module"';
const malformed: Readonly<Record<string, { reg: string; panic: string }>> = {
  'has no reg': { reg: '', panic: "node module@5a000000 missing `reg' property" },
  'has a reg without size': {
    reg: 'reg = <0x5a000000>;',
    panic: "fdt: node `module@5a000000': `reg` property length is too short",
  },
};

for (const [title, { reg, panic }] of Object.entries(malformed)) {
  test(`a boot module that ${title} ends Xen before it has a console`, t => {
    const inChosen = domain(`${cpus} ${memory} ${module(bootModule, reg)}`);
    const booted = bootXen({ inChosen });
    t.is(booted.hypervisor.panic?.text, panic);
    t.true(booted.hypervisor.isSilent);
    t.deepEqual(booted.texts(), []);
    t.is(bootXen({ inChosen }, { dom0KernelIsAdded: true }).hypervisor.panic, null);
  });
}

/** A host tree whose root and /chosen have these properties, and a kernel of Dom0 with this reg. */
const withKernel = (atRoot: string, ofChosen: string, reg: string) =>
  bootTree(
    parseSource(`/dts-v1/; / { ${atRoot} chosen { ${ofChosen}
      module@50000000 { compatible = ${bootModule}; reg = <${reg}>; }; }; };`),
  ).hypervisor.panic?.text;
const rootCells = (address: number, size: number) =>
  `#address-cells = <${address}>; #size-cells = <${size}>;`;

test('where /chosen has no counts of cells, its modules are read with those of the root, or 2 and 1', t => {
  const short = "fdt: node `module@50000000': `reg` property length is too short";
  const empty = 'Could not set up d0 guest OS (rc = -2)';
  t.is(withKernel(rootCells(2, 2), '', '0 0x50000000 0 0x1000'), undefined);
  t.is(withKernel(rootCells(1, 1), '', '0x50000000 0x1000'), undefined);
  t.is(withKernel('', '', '0 0x50000000 0x1000'), undefined);
  t.is(withKernel(rootCells(1, 1), '#size-cells = <2>;', '0x50000000 0 0x1000'), undefined);
  t.is(withKernel(rootCells(2, 2), '', '0 0x50000000 0x1000'), short);
  t.is(withKernel('', '', '0x50000000 0x1000'), short);
  // The size is the upper cell of what was meant.
  t.is(withKernel('', '', '0 0x50000000 0 0x1000'), empty);
  t.is(withKernel(rootCells(1, 1), '', '0x50000000 0 0 0x1000'), empty);
});

const places = (reg: string) =>
  namesBootModules(parseSource(`/dts-v1/; / { chosen { k { compatible = ${bootModule}; ${reg} }; }; };`));

test('a module whose size is yet to be set by the boot loader is not placed', t => {
  t.true(places('reg = <0 0x50000000 0x1000>;'));
  t.true(places('reg = <0 0x50000000 0 0x1000>;'));
  t.true(places('reg = <0x50000000>;'));
  t.false(places('reg = <0 0x50000000 0 0>;'));
  t.false(places(''));
});

test('a destroyed guest leaves its channel free and no permission behind', t => {
  const booted = bootXen({ atRoot: 'dev { xen,passthrough; access-controllers = <&scmi_xen 3>; };' });
  const { domctl } = booted.hypervisor;
  t.deepEqual(domctl.createDomain(guest(2)), { rc: 0, domid: 1 });
  t.is(domctl.assignDevice(1, '/dev'), -95);
  t.is(booted.firmware.ownerOf(3), 2);
  t.deepEqual(
    during(booted, () => t.is(domctl.destroyDomain(1), 0)),
    [send('b'), response('b', 0), 'scmi: Free domain 1'],
  );
  t.is(booted.firmware.ownerOf(3), undefined);
  t.deepEqual(domctl.createDomain(guest(2)), { rc: 0, domid: 2 });
  t.is(domctl.destroyDomain(9), -3);
});

const resets: Readonly<Record<string, { fault: string; rc: number; again: number }>> = {
  'a firmware without RESET_AGENT_CONFIGURATION is excused': {
    fault: 'no-reset-agent-configuration',
    rc: 0,
    again: 0,
  },
  'a refused RESET_AGENT_CONFIGURATION leaves the domain dying and its channel taken': {
    fault: 'reset-agent-configuration-denied',
    rc: -13,
    again: -17,
  },
  'a busy channel does the same': { fault: 'stuck-busy-on-permission-messages', rc: -16, again: -17 },
};

for (const [title, { fault, rc, again }] of Object.entries(resets)) {
  test(title, t => {
    const { hypervisor } = bootXen({}, { faults: [fault] });
    hypervisor.domctl.createDomain(guest(2));
    t.is(hypervisor.domctl.destroyDomain(1), rc);
    t.is(hypervisor.domains.get(1)?.state, rc === 0 ? undefined : 'dying');
    t.is(hypervisor.domctl.createDomain(guest(2)).rc, again);
  });
}

test("Dom0 may pass a guest's page on once an agent was given out, even after that guest is gone", t => {
  const { domctl } = bootXen().hypervisor;
  domctl.createDomain({ name: 'plain', sciType: 'none', sciAgentId: 0 });
  t.is(domctl.iomemPermission(1, 0x47ff2, 1, true), -1);
  t.is(domctl.iomemPermission(1, 0x47ff0, 1, true), 0);
  t.is(domctl.createDomain(guest(2)).rc, 0);
  t.is(domctl.destroyDomain(2), 0);
  t.is(domctl.iomemPermission(1, 0x47ff2, 1, true), 0);
  t.is(domctl.memoryMapping(1, 0x22001, 0x47ff2, 1), 0);
  t.is(domctl.memoryMapping(1, 0x22001, 0x47ff3, 1), -1);
});

test('SCI is the gate before the IOMMU', t => {
  const tree = {
    atRoot:
      'dev { access-controllers = <&scmi_xen 7>; xen,passthrough; }; smmu { compatible = "arm,smmu-v3"; };',
  };
  const booted = bootXen(tree);
  const { domctl } = booted.hypervisor;
  domctl.createDomain(guest(2));
  t.true(domctl.iommuEnabled);
  t.is(domctl.assignDevice(1, '/dev'), -13);
  t.is(domctl.assignDevice(1, '/nosuch'), -3);
  t.is(domctl.assignDevice(7, '/dev'), -3);
  t.is(
    bootXen({ ...tree, cells: '#scmi-secondary-agents-cells = <4>;' }).hypervisor.domctl.assignDevice(
      0,
      '/dev',
    ),
    0,
  );
});

test('after the message without a newline the next one shows its level, at any threshold', t => {
  const booted = bootXen(
    {
      bootargs: 'dtuart=serial0 loglvl=error',
      atRoot: 'dev { xen,passthrough; access-controllers = <&scmi_xen 7>; };',
    },
    { build: { debug: false } },
  );
  const { domctl } = booted.hypervisor;
  domctl.createDomain(guest(2));
  const said = during(booted, () => {
    domctl.assignDevice(1, '/dev');
    domctl.assignDevice(1, '/dev');
  });
  t.deepEqual(said, [
    'scmi: could not assign dev for d1 agent:2 dev_id:7 (-13)',
    '<3>sci: assign device /dev to d1',
    'scmi: could not assign dev for d1 agent:2 dev_id:7 (-13)',
  ]);
  const [failed, next] = booted.lines.slice(-3);
  t.is(failed?.newline, false);
  t.regex(
    'scmi: could not assign dev for d1 agent:2 dev_id:7 (-13)dom0# ',
    new RegExp(failed?.pattern ?? '$^'),
  );
  t.regex('sci: assign device /dev to d1', new RegExp(next?.pattern ?? '$^'));
});

test('a domain rings its own channel and no other', t => {
  const booted = bootXen();
  booted.hypervisor.domctl.createDomain(guest(2));
  const tree = booted.hypervisor.domains.get(0)?.tree ?? undefined;
  const machine = booted.hypervisor.guest(1, tree);
  const before = booted.messages.length;
  const said = during(booted, () => {
    t.is(machine.smc(0x82000004), 0);
    t.is(machine.smc(0x82000002), -1);
    t.is(machine.smc(0xc2000004), -1);
    t.is(machine.smc(0x84000050), -1);
  });
  t.deepEqual(said, [
    'd1v0 Unhandled SMC/HVC: 0x82000002',
    'd1v0 Unhandled SMC/HVC: 0xc2000004',
    'd1v0 Unhandled SMC/HVC: 0x84000050',
  ]);
  t.is(booted.messages.length, before + 1);
  t.is(booted.messages.at(-1)?.agent, 2);
});

test('an access that nothing is mapped for is a data abort, which a debug build tells', t => {
  const booted = bootXen();
  const machine = booted.hypervisor.guest(0);
  t.is(machine.readU32(0x47ff0004), 1);
  const said = during(booted, () =>
    t.throws(() => machine.writeU32(0x22001004, 0), { instanceOf: GuestAbort }),
  );
  t.regex(said.join(), /^arch\/arm\/traps\.c:1960:d0v0 HSR=.* gpa=0x00000022001004$/);
  const release = bootXen({}, { build: { debug: false } });
  t.deepEqual(
    during(release, () => t.throws(() => release.hypervisor.guest(0).readU32(0x22001004))),
    [],
  );
});

const single: BootOptions = { build: { mediator: 'single-agent' } };

test('the single-agent driver takes the first node, and rings the one that came after it', t => {
  const booted = bootXen({ dom0: '' }, single);
  t.deepEqual(booted.texts(), [
    'Using SCMI with SMC ID: 0x82000002',
    'SCMI: mediator already registered (ret = -17)',
    'SCMI: d0 init',
  ]);
  t.is(booted.hypervisor.guest(0).smc(0x82000002), -1);
  t.is(booted.hypervisor.guest(0).smc(0x82000003), 0);
});

test('with scmi-smc-passthrough one guest has the channel, and Dom0 has neither it nor the nodes', t => {
  const booted = bootXen(
    {
      dom0: '',
      bootargs: 'dtuart=serial0 scmi-smc-passthrough',
      management: 'compatible = "none"; #access-controller-cells = <1>;',
    },
    single,
  );
  const { domctl, domains } = booted.hypervisor;
  t.is(domains.get(0)?.tree?.node('/firmware/scmi'), undefined);
  const config = { name: 'driver', sciType: 'scmi_smc', sciAgentId: 0 } as const;
  t.deepEqual(
    during(booted, () => t.is(domctl.createDomain(config).rc, 0)),
    ['SCMI: d1 init'],
  );
  t.is(domctl.createDomain(config).rc, -17);
  t.is(domctl.createDomain(guest(2)).rc, -22);
  t.is(domctl.iomemPermission(1, 0x47ff0, 1, true), 0);
  const said = during(booted, () => t.is(booted.hypervisor.guest(0).smc(0x82000002), -1));
  t.deepEqual(said, [
    'arch/arm/firmware/scmi-smc.c:61:d0v0 SCMI: Unprivileged access attempt',
    'd0v0 Unhandled SMC/HVC: 0x82000002',
  ]);
  t.deepEqual(
    during(booted, () => t.is(domctl.destroyDomain(1), 0)),
    ['SCMI: d1 destroy'],
  );
});

test('without scmi-smc-passthrough a guest that asks for the channel is refused', t => {
  const { domctl } = bootXen({ dom0: '' }, single).hypervisor;
  t.is(domctl.createDomain({ name: 'driver', sciType: 'scmi_smc', sciAgentId: 0 }).rc, -22);
});

test('Xen 4.20 forwards for the first node and knows nothing of the container', t => {
  const booted = bootXen(
    {},
    { build: { mediator: 'single-agent', debug: false, version: '4.20 (Debian 13)' } },
  );
  t.deepEqual(booted.texts(), ['Using SCMI with SMC ID: 0x82000002']);
  t.is(booted.hypervisor.guest(0).smc(0x82000002), 0);
  t.truthy(booted.hypervisor.domains.get(0)?.tree?.node('/chosen/xen/xen_scmi_config'));
});

test('a build without any driver boots as if there were no SCMI', t => {
  const booted = bootXen({}, { build: { mediator: 'none' } });
  t.deepEqual(booted.texts(), []);
  t.truthy(booted.hypervisor.domains.get(0)?.tree?.node('/firmware/scmi'));
  t.is(booted.hypervisor.guest(0).smc(0x82000002), -1);
});

const bootargsOf = (inNode: string, inModule: string, dom0KernelIsAdded: boolean) => {
  const inChosen = domU(`bootargs = "${inNode}";`).replace(
    /(multiboot,kernel"[^;]*;)/,
    inModule === '' ? '$1' : `$1 bootargs = "${inModule}";`,
  );
  const { hypervisor } = bootXen({ inChosen }, { dom0KernelIsAdded });
  return hypervisor.domains.get(1)?.tree?.node('/chosen')?.string('bootargs');
};

test("a dom0less kernel's command line is its module's alone, unless the module is yet to be made", t => {
  t.is(bootargsOf('of the node', '', false), undefined);
  t.is(bootargsOf('of the node', 'of the module', false), 'of the module');
  t.is(bootargsOf('of the node', '', true), 'of the node');
  t.is(bootargsOf('of the node', 'of the module', true), 'of the module');
});
