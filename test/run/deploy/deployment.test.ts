import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import type { BoardType } from '../../../src/board/board-type.ts';
import { loadBoardType, loadBoardTypeBooting } from '../../../src/board/board-types.ts';
import { ConfigurationError } from '../../../src/config/configuration-error.ts';
import { imageNames } from '../../../src/lab/needed-images.ts';
import type { PlannedBoard } from '../../../src/lab/planned-board.ts';
import { editTree } from '../../../src/model/dt/edit.ts';
import type { DtNode } from '../../../src/model/dt/tree.ts';
import { parseFlat, writeFlat } from '../../../src/model/dt/flat.ts';
import { parseSource } from '../../../src/model/dt/source.ts';
import { fitImage } from '../../../src/lab/images/fit.ts';
import { uBootScript } from '../../../src/lab/images/u-boot-script.ts';
import { type BootModule, withBootModules } from '../../../src/run/deploy/boot-modules.ts';
import { checkLayout } from '../../../src/run/deploy/layout-check.ts';
import { prepareDeployment } from '../../../src/run/deploy/deployment.ts';
import { bootScenario, findScenario, loadScenario } from '../../../src/scenario/load.ts';
import type { Scenario } from '../../../src/model/predict/scenario.ts';

const MiB = 1024 * 1024;

/** An arm64 Image by its header (Linux Documentation/arch/arm64/booting.rst). */
function image(size: number, imageSize = size): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x14000010, true);
  view.setBigUint64(16, BigInt(imageSize), true);
  view.setUint32(56, 0x644d5241, true);
  return bytes;
}

function board(type: BoardType, images: Readonly<Record<string, Uint8Array>> = {}): PlannedBoard {
  const small = { xen: image(1000), kernel: image(500), ramdisk: new Uint8Array(70), armstub: image(64) };
  return {
    name: 'planned',
    type,
    images: new Map(Object.entries({ ...small, 'u-boot': image(64), bl31: image(64), ...images })),
    network: { address: '192.0.2.2', server: '192.0.2.1' },
    tftp: { port: 69 },
  };
}

const withScript = (type: BoardType): BoardType => {
  const { uBoot } = type.boot;
  return uBoot === undefined ? type : { ...type, boot: { ...type.boot, uBoot: { ...uBoot, script: true } } };
};

const whiteHawk = loadBoardType('rcar-v4h-white-hawk');
const shipped = (name: string, type: BoardType) => loadScenario(findScenario(name, '.').file, type);

test('the boot script of a dom0less domain loads each file and gives Xen its exact size', async t => {
  const { bootScript } = await prepareDeployment(
    board(whiteHawk),
    shipped('dom0less-domain-runs', whiteHawk),
  );
  t.deepEqual(bootScript?.split('\n'), [
    'setenv autoload no',
    'setenv ipaddr 192.0.2.2',
    'setenv serverip 192.0.2.1',
    'setenv fdt_high 0xffffffffffffffff',
    'setenv initrd_high 0xffffffffffffffff',
    'setenv bootargs',
    'if tftpboot 0x48000000 dtb; then',
    'fdt addr 0x48000000',
    'fdt resize 0x3000',
    'if tftpboot 0x48200000 xen; then',
    'if tftpboot 0x50000000 kernel; then',
    'fdt set /chosen/module@50000000 reg <0x0 0x50000000 0x0 0x${filesize}>',
    'if tftpboot 0x58000000 ramdisk; then',
    'fdt set /chosen/module@58000000 reg <0x0 0x58000000 0x0 0x${filesize}>',
    'if tftpboot 0x58200000 domU1.kernel; then',
    'fdt set /chosen/domU1/kernel reg <0x0 0x58200000 0x0 0x${filesize}>',
    'if tftpboot 0x58400000 domU1.ramdisk; then',
    'fdt set /chosen/domU1/module@58400000 reg <0x0 0x58400000 0x0 0x${filesize}>',
    'if tftpboot 0x58600000 domU1.dtb; then',
    'fdt set /chosen/domU1/module@58600000 reg <0x0 0x58600000 0x0 0x${filesize}>',
    'booti 0x48200000 - 0x48000000',
    'fi',
    'fi',
    'fi',
    'fi',
    'fi',
    'fi',
    'fi',
    '',
  ]);
});

