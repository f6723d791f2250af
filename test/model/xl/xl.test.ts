import test from 'ava';
import * as fc from 'fast-check';
import { parseSource } from '../../../src/model/dt/source.ts';
import { writeFlat } from '../../../src/model/dt/flat.ts';
import type { DeviceTree } from '../../../src/model/dt/tree.ts';
import type { ConsoleLine } from '../../../src/model/trace/observation.ts';
import { guestTree } from '../../../src/model/xl/libxl-arm.ts';
import type { Domctl } from '../../../src/model/xen/domctl.ts';
import { parseArmSci } from '../../../src/model/xl/xl-arm-sci.ts';
import { configuredName, parseXlConfig, type XlConfig } from '../../../src/model/xl/xl-config.ts';
import { readDomainConfig } from '../../../src/model/xl/xl-domain-config.ts';
import { parseIomem } from '../../../src/model/xl/xl-iomem.ts';
import { Toolstack } from '../../../src/model/xl/xl.ts';

const readings = {
  'name = "d2"': ['name', 'd2'],
  "name = 'it''s' # twice quoted": undefined,
  "name = 'd2' # a comment\n": ['name', 'd2'],
  'memory = 128; memory = 256\n': ['memory', '256'],
  'list = [ 1,\n  "two", # inside\n  [ 3, ], ]\n': ['list', ['1', 'two', ['3']]],
  'a = "x"\na += "y"\n': ['a', 'xy'],
  'l = ["x"]\nl += ["y"]\n': ['l', ['x', 'y']],
  'x.y = 1': ['x.y', '1'],
  's = "a\\tb\\\\c\\"d"\n': ['s', 'a\tb\\c"d'],
  'empty = []': ['empty', []],
  'x = 1 %': ['x', '1'],
} as const;

for (const [text, expected] of Object.entries(readings)) {
  test(`xl reads ${JSON.stringify(text)}`, t => {
    const { config, errors } = parseXlConfig(text, 'd.cfg');
    if (expected === undefined) t.true(errors.length > 0);
    else {
      t.deepEqual(errors, []);
      t.deepEqual(config.setting(expected[0])?.value, expected[1]);
    }
  });
}

/** Output of libxlu_cfg of Xen 4.22 for each of them. */
const syntaxErrors = {
  'name = "a" "b"\n': [
    'd.cfg:1: config parsing error near `"b"\': syntax error, unexpected STRING, expecting $end',
  ],
  'name = \n': [
    "d.cfg:0: config parsing error near <newline>: syntax error, unexpected NEWLINE, expecting STRING or NUMBER or '['",
  ],
  'a b\n': ["d.cfg:1: config parsing error near `b': syntax error, unexpected IDENT, expecting += or '='"],
  'x = 1\n[2]\n': [
    "d.cfg:2: config parsing error near `[': syntax error, unexpected '[', expecting $end or IDENT or NEWLINE or ';'",
  ],
  'a = ["x" "y"]\n': [
    "d.cfg:1: config parsing error near `\"y\"': syntax error, unexpected STRING, expecting ']'",
  ],
  'Name = "d2"\n': ["d.cfg:1: config parsing error near `Name': lexical error"],
  'a = "x\nb = 1\n': ['d.cfg:1: config parsing error near `"x\': lexical error'],
  'a = 1\r\n': ["d.cfg:1: config parsing error near `\r': lexical error"],
  'a = "\\x41"\n': [
    'd.cfg:1: config parsing error near `"\\x41"\': invalid digit after backslash hexnumerical character escape in quoted string',
  ],
  'a = -1\n': [
    "d.cfg:1: config parsing error near `-1': lexical error",
    'warning: Config file looks like it contains Python code.',
    'warning:  Arbitrary Python is no longer supported.',
    'warning:  See https://wiki.xen.org/wiki/PythonInXlConfig',
  ],
  'a = "x"\na += [1]\n': [
    `d.cfg:2: config parsing error near \`]': can't add [list] to "string" or vice versa`,
  ],
};

for (const [text, expected] of Object.entries(syntaxErrors)) {
  test(`xl says of ${JSON.stringify(text)} what its parser says`, t => {
    t.deepEqual(parseXlConfig(text, 'd.cfg').errors, expected);
  });
}

const numbers: Record<string, ReturnType<XlConfig['long']>> = {
  '16': 16n,
  '0x10': 16n,
  '010': 8n,
  '0': 0n,
  '"-3"': -3n,
  '08': { problem: "parameter `n' is not a valid number" },
  '"12 MiB"': { problem: "parameter `n' is not a valid number" },
  '99999999999999999999': {
    problem: "parameter `n' could not be parsed as a number: Numerical result out of range",
  },
  '[1]': undefined,
};

