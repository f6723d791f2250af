import test from 'ava';
import { type BootOptions, bootXen, type HostParts } from './boot.ts';

const kernel =
  'module@5a000000 { compatible = "multiboot,kernel", "multiboot,module"; reg = <0x5a000000 0x1000>; };';
const domain = (inside: string): string =>
  `domU1 { compatible = "xen,domain"; #address-cells = <1>; #size-cells = <1>; ${inside} };`;
const complete = (inside: string): string => domain(`cpus = <1>; memory = <0 0x20000>; ${inside} ${kernel}`);

interface Case extends Pick<BootOptions, 'build'>, HostParts {
  /** In the domain's node. */
  readonly inside?: string;
  /** Lines of Xen behind those of Dom0; the last is that of the panic. */
  readonly says: readonly string[];
  /** Text of the panic where it is not the last line. */
  readonly panic?: string | undefined;
}

/** Boots with Dom0 and, unless `inChosen` says otherwise, one domain that is complete. */
function check(title: string, { inside = '', says, panic = says.at(-1), build, ...parts }: Case): void {
  test(title, t => {
    const { hypervisor, texts } = bootXen({ inChosen: complete(inside), ...parts }, { build: build ?? {} });
    const after = texts().findLastIndex(each => /domain_id = 0|^scmi: Agent 3/.test(each));
    t.deepEqual(
      texts()
        .slice(after + 1)
        .filter(each => !each.startsWith('sci: assign')),
      says,
    );
    t.is(hypervisor.panic?.text, says.length === 0 ? undefined : panic);
  });
}

const unaligned =
  "Assertion 'IS_ALIGNED(*pbase, PAGE_SIZE) && IS_ALIGNED(*psize, PAGE_SIZE)' failed at common/device-tree/static-memory.c:48";
const static1 = 'xen,static-mem = <0x60000000 0x8000000>;';