test("where the EEPROM has placed the tree the script finds it by U-Boot's fdt_addr", async t => {
  const type = loadBoardTypeBooting('rpi5', 'u-boot');
  const { bootScript = '' } = await prepareDeployment(board(type), bootScenario(type));
  t.regex(bootScript, /^fdt addr \$fdt_addr$/m);
  t.notRegex(bootScript, /dtb/);
  t.regex(bootScript, /\nbooti 0x2000000 - \$fdt_addr\nfi\nfi\nfi\n$/);
});

test('with a script the network, the script and the start are typed: less than half of the characters', async t => {
  const scenario = shipped('dom0less-domain-runs', whiteHawk);
  const typed = async (type: BoardType) => {
    const { boot, files } = await prepareDeployment(board(type), scenario);
    const { commands = [], load = [], script, start = '' } = boot.uBoot ?? {};
    const loads = load.map(({ file, address }) => `tftpboot 0x${address.toString(16)} ${file}`);
    const all = [...commands, ...loads, ...(script === undefined ? [] : [script.command]), start];
    return { text: all.join('\r'), script, files };
  };
  const without = await typed(whiteHawk);
  const { text, script, files } = await typed(withScript(whiteHawk));
  t.is(without.script, undefined);
  t.is(
    text,
    [
      'setenv autoload no',
      'setenv ipaddr 192.0.2.2',
      'setenv serverip 192.0.2.1',
      'tftpboot 0x58800000 boot.scr',
      'source 0x58800000',
      'booti 0x48200000 - 0x48000000',
    ].join('\r'),
  );
  t.true(text.length < without.text.length / 2, `${text.length} of ${without.text.length}`);
  t.deepEqual(
    script?.load.map(({ file }) => file),
    [...files.keys()].filter(file => file !== 'boot.scr'),
  );
});

test('a script stops before the start of Xen: what came is read first', async t => {
  const { files } = await prepareDeployment(board(withScript(whiteHawk)), bootScenario(whiteHawk));
  const script = files.get('boot.scr');
  const text = Buffer.from(script instanceof Uint8Array ? script.subarray(72) : []).toString();
  t.regex(text, /^setenv fdt_high/);
  t.notRegex(text, /booti|ipaddr/);
});

const hasMkimage = spawnSync('mkimage', ['-V']).status === 0;
(hasMkimage ? test : test.skip)('a script image is what mkimage makes of the same text', async t => {
  const directory = await scratch(t);
  const text = 'echo one\necho two\n';
  await writeFile(path.join(directory, 'boot.cmd'), text);
  const words = ['-A', 'arm64', '-T', 'script', '-C', 'none', '-n', 'scmi-hil', '-d', 'boot.cmd', 'boot.scr'];
  const env = { ...process.env, SOURCE_DATE_EPOCH: '0' };
  t.is(spawnSync('mkimage', words, { cwd: directory, env, timeout: 10_000 }).status, 0);
  t.deepEqual(
    new Uint8Array(await readFile(path.join(directory, 'boot.scr'))),
    uBootScript(text, 'scmi-hil'),
  );
});

interface Overlap {
  readonly what: string;
  readonly type?: BoardType;
  readonly images?: Readonly<Record<string, Uint8Array>>;
  /** Source that changes the host tree. */
  readonly edit?: string;
  readonly scenario?: 'dom0less-domain-runs';
  readonly told: RegExp;
}