for (const [written, expected] of Object.entries(numbers)) {
  test(`the number ${written} is ${typeof expected === 'bigint' ? expected : 'none'}`, t => {
    t.deepEqual(parseXlConfig(`n = ${written}\n`, 'd.cfg').config.long('n'), expected);
  });
}

const outOfRange = 'could not be parsed as a number: Numerical result out of range';

/** By setting: what xl prints of it (xl_parse.c, libxlu_cfg.c), and its exit status where it gives up. */
const settings: readonly (readonly [text: string, printed: readonly string[], status?: number])[] = [
  ['memory += 5', ["d.cfg:3: warning: can't use += with numbers for parameter `memory'"]],
  ['memory = 99999999999999999999', [`d.cfg:3: warning: parameter \`memory' ${outOfRange}`]],
  ['cpu_weight = "heavy"', ["d.cfg:3: warning: parameter `cpu_weight' is not a valid number"]],
  ['ramdisk = ["r"]', ["d.cfg:3: warning: parameter `ramdisk' is a list but should be a single value"]],
  ['disk = "phy:/dev/x"', ["d.cfg:3: warning: parameter `disk' is a single value but should be a list"]],
  ['irqs = [ 32, 100 ]', []],
  ['irqs = [ "0x20" ]', ['xl: Invalid argument parsing irq: 0x20'], 1],
  ['irqs = [ 4294967295 ]', ['xl: irq ffffffff too big'], 1],
  ['irqs = [ [1] ]', ['xl: Unable to get element 0 in irq list'], 1],
  ['type = "pvh"', []],
  ['type = "hv"', []],
  ['type = "arm"', ['Invalid domain type arm.'], 1],
  ['builder = "hvm"; type = "pvh"', ['Contradicting "builder" and "type" options specified.'], 1],
  ['uuid = "12345678-1234-1234-1234-123456789abc"', []],
  ['uuid = "1234"', ['Failed to parse UUID: 1234'], 1],
  ['vuart = "SBSA_uart"', []],
  ['vuart = "pl011"', ['ERROR: invalid value "pl011" for "vuart"'], 1],
  ['gic_version = "v3"', []],
  ['gic_version = "v4"', ['Unknown gic_version "v4" specified'], 3],
  ['tee = "optee"', []],
  ['tee = "trusty"', ['Unknown tee "trusty" specified'], 3],
  ['sve = "128"', []],
  ['sve = "100"', ['Unknown sve "100" specified'], 1],
  ['nr_spis = "many"', ["d.cfg:3: warning: parameter `nr_spis' is not a valid number"]],
  ['maxvcpus = 1; vcpus = 2', ['xl: maxvcpus < vcpus'], 1],
  [
    'vcpus = 3000000000',
    [
      'libxl: error: libxl_utils.c:812:libxl_cpu_bitmap_alloc: invalid number of cpus provided',
      'Unable to allocate cpumap',
    ],
    1,
  ],
  ['vcpus = 0', []],
  ['max_grant_frames = "x"', [], 1],
  ['vif = [ "mac=00:16:3e:00:00:01, bridge=xenbr0" ]', []],
  [
    'vif = [ "mac=00:16:3e", "colour=red", "trusted" ]',
    ["Invalid parameter `mac'.", "unrecognized argument `colour=red'"],
  ],
  ['disk = [ "phy:/dev/vg/d,xvda,w" ]', []],
  ['disk = [ "/dev/vg/d,raw,xvda,rw", "format=qcow2, vdev=xvdb, target=/d.qcow2" ]', []],
  ['disk = [ ",hdc:cdrom,r" ]', []],
  [
    'disk = [ "/dev/vg/d" ]',
    ["d.cfg: config parsing error in disk specification: no vdev specified in `/dev/vg/d'"],
    1,
  ],
  [
    'disk = [ "vdev=xvda" ]',
    [
      "d.cfg: config parsing error in disk specification: no target specified (and device not removable) in `vdev=xvda'",
    ],
    1,
  ],
  [
    'disk = [ "/d,tar,xvda" ]',
    [
      "d.cfg: config parsing error in disk specification: unknown value for format: near `tar' in `/d,tar,xvda'",
    ],
    1,
  ],
  ['p9 = [ "tag=share,path=/srv,security_model=none" ]', []],
  ['p9 = [ "tag=share,colour=red" ]', ["Unknown 9pfs parameter 'colour'"], 1],
  ['vtpm = [ "uuid=1" ]', ['vtpm spec missing required backend field!'], 1],
  ['channel = [ "connection=pty,name=c" ]', []],
  ['channel = [ "connection=socket" ]', ["channel connection 'socket' requires path=.."], 1],
  ['channel = [ "x=1,connection=pty" ]', ["unknown channel parameter 'x', ignoring"]],
  ['usbctrl = [ "type=pv,version=2" ]', []],
  ['usbctrl = [ "type=usb" ]', ["Invalid usb controller type 'usb'"], 1],
  ['vkb = [ "backend=0" ]', ['backend-type should be set in vkb spec'], 1],
  ['virtio = [ "backend=0, type=virtio,device22, transport=mmio" ]', []],
  ['virtio = [ "irq=5" ]', ['Unknown string "irq=5" in virtio spec'], 1],
  ['vif = [ "rate=10Mb/s@20ms" ]', []],
  ['vif = [ "rate=fast" ]', ["command line: config parsing error in vif: invalid rate in `fast'"], 1],
  ['cpus = "0-1,^1"', []],
  ['cpus = "^all"', ['Can\'t combine "^" and "all".'], 1],
  ['cpus = [ "0", "3-1" ]; maxvcpus = 2', ['Invalid pcpu range: 3-1.'], 1],
  ['cpus_soft = "node:x"', ['Invalid pcpu range: x.'], 1],
  ['llc_colors = [ "0-3", "7" ]', []],
  ['llc_colors = [ "3-0" ]', ['xl: Start LLC color is greater than end: 3-0'], 1],
  ['ioports = [ "3f8-3ff", "2e8" ]', []],
  ['ioports = [ "3f8-" ]', ['xl: Invalid argument parsing ioport: 3f8-'], 1],
  // `c` is a digit: xl tells the rest, and goes on.
  ['ioports = [ "com1-" ]', ['xl: Invalid argument parsing ioport: com1-']],
  ['tsc_mode = "native"', []],
  ['tsc_mode = "fast"', ['ERROR: invalid value "fast" for "tsc_mode"'], 1],
  [
    'tsc_mode = 2',
    [
      'WARNING: specifying "tsc_mode" as an integer is deprecated. Please use the named parameter variant. e.g. tsc_mode="native"',
    ],
  ],
  ['altp2m = 4', ['ERROR: invalid value 4 for "altp2m"'], 1],
  ['cpuid = "host,x=0"', []],
  ['cpuid = "x=0"', ['while parsing CPUID string: "x=0":', '  error: first word must be "host"']],
  ['device_model_version = "qemu"', ['Unknown device_model_version "qemu" specified'], 1],
  ['cmdline = "a"; root = "b"', ['Warning: ignoring root= and extra= in favour of cmdline=']],
  ['firmware = "pvgrub64"', ['ERROR: both kernel and firmware specified'], 1],
];