const properties: Readonly<Record<string, Case>> = {
  'capabilities of more than three bits end the boot': {
    inside: 'capabilities = <0x18>;',
    says: ['Invalid capabilities (18)'],
  },
  'the control capability is given to any number of domains': { inside: 'capabilities = <1>;', says: [] },
  'a second hardware domain ends the boot': {
    inside: 'capabilities = <2>;',
    says: ['Only 1 hardware domain can be specified! (d0)'],
  },
  'a second Xenstore domain ends the boot once it is built, and the row of stars is on the same line': {
    inside: 'capabilities = <4>;',
    says: [`Only 1 xenstore domain can be specified! (0)${'*'.repeat(40)}`],
    panic: 'Only 1 xenstore domain can be specified! (0)',
  },
  'direct-map without static memory ends the boot, before cpus is asked for': {
    inChosen: domain('direct-map;'),
    says: ['direct-map is not valid for domain domU1 without static allocation.'],
  },
  'direct-map with static memory is built': { inside: `direct-map; ${static1}`, says: [] },
  'static memory of another size than memory ends the boot': {
    inside: 'xen,static-mem = <0x60000000 0x4000000>;',
    says: [
      'Size of "memory" property doesn\'t match up with the sum-up of "xen,static-mem". Unsupported configuration.',
      'Failed to allocate requested static memory for domain d1.',
    ],
  },
  'static memory of another size than memory ends the boot of a direct-mapped domain with other words': {
    inside: 'direct-map; xen,static-mem = <0x60000000 0x4000000>;',
    says: [
      'Size of "memory" property doesn\'t match up with the sum-up of "xen,static-mem".',
      'Failed to assign requested static memory for direct-map domain d1.',
    ],
  },
  'static memory that is not made of pages fails an assertion of a debug build': {
    inside: 'xen,static-mem = <0x60000800 0x8000000>;',
    says: [unaligned, unaligned],
  },
  'a release build takes static memory that is not made of pages': {
    inside: 'xen,static-mem = <0x60000800 0x8000000>;',
    build: { debug: false },
    says: [],
  },
  'more grant frames than an int has end the boot': {
    inside: 'max_grant_frames = <0x80000000>;',
    says: ['max_grant_frames (2147483648) overflow'],
  },
  'more maptrack frames than an int has end the boot': {
    inside: 'max_maptrack_frames = <0xffffffff>;',
    says: ['max_maptrack_frames (4294967295) overflow'],
  },
  'no grant frame is refused when the domain is created': {
    inside: 'max_grant_frames = <0>;',
    says: [
      'common/grant_table.c:1997:Bad grant table size: 0 frames',
      'Error creating domain domU1 (rc = -22)',
    ],
  },
  'grant tables of version 2 are refused on Arm': {
    inside: 'max_grant_version = <2>;',
    says: [
      'common/grant_table.c:1982:d1: requested grant version (2) greater than supported (1)',
      'Error creating domain domU1 (rc = -22)',
    ],
  },
  'llc-colors end the boot where coloring is off': {
    inside: 'llc-colors = "0-3";',
    says: ["'llc-colors' found, but LLC coloring is disabled"],
  },
  'llc-colors that are no string are passed over': { inside: 'llc-colors = [61 62];', says: [] },
  'sve ends the boot of a Xen that is built without it': {
    inside: 'sve = <128>;',
    says: ["'sve' property found, but CONFIG_ARM64_SVE not selected"],
  },
  'trap-unmapped-accesses is 0 or 1, and the row of stars is on the same line': {
    inside: 'trap-unmapped-accesses = <2>;',
    says: [`trap-unmapped-accesses: supported values are 0 or 1${'*'.repeat(40)}`],
    panic: 'trap-unmapped-accesses: supported values are 0 or 1',
  },
  'trap-unmapped-accesses = <0> is taken': { inside: 'trap-unmapped-accesses = <0>;', says: [] },
  'more shared interrupts than there are in a GIC are refused': {
    inside: 'nr_spis = <989>;',
    says: ['Error creating domain domU1 (rc = -22)'],
  },
  'as many shared interrupts as there are in a GIC are given': { inside: 'nr_spis = <960>;', says: [] },
  'the SCI properties are read before trap-unmapped-accesses and after capabilities': {
    inside: 'xen,sci_type = "foo"; trap-unmapped-accesses = <2>; sve;',
    says: ['xen,sci_type in not valid (foo) for domain domU1', 'Error getting SCI configuration'],
  },
  'passthrough and xen,enhanced with Dom0 are no trouble': {
    inside: 'passthrough = "enabled"; xen,enhanced = "enabled"; vpl011;',
    says: [],
  },
  'a vCPU needs an id': {
    inside: 'vcpu0 { compatible = "xen,vcpu"; };',
    says: ['Invalid xen,vcpu node for domain domU1'],
  },
  'a vCPU that the domain has not ends the boot': {
    inside: 'vcpu1 { compatible = "xen,vcpu"; id = <1>; };',
    says: ['Invalid vcpu_id 1 for domain domU1, max_vcpus=1'],
  },
  'a CPU that the machine has not ends the boot': {
    inside: 'vcpu0 { compatible = "xen,vcpu"; id = <0>; hard-affinity = "0-1,2"; };',
    atRoot: `cpus { cpu0 { device_type = "cpu"; }; cpu1 { device_type = "cpu"; }; };`,
    says: ['Invalid pCPU 2 for domain domU1'],
  },
};

for (const [title, given] of Object.entries(properties)) check(`dom0less: ${title}`, given);