const overlaps: readonly Overlap[] = [
  {
    what: "a kernel's cleared memory reaches into the ramdisk",
    images: { kernel: image(100, 129 * MiB) },
    told: /^kernel: 0x50000000-0x58100000 overlaps ramdisk at 0x58000000-0x58000046$/,
  },
  {
    what: 'a Xen reaches into the kernel',
    images: { xen: image(126 * MiB + 1) },
    told: /^xen: 0x48200000-0x50000001 overlaps kernel at 0x50000000-0x500001f4$/,
  },
  {
    what: "a dom0less domain's modules reach into where U-Boot is",
    images: { ramdisk: new Uint8Array(800 * MiB) },
    scenario: 'dom0less-domain-runs',
    told: /^domU1\.ramdisk: 0x8a200000-0xbc200000 overlaps U-Boot where it has moved itself to at 0xbc000000-/,
  },
  {
    what: 'a ramdisk is where the host tree keeps memory for itself',
    edit: `/ { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
             buffer@58000000 { reg = <0x0 0x58000000 0x0 0x1000>; no-map; }; }; };`,
    told: /^ramdisk: 0x58000000-0x58000046 overlaps \/reserved-memory\/buffer@58000000 of the host tree at 0x58000000-/,
  },
  {
    what: "the tree's header reserves where the kernel is",
    edit: '/memreserve/ 0x50000000 0x1000;',
    told: /^kernel: 0x50000000-0x500001f4 overlaps a memory reservation of the host tree's header at 0x50000000-/,
  },
  {
    what: "the tree's header reserves what ends above 2^53",
    edit: '/memreserve/ 0x50000000 0xffffffff00000001;',
    told: /^kernel: 0x50000000-0x500001f4 overlaps a memory .* header at 0x50000000-0xffffffff50000001$/,
  },
  {
    what: 'a kernel is in the static memory of a dom0less domain',
    edit: `&{/chosen} { domU1 { compatible = "xen,domain"; cpus = <1>; memory = <0 0x4000>; #address-cells = <2>;
             #size-cells = <2>; xen,static-mem = <0x0 0x50000000 0x0 0x1000000>; }; };`,
    told: /^kernel: 0x50000000-0x500001f4 overlaps the static memory of domU1 at 0x50000000-0x51000000$/,
  },
  {
    what: 'the tree itself is where it would grow into Xen',
    type: loading(whiteHawk, { dtb: 0x481fb000 }),
    told: /^dtb: 0x481fb000-0x4820\w+ overlaps xen at 0x48200000-/,
  },
  {
    what: "a file is on an SCMI agent's page",
    type: {
      ...loading(whiteHawk, { ramdisk: 0x47ff2000 }),
      memory: [{ base: 0x40000000, size: 0x80000000 }],
    },
    told: /^ramdisk: 0x47ff2000-0x47ff2046 overlaps the page of SCMI agent 2 at 0x47ff2000-0x47ff3000$/,
  },
  {
    what: 'a file is outside the memory of the board',
    type: loading(whiteHawk, { ramdisk: 0x40000000 }),
    told: /^ramdisk: 0x40000000-0x40000046 is not in the memory of rcar-v4h-white-hawk$/,
  },
  {
    what: 'what the EEPROM places as a row reaches its device tree',
    type: loadBoardType('rpi5'),
    images: { ramdisk: new Uint8Array(240 * MiB) },
    told: /^ramdisk: 0x20000000-0x2f000000 overlaps the device tree where the EEPROM puts it at 0x2ee00000-/,
  },
  {
    what: "what is preloaded for U-Boot reaches the agents' pages",
    type: loadBoardTypeBooting('rpi5', 'u-boot-preloaded'),
    images: { ramdisk: new Uint8Array(780 * MiB) },
    told: /^ramdisk: 0x10400000-0x41000000 .*/,
  },
];

for (const { what, type = whiteHawk, images = {}, edit, scenario, told } of overlaps) {
  test(`refused before boot, both ranges named: ${what}`, async t => {
    const plain = scenario === undefined ? bootScenario(type) : shipped(scenario, type);
    const changed: Scenario =
      edit === undefined ? plain : { ...plain, hostTree: editTree(plain.hostTree, edit) };
    const planned = board(type, images);
    const error = await t.throwsAsync(prepareDeployment(planned, changed), {
      instanceOf: ConfigurationError,
    });
    const { problems } = await checkLayout(planned, changed);
    t.true(
      problems.some(each => told.test(each.what)),
      problems.map(each => each.what).join('\n'),
    );
    t.is(error?.message ?? '', problems[0]?.what ?? '');
    t.truthy(error?.hint);
  });
}