for (const [text, printed, status = 0] of settings) {
  test(`of ${text} xl ${printed.length === 0 ? 'says nothing' : `says ${printed[0]}`}`, t => {
    const config = parseXlConfig(`name = "d"\nkernel = "k"\n${text}\n`, 'd.cfg').config;
    const { complaints, ...result } = readDomainConfig(config);
    t.deepEqual(
      complaints.map(each => each.text),
      printed,
    );
    t.is(result.status, status);
  });
}

test('xl needs a kernel, or a boot loader that finds one', t => {
  for (const [text, said] of [
    ['', ['Neither kernel nor bootloader specified']],
    ['bootloader = "pygrub"', []],
  ] as const) {
    const { complaints } = readDomainConfig(parseXlConfig(`name = "d"\n${text}\n`, 'd.cfg').config);
    t.deepEqual(
      complaints.map(each => each.text),
      said,
    );
  }
});

/** Each trap of arm_sci, with what xl makes of it. */
const armSci: Record<string, ReturnType<typeof parseArmSci>> = {
  'type=scmi_smc_multiagent,agent_id=2': { type: 'scmi_smc_multiagent', agentId: 2 },
  'agent_id=2,type=scmi_smc_multiagent': { type: 'scmi_smc_multiagent', agentId: 2 },
  'type=scmi_smc_multiagent': { type: 'scmi_smc_multiagent', agentId: 0 },
  'type=scmi_smc_multiagent,agent_id=0x2': { type: 'scmi_smc_multiagent', agentId: 0 },
  'type=scmi_smc_multiagent,agent_id=2x': { type: 'scmi_smc_multiagent', agentId: 2 },
  'type=scmi_smc_multiagent, agent_id=2': { type: 'scmi_smc_multiagent', agentId: 0 },
  'type=scmi_smc_multiagent,agentid=2': { type: 'scmi_smc_multiagent', agentId: 0 },
  ',,type=scmi_smc_multiagent,,agent_id=2,': { type: 'scmi_smc_multiagent', agentId: 2 },
  'type=SCMI_SMC': { type: 'scmi_smc', agentId: 0 },
  'agent_id=2': { type: 'none', agentId: 2 },
  'foo=bar': { type: 'none', agentId: 0 },
  'type=none': { type: 'none', agentId: 0 },
  'type=scmi_smc_multiagent,agent_id=254': { type: 'scmi_smc_multiagent', agentId: 254 },
  'type=scmi_smc_multiagent,agent_id=255': {
    rule: 'xl.arm-sci.agent-id',
    problem: 'An invalid ARM_SCI agent_id specified (255). Valid range [0..254]',
  },
  'type=scmi_smc_multiagent,agent_id=-2': {
    rule: 'xl.arm-sci.agent-id',
    problem: 'An invalid ARM_SCI agent_id specified (18446744073709551614). Valid range [0..254]',
  },
  'type=scmi_smc_multiagent,agent_id=-1': {
    rule: 'xl.arm-sci.agent-id',
    problem: 'xl: failed to convert "-1" to number',
  },
  'type=scmi_smc_multiagent,agent_id=two': {
    rule: 'xl.arm-sci.agent-id',
    problem: 'xl: failed to convert "two" to number',
  },
  'type=scmi_smc_multi': { rule: 'xl.arm-sci.type', problem: 'Unknown ARM_SCI type: scmi_smc_multi' },
  'type=scmi_smc_multiagent ': {
    rule: 'xl.arm-sci.type',
    problem: 'Unknown ARM_SCI type: scmi_smc_multiagent ',
  },
};