const amounts: Readonly<Record<string, Case>> = {
  'Dom0 of more than the machine has ends the boot': {
    bootargs: 'dtuart=serial0 dom0_mem=8G',
    inChosen: '',
    says: ['Failed to allocate requested dom0 memory. 6272MB unallocated'],
  },
  'dom0_mem without a unit is KiB, and the kernel does not fit': {
    bootargs: 'dtuart=serial0 dom0_mem=512 loglvl=all',
    inChosen: '',
    says: ['Not enough memory in the first bank for the kernel+dtb+initrd'],
  },
  'dom0_mem of 0 is 512 MiB': { bootargs: 'dtuart=serial0 dom0_mem=max:8G', inChosen: '', says: [] },
  'dom0_mem is a number of 64 bits': {
    bootargs: 'dtuart=serial0 dom0_mem=16777216T',
    inChosen: '',
    says: [],
  },
  'more vCPUs for Dom0 than a GICv2 serves end the boot': {
    bootargs: 'dtuart=serial0 dom0_mem=512M dom0_max_vcpus=9 loglvl=all',
    atRoot: 'gic { compatible = "arm,gic-400"; interrupt-controller; };',
    inChosen: '',
    says: [
      'arch/arm/domain.c:611: Requested vCPUs (9) exceeds max (8)',
      'Error creating domain 0 (rc = -22)',
    ],
  },
  'a domain of more than the machine has ends the boot': {
    inChosen: domain(`cpus = <1>; memory = <0 0x400000>; ${kernel}`),
    says: ['Failed to allocate requested domain memory. 2770944KB unallocated. Fix the VMs configurations.'],
  },
  'a domain of more than the addresses of a guest, whose page tables do not fit': {
    inChosen: domain(`cpus = <1>; memory = <0x1 0>; ${kernel}`),
    says: ['Could not set up domain domU1 (rc = -12)'],
  },
  'a domain of all bits that there are': {
    inChosen: domain(`cpus = <1>; memory = <0xffffffff 0xffffffff>; ${kernel}`),
    says: ['Could not set up domain domU1 (rc = -12)'],
  },
  'page tables of more than the machine has': {
    inside: 'xen,domain-p2m-mem-mb = <0x10000>;',
    says: ['Could not set up domain domU1 (rc = -12)'],
  },
  'a domain without memory has no tree': {
    inChosen: domain(`cpus = <1>; memory = <0 0>; ${kernel}`),
    says: ['Device tree generation failed (-2).', 'Could not set up domain domU1 (rc = -22)'],
  },
  'a domain whose kernel does not fit': {
    inChosen: domain(
      `cpus = <1>; memory = <0 0x1000>; module@5a000000 { compatible = "multiboot,kernel", "multiboot,module"; reg = <0x5a000000 0x400000>; };`,
    ),
    says: ['Not enough memory in the first bank for the kernel+dtb+initrd'],
  },
};

for (const [title, given] of Object.entries(amounts)) check(`amounts: ${title}`, given);

test('it is unknown whether nearly all of the RAM can be given to Dom0', t => {
  const { hypervisor } = bootXen({ bootargs: 'dtuart=serial0 dom0_mem=1800M' });
  t.is(hypervisor.panic, null);
  t.deepEqual(hypervisor.undefinedBehaviour, [
    "whether memory of Dom0 is there: 1800 MiB are then in use of the machine's RAM",
  ]);
});

const boot = (size: string) =>
  bootXen({ bootargs: `dtuart=serial0 dom0_mem=${size}` }, { dom0KernelIsAdded: true }).hypervisor;

test('the RAM of a board whose tree a boot loader completes may be four times that of the tree', t => {
  t.is(boot('4G').panic, null);
  t.is(boot('4G').undefinedBehaviour.length, 1);
  t.regex(boot('8G').panic?.text ?? '', /^Failed to allocate requested dom0 memory\. \d+MB unallocated$/);
});

test('the amount that a panic says is left open in its line', t => {
  const { lines } = bootXen({ bootargs: 'dtuart=serial0 dom0_mem=8G' });
  t.regex(
    'Failed to allocate requested dom0 memory. 6720MB unallocated',
    new RegExp(lines.at(-1)?.pattern ?? ''),
  );
});

const withoutDom0 = (inside: string) =>
  bootXen({ bootargs: 'dtuart=serial0', dom0: '', dom0Kernel: '', inChosen: complete(inside) }).hypervisor;

for (const [title, inside, panic] of [
  [
    'a hardware domain without an IOMMU',
    'capabilities = <2>;',
    'non-direct mapped hardware domain requires iommu',
  ],
  [
    'a hardware domain with passthrough',
    'capabilities = <2>; passthrough = "disabled";',
    "Don't specify passthrough for hardware domain",
  ],
  [
    'a hardware domain with a partial tree',
    `capabilities = <2>; direct-map; ${static1} dtb { compatible = "multiboot,device-tree"; };`,
    '"multiboot,device-tree" incompatible with hardware domain',
  ],
  [
    'a hardware domain with a number of interrupts',
    `capabilities = <2>; direct-map; ${static1} nr_spis = <64>;`,
    'nr_spis cannot be specified for hardware domain',
  ],
  ['Xenstore that no domain has', 'xen,enhanced;', 'xenstore requested, but xenstore domain not present'],
  ['Xenstore that the domain itself has', 'xen,enhanced; capabilities = <4>;', undefined],
  ['a kind of enhancement that Xen does not know', 'xen,enhanced = "foo";', undefined],
] as const) {
  test(`without Dom0: ${title}`, t => t.is(withoutDom0(inside).panic?.text, panic));
}