test('every board type fits into its memory in each way to boot, with and without a dom0less domain', async t => {
  for (const name of ['rpi5', 'rcar-v4h-white-hawk', 'rcar-v4h-white-hawk-single', 'rcar-v4h-sparrow-hawk']) {
    for (const boot of loadBoardType(name).boots) {
      const type = loadBoardTypeBooting(name, boot);
      const images = {
        xen: image(2 * MiB),
        kernel: image(24 * MiB, 32 * MiB),
        ramdisk: new Uint8Array(32 * MiB),
      };
      const domd = `dom0less-driver-domain-${name === 'rpi5' ? 'sdio' : 'i2c'}`;
      for (const scenario of [
        bootScenario(type),
        ...['dom0less-domain-runs', domd].map(on => shipped(on, type)),
      ]) {
        const { problems, ranges } = await checkLayout(board(withScript(type), images), scenario);
        t.deepEqual(problems, [], `${name} ${boot} ${scenario.name}`);
        t.true(ranges.length >= 3);
      }
    }
  }
});

test('a tree that Xen cannot boot with is told before', async t => {
  const plain = bootScenario(whiteHawk);
  const tree = editTree(plain.hostTree, '/ { /delete-node/ psci; };');
  const { problems } = await checkLayout(board(whiteHawk), { ...plain, hostTree: tree });
  t.deepEqual(
    problems.map(({ what }) => what),
    [
      'dtb: it lacks PSCI (arm,psci-...), by which it starts the other processors and switches off; Xen needs it (arch/arm/psci.c, psci_init)',
    ],
  );
});

const uBoot = '/usr/lib/u-boot/qemu_arm64/u-boot.bin';
const hasUBoot = existsSync(uBoot) && spawnSync('qemu-system-aarch64', ['--version']).status === 0;
const onUBoot = hasUBoot ? test : test.skip;

onUBoot('a real U-Boot runs the script: sizes of modules are those of the files that came', async t => {
  const directory = await scratch(t);
  const type = loadBoardType('qemu-virt');
  const planned: PlannedBoard = { ...board(type), network: { address: '10.0.2.15', server: '10.0.2.2' } };
  const { bootScript = '', files } = await prepareDeployment(planned, bootScenario(type));
  for (const [file, content] of files) await writeFile(path.join(directory, file), content);
  // Another kernel than the one that the tree was made for.
  await writeFile(path.join(directory, 'kernel'), new Uint8Array(0x12345));
  const script = bootScript.replace(/booti.*/, 'fdt print /chosen');
  await writeFile(path.join(directory, 'boot.scr'), uBootScript(script, 'scmi-hil'));

  const said = await sourced(directory);
  t.notRegex(said, /libfdt|Unknown command|Usage/);
  t.regex(said, /module@50000000 \{[^}]*reg = <0x0+ 0x50000000 0x0+ 0x0*12345>/);
  t.regex(said, /module@58000000 \{[^}]*reg = <0x0+ 0x58000000 0x0+ 0x0*46>/);

  await rm(path.join(directory, 'kernel'));
  const missing = await sourced(directory);
  t.regex(missing, /TFTP error: .*\n[^]*after the script/);
  t.notRegex(missing, /Filename 'ramdisk'|module@50000000/);
});

const sparrowHawk = loadBoardType('rcar-v4h-sparrow-hawk');
const bl31 = new Uint8Array(5000).fill(7);