for (const [written, expected] of Object.entries(armSci)) {
  test(`arm_sci = ${JSON.stringify(written)} is read as xl reads it`, t => {
    t.deepEqual(parseArmSci(written), expected);
  });
}

const iomem: Record<string, ReturnType<typeof parseIomem>> = {
  '47ff2,1@22001': { start: 0x47ff2, count: 1, guestFrame: 0x22001 },
  '47ff2,1': { start: 0x47ff2, count: 1, guestFrame: 0x47ff2 },
  '0x47ff2,0x10@0x22001': { start: 0x47ff2, count: 16, guestFrame: 0x22001 },
  '47ff2, 1@ 22001': { start: 0x47ff2, count: 1, guestFrame: 0x22001 },
  '47ff2 ,1@22001': undefined,
  '47ff2': undefined,
  '47ff2,1@': undefined,
  '47ff2,1@22001 ': undefined,
  '47ff2000-47ff3000': undefined,
  '': undefined,
};

for (const [written, expected] of Object.entries(iomem)) {
  test(`iomem = [ ${JSON.stringify(written)} ] is ${expected === undefined ? 'refused' : 'taken'}`, t => {
    t.deepEqual(parseIomem(written), expected);
  });
}

test('a list where a word should be is warned of, save for arm_sci, which is passed over', t => {
  const text = 'name = "d"\nramdisk = ["r"]\niomem = "47ff2,1"\narm_sci = ["type=scmi_smc"]\nkernel = "k"\n';
  const { domain, complaints } = readDomainConfig(parseXlConfig(text, 'd.cfg').config);
  t.deepEqual(domain?.armSci, { type: 'none', agentId: 0 });
  t.deepEqual(
    complaints.map(each => each.text),
    [
      "d.cfg:2: warning: parameter `ramdisk' is a list but should be a single value",
      "d.cfg:3: warning: parameter `iomem' is a single value but should be a list",
    ],
  );
});

const partial = parseSource(`/dts-v1/; / {
  firmware { lost; };
  aliases { a = "/passthrough"; };
  passthrough { compatible = "simple-bus"; ranges; #address-cells = <2>; #size-cells = <2>;
    firmware { compatible = "simple-bus"; scmi { arm,smc-id = <0x82000004>; }; }; };
};`);

test("a guest's tree has /passthrough and /aliases of the partial tree, and nothing else of it", t => {
  const tree = guestTree(partial, { maxmem: 128, vcpus: 2, commandLine: 'console=hvc0 a="b"' }) as DeviceTree;
  t.deepEqual(
    tree.root.children.map(each => each.name),
    [
      'chosen',
      'cpus',
      'psci',
      'memory@40000000',
      'interrupt-controller@3001000',
      'timer',
      'hypervisor',
      'passthrough',
      'aliases',
    ],
  );
  t.is(tree.node('/psci')?.string('method'), 'hvc');
  t.is(tree.node('/chosen')?.string('bootargs'), 'console=hvc0 a="b"');
  t.is(tree.node('/passthrough/firmware/scmi')?.u32('arm,smc-id'), 0x82000004);
  t.deepEqual(tree.node('/memory@40000000')?.cells('reg'), [0, 0x40000000, 0, 128 * 0x100000]);
});