test('an U-Boot at EL3 gets Xen and the tree in one image with BL31, and the rest as files', async t => {
  const { files, boot, placed, images, bootScript } = await prepareDeployment(
    board(sparrowHawk, { bl31 }),
    shipped('dom0less-domain-runs', sparrowHawk),
  );
  const fetched = ['kernel', 'ramdisk', 'domU1.kernel', 'domU1.ramdisk', 'domU1.dtb', 'fit'];
  t.deepEqual([...files.keys()], fetched);
  t.is(boot.uBoot?.start, 'bootm 0x58800000');
  t.regex(bootScript ?? '', /if tftpboot 0x58800000 fit; then\nbootm 0x58800000\n(fi\n){6}$/);
  t.notRegex(bootScript ?? '', /^fdt /m, 'a tree in an image is not edited');
  t.deepEqual(new Set(placed.map(({ file }) => file)), new Set(['dtb', 'xen', ...fetched]));
  t.deepEqual([...images.keys()].toSorted(), [
    'bl31',
    'domU1.kernel',
    'domU1.ramdisk',
    'kernel',
    'ramdisk',
    'xen',
  ]);

  const content = files.get('fit');
  const fit = parseFlat(content instanceof Uint8Array ? content : new Uint8Array());
  const part = (name: string) => fit.node(`/images/${name}-1`);
  t.deepEqual(
    ['kernel', 'fdt', 'tfa-bl31'].map(name => part(name)?.u32('load')),
    [0x48200000, 0x48000000, 0x46400000],
  );
  const tree = parseFlat(part('fdt')?.properties.get('data') ?? new Uint8Array());
  t.deepEqual(tree.node('/chosen/domU1/kernel')?.cells('reg'), [0, 0x58200000, 0, 500]);
});

test('the place of BL31 in the lab is asked for where U-Boot starts it, and nowhere else', t => {
  t.deepEqual(imageNames(sparrowHawk), ['xen', 'kernel', 'ramdisk', 'bl31']);
  t.deepEqual(imageNames(loadBoardTypeBooting('rcar-v4h-sparrow-hawk', 'u-boot-after-bl31')), [
    'xen',
    'kernel',
    'ramdisk',
  ]);
});

onUBoot('a real U-Boot finds the parts of such an image whole, and puts each to its place', async t => {
  const directory = await scratch(t);
  const bytes = fitImage({
    kernel: { bytes: image(4096), address: 0x48200000 },
    tree: { bytes: writeFlat(bootScenario(loadBoardType('qemu-virt')).hostTree), address: 0x48000000 },
    bl31: { bytes: bl31, address: 0x46400000 },
  });
  await writeFile(path.join(directory, 'fit'), bytes);
  const steps = ['start 0x62000000', 'loados', 'fdt'].map(step => `bootm ${step}`);
  const script = ['tftpboot 0x62000000 fit', 'iminfo 0x62000000', ...steps, 'crc32 0x46400000 0x1388', ''];
  await writeFile(path.join(directory, 'boot.scr'), uBootScript(script.join('\n'), 'scmi-hil'));
  const said = await sourced(directory);
  t.regex(
    said,
    /Image 0 \(kernel-1\): crc32\+[^]*Image 1 \(fdt-1\): crc32\+[^]*Image 2 \(tfa-bl31-1\): crc32\+/,
  );
  t.regex(said, /Loading fdt from 0x\w+ to 0x48000000/);
  t.regex(said, /Loading loadables from 0x\w+ to 0x46400000/);
  t.true(said.includes(`==> ${crc32(bl31).toString(16).padStart(8, '0')}`), said.slice(-600));
});

/** Output of a U-Boot that fetches a script from QEMU's own TFTP server and runs it. */
async function sourced(directory: string): Promise<string> {
  // One line: what is typed while a command runs is lost.
  const network = 'setenv autoload no; setenv ipaddr 10.0.2.15; setenv serverip 10.0.2.2';
  const commands = `${network}; tftpboot 0x60000000 boot.scr; source 0x60000000; echo after the script; poweroff`;
  const machine = ['-M', 'virt', '-cpu', 'cortex-a57', '-m', '1024', '-nographic', '-bios', uBoot];
  const { stdout } = spawnSync('qemu-system-aarch64', [...machine, '-nic', `user,tftp=${directory}`], {
    input: `\n\n\n${commands}\n`,
    timeout: 50_000,
  });
  return stdout.toString().replaceAll('\r', '');
}

function loading(type: BoardType, addresses: Readonly<Record<string, number>>): BoardType {
  const { uBoot: loader } = type.boot;
  if (loader === undefined) return type;
  const load = loader.load.map(row => ({ ...row, address: addresses[row.file] ?? row.address }));
  return { ...type, boot: { ...type.boot, uBoot: { ...loader, load } } };
}

async function scratch(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'scmi-hil-deployment-'));
  t.teardown(() => rm(directory, { recursive: true }));
  return directory;
}

const bootargsOf = (inside: string) => {
  const tree = parseSource(
    `/dts-v1/; / { chosen { #address-cells = <2>; #size-cells = <2>; domU1 { compatible = "xen,domain"; ${inside} }; }; };`,
  );
  const modules = [{ kind: 'multiboot,kernel', domain: 'domU1', address: 0x5000_0000, size: 1 }] as const;
  const domain = withBootModules(tree, modules).node('/chosen/domU1');
  return domain?.children.find(node => node.isCompatible('multiboot,kernel'))?.string('bootargs');
};

test("bootargs of a domain's node, which Xen does not read, go to the module of its kernel", t => {
  t.is(bootargsOf('bootargs = "a";'), 'a');
  t.is(bootargsOf('bootargs = "a"; kernel { compatible = "multiboot,kernel"; bootargs = "b"; };'), 'b');
  t.is(bootargsOf(''), undefined);
});

const dom0Kernel = [{ kind: 'multiboot,kernel', address: 0x5000_0000, size: 0x1000 }] as const;
const deployedChosen = (source: string, modules: readonly BootModule[] = dom0Kernel) =>
  withBootModules(parseSource(`/dts-v1/; / { ${source} };`), modules).node('/chosen');
const countsOf = (node: DtNode | undefined) => [node?.u32('#address-cells'), node?.u32('#size-cells')];
const regOf = (node: DtNode | undefined) => node?.children.at(-1)?.cells('reg');

test('/chosen without counts of cells gets two of each, and its modules are written in them', t => {
  for (const source of ['', 'chosen { };', '#address-cells = <1>; #size-cells = <1>; chosen { ranges; };']) {
    const chosen = deployedChosen(source);
    t.deepEqual(countsOf(chosen), [2, 2], source);
    t.deepEqual(regOf(chosen), [0, 0x5000_0000, 0, 0x1000], source);
  }
});

test('counts of cells that are there are kept, and so are those in which something is written already', t => {
  const own = deployedChosen('chosen { #address-cells = <1>; #size-cells = <1>; };');
  t.deepEqual(countsOf(own), [1, 1]);
  t.deepEqual(regOf(own), [0x5000_0000, 0x1000]);
  for (const inside of [
    'module@1000 { compatible = "multiboot,module"; reg = <0x1000 0x10>; };',
    'domU1 { compatible = "xen,domain"; xen,static-mem = <0x60000000 0x1000000>; };',
    'xen { ranges = <0 0x47ff0000 0x1000>; };',
  ]) {
    const chosen = deployedChosen(`#address-cells = <1>; #size-cells = <1>; chosen { ${inside} };`);
    t.deepEqual(countsOf(chosen), [1, 1], inside);
    t.deepEqual(regOf(chosen), [0x5000_0000, 0x1000], inside);
  }
  const unreadable = deployedChosen(
    '#address-cells = <2>; #size-cells = <0>; chosen { x { reg = <0 1>; }; };',
  );
  t.deepEqual(countsOf(unreadable), [2, 2]);
});

test("modules of a domain are written in the cells of the domain's node", t => {
  const modules = [{ ...dom0Kernel[0], domain: 'domU1' }];
  const chosen = deployedChosen(
    'chosen { domU1 { compatible = "xen,domain"; #address-cells = <1>; #size-cells = <1>; }; };',
    modules,
  );
  t.deepEqual(countsOf(chosen), [2, 2]);
  t.deepEqual(regOf(chosen?.child('domU1')), [0x5000_0000, 0x1000]);
  t.deepEqual(countsOf(deployedChosen('chosen { };', modules)?.child('domU1')), [2, 2]);
});