/** A Domctl that answers what it is told to, and notes what it is asked. */
function stand(
  answers: Partial<Record<keyof Domctl, number>> = {},
  iommuEnabled = false,
  others: Partial<Domctl> = {},
) {
  const calls: string[] = [];
  const lines: ConsoleLine[] = [];
  const started: number[] = [];
  const alive = new Set<number>();
  let last = 0;
  const call = (name: keyof Domctl, ...values: Array<number | string>): number => {
    calls.push([name, ...values].join(' '));
    return answers[name] ?? 0;
  };
  const domctl: Domctl = {
    iommuEnabled,
    commandLine: 'dom0_mem=512M',
    couldFree: () => true,
    setPagingMempool: () => answers.setPagingMempool ?? 0,
    populate: () => answers.populate ?? 0,
    createDomain: ({ sciType, sciAgentId }) => {
      const rc = call('createDomain', sciType, sciAgentId);
      alive.add(++last);
      return { rc, domid: last };
    },
    iomemPermission: (domid, first, count) => call('iomemPermission', domid, first.toString(16), count),
    memoryMapping: (domid, gfn, mfn, count) => {
      const rc = call('memoryMapping', domid, gfn.toString(16), mfn.toString(16), count);
      return count > 64 ? -7 : rc;
    },
    assignDevice: (domid, path) => call('assignDevice', domid, path),
    destroyDomain: domid => {
      if (!alive.has(domid)) return call('destroyDomain', domid, 'gone') - 3;
      const rc = call('destroyDomain', domid);
      if (rc === 0) alive.delete(domid);
      return rc;
    },
    ...others,
  };
  const toolstack = new Toolstack({
    domctl,
    files: path =>
      path === '/root/xl2.dtb'
        ? writeFlat(partial)
        : path === '/root/not.dtb'
          ? new Uint8Array(4)
          : undefined,
    observer: { console: line => line.optional === undefined && lines.push(line), message: () => {} },
    start: ({ domid }) => void started.push(domid),
  });
  return { toolstack, calls, started, lines, texts: () => lines.map(line => line.text) };
}

const config = (more = '') =>
  `name = "d2"\nmemory = 128; kernel = "k"\narm_sci = "type=scmi_smc_multiagent,agent_id=2"\n${more}`;

test('a domain is made, given its page, given its devices and only then started', t => {
  const { toolstack, calls, started } = stand({}, true);
  const more = 'device_tree = "/root/xl2.dtb"\niomem = ["47ff2,1@22001"]\ndtdev = ["/soc/a", "/soc/b"]\n';
  t.deepEqual(toolstack.create('/root/d2.cfg', config(more)), { rc: 0, domid: 1 });
  t.deepEqual(calls, [
    'createDomain scmi_smc_multiagent 2',
    'iomemPermission 1 47ff2 1',
    'memoryMapping 1 22001 47ff2 1',
    'assignDevice 1 /soc/a',
    'assignDevice 1 /soc/b',
  ]);
  t.deepEqual(started, [1]);
});

test('xl of Xen 4.20 does not know arm_sci', t => {
  const { config: read } = parseXlConfig('name = "d"; kernel = "k"\narm_sci = "type=nonsense"\n', 'd.cfg');
  t.deepEqual(readDomainConfig(read, '4.20').domain?.armSci, { type: 'none', agentId: 0 });
  t.is(readDomainConfig(read, '4.21').domain, undefined);
});

test('a failure names the line of the configuration that it comes from', t => {
  const { toolstack, lines } = stand({ iomemPermission: -1 });
  toolstack.create('/root/d2.cfg', config('iomem = [\n "47ff2,1" ]\n'));
  t.is(lines[1]?.reason.place, '/root/d2.cfg:4');
});

test('a big range is mapped in parts that Xen takes', t => {
  const { toolstack, calls } = stand();
  toolstack.create('/root/d2.cfg', config('iomem = ["1000,80"]\n'));
  t.deepEqual(
    calls.filter(each => each.startsWith('memoryMapping')),
    ['memoryMapping 1 1000 1000 128', 'memoryMapping 1 1000 1000 64', 'memoryMapping 1 1040 1040 64'],
  );
});

const noMemory = [
  "xc: error: panic: xg_dom_boot.c:118: xc_dom_boot_mem_init: can't allocate low memory for domain: Out of memory",
  'libxl: error: libxl_dom.c:596:libxl__build_dom: xc_dom_boot_mem_init failed: Cannot allocate memory',
  'libxl: error: libxl_create.c:1651:domcreate_rebuild_done: Domain 1:cannot (re-)build domain: -3',
];
const noPool = (size: string) => [
  `libxl: error: libxl_dom.c:1512:libxl__domain_set_paging_mempool_size: Domain 1:Failed to set paging mempool size to ${size}kB: Cannot allocate memory`,
  'libxl: error: libxl_create.c:1651:domcreate_rebuild_done: Domain 1:cannot (re-)build domain: -3',
];

const amounts: Readonly<
  Record<string, { inside: string; answers?: Partial<Record<keyof Domctl, number>>; says: readonly string[] }>
> = {
  'memory that the machine has not': { inside: 'memory = 128', answers: { populate: 1 }, says: noMemory },
  'page tables that the machine has no memory for': {
    inside: 'memory = 128',
    answers: { setPagingMempool: -12 },
    says: noPool('2048'),
  },
  'maxmem above memory, which Arm gives at once': { inside: 'memory = 128; maxmem = 256', says: noMemory },
  'memory beyond the addresses of a guest': { inside: 'memory = 1043457', says: noMemory },
  'memory of no MiB': { inside: 'memory = 0', says: noMemory },
  'memory that is nothing in 32 bits of pages': { inside: 'memory = 16777216', says: noMemory },
  'memory below nothing, which is much': {
    inside: 'memory = "-1"',
    says: [
      'libxl: error: libxl_dom.c:1504:libxl__domain_set_paging_mempool_size: Domain 1:shadow_memkb value 72057594037929470kB too large: Invalid argument',
      'libxl: error: libxl_create.c:1651:domcreate_rebuild_done: Domain 1:cannot (re-)build domain: -3',
    ],
  },
};

for (const [title, { inside, answers = {}, says }] of Object.entries(amounts)) {
  test(`xl create fails for ${title}`, t => {
    const { toolstack, texts } = stand(answers);
    t.is(toolstack.create('/root/d2.cfg', `name = "d2"; kernel = "k"; ${inside}\n`).rc, 3);
    t.deepEqual(texts().slice(1, 1 + says.length), says);
    t.deepEqual(toolstack.domains, []);
  });
}

test('memory of more digits than a long has is warned of, and is the default', t => {
  const { toolstack, texts } = stand();
  const text = 'name = "d2"; kernel = "k"\nmemory = 99999999999999999999\n';
  t.deepEqual(toolstack.create('/root/d2.cfg', text), { rc: 0, domid: 1 });
  t.regex(
    texts()[1] ?? '',
    /warning: parameter `memory' could not be parsed as a number: Numerical result out of range$/,
  );
  t.regex(toolstack.list().text, /^d2 +1 +32 /m);
});

test('a domain is built with maxmem, where that is less than memory', t => {
  const { toolstack } = stand();
  toolstack.create('/root/d2.cfg', config('maxmem = 64\n'));
  t.regex(toolstack.list().text, /^d2 +1 +64 /m);
  t.deepEqual(
    toolstack.domains[0]?.tree?.node('/memory@40000000')?.cells('reg'),
    [0, 0x4000_0000, 0, 0x400_0000],
  );
});

test('maxmem above memory is refused for a domain that is given devices', t => {
  const { toolstack, texts, calls } = stand({}, true);
  t.is(toolstack.create('/root/d2.cfg', config('maxmem = 256; dtdev = ["/soc/a"]\n')).rc, 6);
  t.deepEqual(calls, []);
  t.regex(texts().at(-1) ?? '', /IOMMU required for device passthrough but not supported together with PoD$/);
});

test("where Xen's command line does not say dom0_mem xl takes what a domain needs from Dom0, if it has it", t => {
  for (const [commandLine, couldFree, rc] of [
    ['', false, 3],
    ['dom0_mem=0x20000000', false, 3],
    ['x=1 dom0_mem=min:64M,max:512M y', false, 0],
    ['', true, 0],
  ] as const) {
    const { toolstack, texts } = stand({}, false, { commandLine, couldFree: () => couldFree });
    t.is(toolstack.create('/root/d2.cfg', config()).rc, rc, commandLine);
    if (rc === 0) continue;
    t.deepEqual(texts().slice(1), [
      'libxl: error: libxl_mem.c:287:libxl_set_memory_target: Domain 0:New target 0 for dom0 is below the minimum threshold',
      'failed to free memory for the domain',
    ]);
  }
});

test('dtdev without an IOMMU is refused before Xen is asked anything', t => {
  const { toolstack, calls, texts } = stand();
  t.deepEqual(toolstack.create('/root/d2.cfg', config('dtdev = ["/soc/a"]\n')), { rc: 6 });
  t.deepEqual(calls, []);
  t.regex(
    texts().at(-1) ?? '',
    /libxl__domain_config_setdefault: passthrough not supported on this platform$/,
  );
});

const cleanUp = [
  'libxl: error: libxl_domain.c:356:libxl_domain_info: Domain 1:Getting domain info: No such process',
  'libxl: error: libxl_domain.c:1181:libxl__destroy_domid: Domain 1:Non-existant domain',
  'libxl: error: libxl_domain.c:1135:domain_destroy_callback: Domain 1:Unable to destroy guest',
  'libxl: error: libxl_domain.c:1062:domain_destroy_cb: Domain 1:Destruction of domain failed',
];

test('a device that is refused ends the domain, which xl then fails to find', t => {
  const { toolstack, texts, started } = stand({ assignDevice: -13 }, true);
  t.is(toolstack.create('/root/d2.cfg', config('dtdev = ["/soc/a"]\n')).rc, 3);
  t.deepEqual(started, []);
  t.regex(texts()[1] ?? '', /libxl__add_dtdevs: Domain 1:xc_assign_dtdevice failed: -1$/);
  t.deepEqual(texts().slice(3), cleanUp);
  t.deepEqual(toolstack.domains, []);
});

const badTrees = {
  '/root/none.dtb': /failed to read the partial device file \/root\/none\.dtb: No such file or directory$/,
  '/root/not.dtb': /Partial FDT is not a valid Flat Device Tree$/,
};

for (const [path, expected] of Object.entries(badTrees)) {
  test(`the partial tree ${path} ends the domain before it gets its page`, t => {
    const { toolstack, texts, calls } = stand();
    t.is(toolstack.create('/root/d2.cfg', config(`device_tree = "${path}"\niomem = ["47ff2,1"]\n`)).rc, 3);
    t.regex(texts()[1] ?? '', expected);
    t.regex(texts()[3] ?? '', /Domain 1:cannot \(re-\)build domain: -3$/);
    t.false(calls.some(each => each.startsWith('iomem')));
  });
}

test('a domain that cannot be destroyed stays in the list without a name', t => {
  const { toolstack, texts } = stand({ destroyDomain: -16 });
  toolstack.create('/root/d2.cfg', config());
  t.deepEqual(toolstack.destroy('d2'), { rc: 1 });
  t.is(texts().at(-1), 'destroy failed (rc=-3)');
  t.regex(toolstack.list().text, /^\(null\) {35} +1   128     1     --p--- /m);
  t.deepEqual(toolstack.destroy('d2'), { rc: 1 });
  t.is(texts().at(-1), 'd2 is an invalid domain identifier (rc=-6)');
});

test('the list is met by its own text and by what a board showed', t => {
  const { toolstack } = stand();
  toolstack.create('/root/d2.cfg', config());
  const { text, pattern } = toolstack.list();
  const seen = [
    'Name                                        ID   Mem VCPUs\tState\tTime(s)',
    'Domain-0                                     0   768     1     r-----      17.1',
    'd2                                           1   128     1     -b----       7.6',
  ].join('\n');
  for (const each of [text, seen]) t.regex(each, new RegExp(`^(?:${pattern})$`));
  t.notRegex(seen.replace('d2 ', 'd3 '), new RegExp(`^(?:${pattern})$`));
});

test('a name that is taken is noticed after the domain is made, which then goes again', t => {
  const { toolstack, texts, calls } = stand();
  toolstack.create('/root/d2.cfg', 'name = "d2"\nkernel = "k"\n');
  t.is(toolstack.create('/root/d2.cfg', 'name = "d2"\nkernel = "k"\n').rc, 3);
  t.true(texts().some(each => each.endsWith('Domain 2:Domain with name "d2" already exists.')));
  t.true(calls.includes('destroyDomain 2'));
  t.deepEqual(
    toolstack.domains.map(each => each.domid),
    [1],
  );
});

test('a reboot is a destruction and a creation, unseen on the terminal', t => {
  const { toolstack, calls, started, texts } = stand();
  toolstack.create('/root/d2.cfg', config());
  t.deepEqual(toolstack.reboot('d2'), { rc: 0, domid: 2 });
  t.deepEqual(calls.slice(1), ['destroyDomain 1', 'createDomain scmi_smc_multiagent 2']);
  t.deepEqual(started, [1, 2]);
  t.is(texts().at(-1), 'Rebooting domain 1');
});

const endings = [
  { what: 'guestPowersOff', setting: 'on_poweroff', action: 'destroy', left: [] },
  { what: 'guestPowersOff', setting: 'on_poweroff', action: 'preserve', left: [1] },
  { what: 'guestReboots', setting: 'on_reboot', action: 'destroy', left: [] },
  { what: 'guestReboots', setting: 'on_reboot', action: 'restart', left: [2] },
] as const;

for (const { what, setting, action, left } of endings) {
  test(`${what} with ${setting} = ${action} leaves domains [${left.join(', ')}]`, t => {
    const { toolstack } = stand();
    toolstack.create('/root/d2.cfg', config(`${setting} = "${action}"\n`));
    toolstack[what]('d2');
    t.deepEqual(
      toolstack.domains.map(each => each.domid),
      [...left],
    );
  });
}

test('a guest that panics stays, unnoticed, and acknowledges no request of xl', t => {
  const { toolstack, calls, texts } = stand();
  toolstack.create('/root/d2.cfg', config('on_crash = "destroy"\n'));
  toolstack.guestCrashes('d2');
  for (const what of ['shutdown', 'reboot'] as const) {
    t.deepEqual(toolstack[what]('d2'), { rc: 1 });
    t.deepEqual(texts().slice(-2), [
      "libxl: error: libxl_domain.c:852:pvcontrol_cb: guest didn't acknowledge control request: -9",
      `${what} failed (rc=-9)`,
    ]);
  }
  t.false(calls.some(each => each.startsWith('destroy')));
  t.deepEqual(toolstack.destroy('d2'), { rc: 0 });
});

test('any text is read or refused with file and line, never left hanging', t => {
  const words = fc.constantFrom(
    'name',
    '=',
    '+=',
    '"x"',
    "'",
    '[',
    ']',
    ',',
    ';',
    '\n',
    ' ',
    '#',
    '\r',
    '%',
    '1',
  );
  const property = fc.property(fc.array(fc.oneof(words, fc.string())), parts => {
    for (const error of parseXlConfig(parts.join(''), 'd.cfg').errors)
      t.regex(error, /^(?:d\.cfg:\d+: |warning: )/);
  });
  t.notThrows(() => fc.assert(property));
});

test('an action that does not exist is named, and xl exits with 1', t => {
  const { toolstack, texts } = stand();
  t.deepEqual(toolstack.create('/root/d2.cfg', config('on_crash = "explode"\n')), { rc: 1 });
  t.is(texts().at(-1), 'Unknown on_crash action "explode" specified');
});

test('a configuration with a syntax error is not acted on', t => {
  const { toolstack, texts, calls } = stand();
  t.deepEqual(toolstack.create('/root/d2.cfg', 'name = d2\n'), { rc: 1 });
  t.is(texts().at(-1), 'Failed to parse config: Invalid argument');
  t.deepEqual(calls, []);
});

test('every line of libxl is found whatever line of the source it comes from', t => {
  const { toolstack, lines } = stand({ createDomain: -17 });
  toolstack.create('/root/d2.cfg', config());
  const [, refused] = lines;
  const other = refused?.text.replace(':698:', ':1234:') ?? '';
  t.is(
    refused?.text,
    'libxl: error: libxl_create.c:698:libxl__domain_make: domain creation fail: File exists',
  );
  t.regex(other, new RegExp(`^${refused?.pattern}$`));
  t.notRegex(other.replace('File exists', 'Invalid argument'), new RegExp(`^${refused?.pattern}$`));
});

test('Dom0 is not destroyed, and a number that is no domain is not found', t => {
  const { toolstack, texts, calls } = stand();
  t.is(toolstack.destroy('0').rc, 1);
  t.deepEqual(calls, []);
  t.is(toolstack.destroy('7').rc, 1);
  t.is(texts().at(-1), 'destroy failed (rc=-21)');
});

const libxlChecks: readonly (readonly [text: string, said: readonly RegExp[], rc: number])[] = [
  [
    'irqs = [ 32 ]\nvuart = "sbsa_uart"',
    [/Physical IRQ 32 conflicting with pl011 SPI$/, /cannot make domain: -3$/],
    3,
  ],
  [
    'irqs = [ 40 ]\nnr_spis = 8',
    [/nr_spis value is too small \(minimum required 9\)$/, /cannot make domain: -3$/],
    3,
  ],
  ['irqs = [ 40 ]\nnr_spis = 9', [], 0],
  ['type = "pv"', [/warning: .*Converting PV guest to PVH\.$/, /Arm guest are now PVH\.$/, /Please fix /], 0],
  [
    'vcpus = 1000000000',
    [/avail_vcpus bitmap contains too many VCPUS$/, /Unable to set domain build info defaults$/],
    3,
  ],
];

for (const [text, said, rc] of libxlChecks) {
  test(`libxl: ${text.replace('\n', ', ')} ends with ${rc}`, t => {
    const { toolstack, texts } = stand();
    t.is(toolstack.create('/root/d2.cfg', config(`${text}\n`)).rc, rc);
    const [, ...printed] = texts();
    t.is(printed.length, said.length, printed.join('\n'));
    for (const [index, pattern] of said.entries()) t.regex(printed[index] ?? '', pattern);
  });
}

for (const [text, name] of [
  ['name = "a"', 'a'],
  ['memory = 1; name = "a"', 'a'],
  ['name = \'a\' # as before\nname = "b"', 'b'],
  ['name="a"\nmemory =\n', 'a'],
  ['extra = "x name = \'b\'"', 'guest'],
  ['name = ["a"]', 'guest'],
] as const) {
  test(`the toolstack's name of a guest with ${JSON.stringify(text)} is ${name}`, t => {
    t.is(configuredName(text, 'guest'), name);
  });
}
