/** `scmi-hil init`: what it finds, what it asks, and that every file that it writes is a lab. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as nodePty from '@lydell/node-pty';
import test, { type ExecutionContext } from 'ava';
import * as fc from 'fast-check';
import { parse } from 'yaml';
import { boardTypeNames, loadBoardType } from '../../src/board/board-types.ts';
import type { LabBoard } from '../../src/lab/lab.ts';
import { isEmulated, isVirtual, loadLab } from '../../src/lab/load-lab.ts';
import { projectDirectory } from '../../src/config/project-directory.ts';
import { ownAddresses } from '../../src/lab/init/addresses.ts';
import { labText } from '../../src/lab/init/lab-text.ts';
import { findSerialAdapters } from '../../src/lab/init/serial-adapters.ts';
import { usualAdapter } from '../../src/lab/init/serial-question.ts';
import { writeLab } from '../../src/lab/init/write-lab.ts';
import { scmiHil } from './fake-process.ts';

const bin = path.join(projectDirectory, 'bin/scmi-hil.js');

function temporary(t: ExecutionContext): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'scmi-hil-init-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** The one board of a lab file, as every command reads it. */
function written(directory: string, file = 'lab.yaml'): LabBoard {
  const { boards } = loadLab({ lab: path.join(directory, file), cwd: directory, env: {} });
  const [entry] = boards.values();
  if (entry === undefined || isVirtual(entry.setup) || isEmulated(entry.setup))
    throw new Error('no real board');
  return entry.setup;
}

/** Enough for a board without a question. */
const v4h =
  'init --yes --type rcar-v4h-white-hawk --name v4h-01 --serial /dev/ttyUSB0 --server 192.0.2.1 --address 192.0.2.2'
    .split(' ')
    .concat('--power-on', 'pdu "3" on', '--power-off', "pdu '3' off # not this");

test('options alone make a lab file, with the images left for later', async t => {
  const cwd = temporary(t);
  const { code, out, err } = await scmiHil(v4h, { cwd });
  t.is(err, '');
  t.is(code, 0);
  t.regex(
    out,
    /wrote .*lab\.yaml\n {2}not there yet: serial port, xen, kernel, ramdisk, dtb;.*\nnext:\n {2}scmi-hil doctor v4h-01\n/,
  );
  t.regex(out, /\n {2}scmi-hil run dom0-and-guest --board v4h-01\n$/);
  t.like(written(cwd), {
    type: 'rcar-v4h-white-hawk',
    serial: { kind: 'device', path: '/dev/ttyUSB0' },
    power: { kind: 'command', on: 'pdu "3" on', off: "pdu '3' off # not this" },
    network: { address: '192.0.2.2', server: '192.0.2.1' },
    ssh: { identity: { kind: 'agent' } },
    images: { xen: path.join(cwd, 'images/v4h-01/xen') },
  });
  t.regex(readFileSync(path.join(cwd, 'lab.yaml'), 'utf8'), / xen: images\/v4h-01\/xen # not there yet\n/);
  t.deepEqual(readdirSync(cwd), ['lab.yaml']);
});

for (const type of boardTypeNames().filter(name => loadBoardType(name).emulator === undefined)) {
  for (const boot of loadBoardType(type).boots) {
    test(`a lab file is made for ${type}, booted by ${boot}`, async t => {
      const cwd = temporary(t);
      const { code, err } = await scmiHil([...v4h, '--type', type, '--boot', boot], { cwd });
      t.is(code, 0, err);
      t.is(written(cwd).type, type);
    });
  }
}

test('paths are kept right for a lab file in another directory', async t => {
  const cwd = temporary(t);
  mkdirSync(path.join(cwd, '.ssh'));
  for (const file of ['xen', '.ssh/id_ed25519', 'my.dtb']) writeFileSync(path.join(cwd, file), '');
  const images = ['--image', 'xen=xen', '--image', 'dtb=./my.dtb'];
  const { code, out, err } = await scmiHil([...v4h, ...images, '--lab', 'a/b/office.yaml'], { cwd });
  t.is(code, 0, err);
  t.true(out.includes('scmi-hil doctor v4h-01 --lab a/b/office.yaml'));
  const board = written(cwd, 'a/b/office.yaml');
  t.is(board.images['xen'], path.join(cwd, 'xen'));
  t.is(board.images['dtb'], path.join(cwd, 'my.dtb'));
  t.is(board.images['kernel'], path.join(cwd, 'a/b/images/v4h-01/kernel'));
  t.regex(
    readFileSync(path.join(cwd, 'a/b/office.yaml'), 'utf8'),
    /identity: \{ kind: key, path: ~\/\.ssh\/id_ed25519 \}/,
  );
});

const without = (...options: readonly string[]) =>
  v4h.filter((word, index) => !options.includes(word) && !options.includes(v4h[index - 1] ?? ''));

/** Command lines that write nothing, and what is said. */
const refused: readonly (readonly [title: string, argv: readonly string[], said: RegExp])[] = [
  [
    'nobody is there to be asked',
    ['init', '--name', 'x'],
    /nobody to ask for --type, (--serial, )?--power-on and --power-off \(or --power\), (--server, )?--address\n/,
  ],
  ['one answer is missing', without('--address'), /nobody to ask for --address\n {2}give these options/],
  ['there is no such type', [...v4h, '--type', 'rpi6'], /--type rpi6: there is no board type rpi6\n.*rpi5/],
  ['the type is in QEMU', [...v4h, '--type', 'qemu-virt'], /--type qemu-virt: .* is emulated/],
  [
    'the name cannot be part of a file name',
    [...v4h, '--name', '../x'],
    /--name \.\.\/x: .*: expected a name of let/,
  ],
  [
    'the port is none',
    [...v4h, '--serial', 'COM3'],
    /--serial COM3: .*neither a device nor a socket\n.*rfc2217/,
  ],
  ['the port number is none', [...v4h, '--serial', 'tcp://h:70000'], /neither a device nor a socket/],
  [
    'the address is none',
    [...v4h, '--address', '192.0.2.256'],
    /--address 192\.0\.2\.256: .*not an IPv4 address/,
  ],
  ["the address is this machine's", [...v4h, '--address', '192.0.2.1'], /is this machine's own address/],
  ['a command has no counterpart', without('--power-off'), /--power-off is missing/],
  [
    'two switches are given',
    [...v4h, '--power', 'ask'],
    /--power and --power-on, --power-off contradict each other/,
  ],
  [
    'a field of the switch is wrong',
    [...without('--power-on', '--power-off'), '--power', '{ kind: uhubctl, location: 1-1, prot: 2 }'],
    /--power: .*(port: is missing|prot: unknown field \(did you mean port\?\))/,
  ],
  [
    'the switch is no YAML',
    [...without('--power-on', '--power-off'), '--power', '{ kind: '],
    /--power: .*\n {2}such as "\{ kind: shelly/,
  ],
  [
    'an image has no file',
    [...v4h, '--image', 'xen=./none'],
    /--image xen \.\/none: .*there is no such file/,
  ],
  [
    'an image has no such name',
    [...v4h, '--image', 'xne=x'],
    /--image xne: .*no such image\n {2}did you mean xen\?/,
  ],
  ['there is no such key', [...v4h, '--key', './none'], /--key \.\/none: .*there is no such file/],
  ['an option is empty', [...v4h, '--name', ''], /--name: an answer is needed/],
  [
    'no board can reach the server',
    [...v4h, '--server', '127.0.0.1'],
    /127\.0\.0\.1 is this machine to itself/,
  ],
  [
    'the key is the public one',
    [...v4h, '--key', '~/.ssh/id_rsa.pub'],
    /public half of a key.*\n {2}the private one is ~\/\.ssh\/id_rsa\n/,
  ],
  ['the key is a directory', [...v4h, '--key', '/etc'], /--key \/etc: .*is no file/],
  [
    'the lab file is a directory',
    [...v4h, '--lab', '/etc'],
    /\/etc is a directory\n {2}name a file: --lab \/etc\/lab\.yaml/,
  ],
  [
    'the lab file cannot be written, before anything is asked',
    ['init', '--lab', '/etc/hostname/lab.yaml'],
    /cannot write \/etc\/hostname\/lab\.yaml: .*no directory\n {2}name another/,
  ],
  [
    'its directory cannot be made',
    [...v4h, '--lab', '/proc/none/lab.yaml'],
    /cannot write \/proc\/none\/lab\.yaml: /,
  ],
  [
    'the serial number is none',
    [...v4h, '--serial-number', 'C0FFEE'],
    /--serial-number C0FFEE: .*8 or 16 digits/,
  ],
];

for (const [title, argv, said] of refused) {
  test(`exits 2 and writes nothing where ${title}`, async t => {
    const cwd = temporary(t);
    const { code, out, err } = await scmiHil(argv, { cwd });
    t.regex(err, said);
    t.is(code, 2);
    t.is(out, '');
    t.deepEqual(readdirSync(cwd), []);
  });
}

test('a lab file that is there stays; --force keeps it beside, once', async t => {
  const cwd = temporary(t);
  writeFileSync(path.join(cwd, 'lab.yaml'), 'mine\n');
  const stayed = await scmiHil(v4h, { cwd });
  t.is(stayed.code, 2);
  t.regex(stayed.err, /lab\.yaml is there already\n {2}edit it; or --force/);
  t.is(readFileSync(path.join(cwd, 'lab.yaml'), 'utf8'), 'mine\n');

  t.is((await scmiHil([...v4h, '--force'], { cwd })).code, 0);
  t.is(readFileSync(path.join(cwd, 'lab.yaml.old'), 'utf8'), 'mine\n');
  t.is(written(cwd).type, 'rcar-v4h-white-hawk');

  const again = await scmiHil([...v4h, '--force'], { cwd });
  t.is(again.code, 2);
  t.regex(again.err, /lab\.yaml\.old is there already/);
  t.is(readFileSync(path.join(cwd, 'lab.yaml.old'), 'utf8'), 'mine\n');
});

test('a text that is no lab never comes in place, and its mistake names the file', t => {
  const directory = temporary(t);
  const file = path.join(directory, 'lab.yaml');
  t.throws(() => writeLab(file, 'schema: 2\nboards: {}\n', false), {
    message: /the answers make no lab: .*lab\.yaml:1:9: schema: /,
  });
  t.deepEqual(readdirSync(directory), []);
});

test('a lab file that appears while somebody answers is not overwritten', t => {
  const directory = temporary(t);
  const file = path.join(directory, 'lab.yaml');
  symlinkSync('nowhere', file);
  t.throws(() => writeLab(file, 'schema: 1\nboards: { a: { type: rpi5, virtual: true } }\n', false), {
    message: /lab\.yaml is there already/,
  });
  t.deepEqual(readdirSync(directory), ['lab.yaml']);
});

test('every answer is read back unchanged', t => {
  const text = fc.string({ unit: 'grapheme', minLength: 1 });
  fc.assert(
    fc.property(text, text, text, text, (on, off, xen, title) => {
      const parsed: unknown = parse(
        labText({
          name: '1.0',
          type: 'rpi5',
          typeTitle: 'Raspberry Pi 5',
          boot: undefined,
          serial: { kind: 'device', path: on },
          serialTitle: title.replaceAll(/[^ -~]/g, ''),
          power: { kind: 'command', on, off },
          network: { address: '192.0.2.2', server: '192.0.2.1', serialNumber: '00000123' },
          lacksSerialNumber: true,
          identity: { kind: 'key', path: off },
          images: [{ name: 'xen', path: xen, isThere: false }],
        }),
      );
      t.like(parsed, {
        boards: {
          '1.0': {
            serial: { path: on },
            power: { kind: 'command', on, off },
            network: { serialNumber: '00000123' },
            ssh: { identity: { kind: 'key', path: off } },
            images: { xen },
          },
        },
      });
    }),
  );
});

interface Plugged {
  readonly tty: string;
  readonly byId?: string;
  readonly byPath: string;
  readonly usb?: Readonly<Record<string, string>>;
}

const probe: Plugged = {
  tty: 'ttyACM0',
  byId: 'usb-Raspberry_Pi_Debug_Probe__CMSIS-DAP__E6614103E7-if01',
  byPath: 'pci-0000:00:14.0-usb-0:1:1.1',
  usb: { idVendor: '2e8a', idProduct: '000c', serial: 'E6614103E7', product: 'Debug Probe' },
};
const ft2232 = { idVendor: '0403', idProduct: '6010', serial: 'FT4X', product: 'Dual RS232-HS' };
const sparrowHawk: readonly Plugged[] = [0, 1].map(port => ({
  tty: `ttyUSB${port}`,
  byId: `usb-FTDI_Dual_RS232-HS_FT4X-if0${port}-port0`,
  byPath: `pci-0000:00:14.0-usb-0:2:1.${port}-port0`,
  usb: ft2232,
}));
const anonymous: Plugged = {
  tty: 'ttyUSB5',
  byId: 'usb-1a86_USB_Serial-if00-port0',
  byPath: 'pci-0000:00:14.0-usb-0:5:1.0-port0',
  usb: { idVendor: '1a86', idProduct: '7523', product: 'USB Serial' },
};
const strange: Plugged = {
  tty: 'ttyUSB7',
  byId: 'usb-ACME_Thing_1-if00-port0',
  byPath: 'pci-0000:00:14.0-usb-0:7:1.0-port0',
  usb: { idVendor: 'f00d', idProduct: '0001', serial: '1', product: 'Thing\u001B[2J' },
};

/** /dev/serial and /sys as udev and Linux make them. */
function plug(t: ExecutionContext, plugged: readonly Plugged[]): string {
  const root = temporary(t);
  const link = (target: string, directory: string, name: string) => {
    mkdirSync(path.join(root, directory), { recursive: true });
    symlinkSync(target, path.join(root, directory, name));
  };
  for (const { tty, byId, byPath, usb } of plugged) {
    mkdirSync(path.join(root, 'dev'), { recursive: true });
    writeFileSync(path.join(root, 'dev', tty), '');
    if (byId !== undefined) link(`../../${tty}`, 'dev/serial/by-id', byId);
    link(`../../${tty}`, 'dev/serial/by-path', byPath);
    link(`../../${tty}`, 'dev/serial/by-path', byPath.replace('-usb-', '-usbv2-'));
    if (usb === undefined) continue;
    const device = path.join('sys/devices/usb1', `1-${tty}`);
    mkdirSync(path.join(root, device, '1.0', tty), { recursive: true });
    for (const [name, text] of Object.entries(usb)) writeFileSync(path.join(root, device, name), `${text}\n`);
    link(path.join(root, device, '1.0', tty), `sys/class/tty/${tty}`, 'device');
  }
  return root;
}

test('adapters are found by the name that lasts, with what they are', async t => {
  const root = plug(t, [probe, ...sparrowHawk, anonymous, strange]);
  const found = await findSerialAdapters(root);
  t.deepEqual(
    found.map(({ path: name, port, title }) => [name, port, title]),
    [
      [`/dev/serial/by-id/${strange.byId}`, 0, String.raw`Thing\x1b[2J`],
      [
        `/dev/serial/by-id/${sparrowHawk[0]?.byId}`,
        0,
        'FTDI FT2232, two ports (Sparrow Hawk CN4: the console is the first)',
      ],
      [
        `/dev/serial/by-id/${sparrowHawk[1]?.byId}`,
        1,
        'FTDI FT2232, two ports (Sparrow Hawk CN4: the console is the first)',
      ],
      [`/dev/serial/by-id/${probe.byId}`, 1, 'Raspberry Pi Debug Probe'],
      [`/dev/serial/by-path/${anonymous.byPath}`, 0, 'WCH CH340'],
    ],
  );
});

test('where /sys tells nothing, the name of an adapter does', async t => {
  const root = plug(
    t,
    [probe, ...sparrowHawk].map(({ tty, byId = '', byPath }) => ({ tty, byId, byPath })),
  );
  const titles = (await findSerialAdapters(root)).map(({ title }) => title.split(',')[0]);
  t.deepEqual(titles, ['FTDI FT2232', 'FTDI FT2232', 'Raspberry Pi Debug Probe']);
});

test('no adapters at all are no error', async t => {
  t.deepEqual(await findSerialAdapters(temporary(t)), []);
});

for (const [plugged, type, usual] of [
  [[probe, ...sparrowHawk], 'rpi5', probe.byId],
  [[probe, ...sparrowHawk], 'rcar-v4h-sparrow-hawk', sparrowHawk[0]?.byId],
  [sparrowHawk, 'rcar-v4h-white-hawk', sparrowHawk[0]?.byId],
  [[probe, strange], 'rcar-v4h-white-hawk', undefined],
  [[], 'rpi5', undefined],
] as const) {
  test(`of ${plugged.length} ports, a ${type} gets ${usual ?? 'none without being asked'}`, async t => {
    const found = await findSerialAdapters(plug(t, plugged));
    t.is(usualAdapter(found, type)?.path, usual && `/dev/serial/by-id/${usual}`);
  });
}

test('addresses that a board can reach are IPv4 and not the loopback', t => {
  const base = { mac: '00:00:00:00:00:00', cidr: null, netmask: '255.255.255.0' };
  const own = ownAddresses({
    lo: [{ ...base, address: '127.0.0.1', family: 'IPv4', internal: true }],
    eth1: [
      { ...base, address: '192.0.2.1', family: 'IPv4', internal: false },
      { ...base, address: 'fe80::1', family: 'IPv6', internal: false, scopeid: 2 },
    ],
  });
  t.deepEqual(own, [{ address: '192.0.2.1', netmask: '255.255.255.0', interface: 'eth1' }]);
});

/** Somebody at a terminal, who answers each question when it has come. */
async function converse(
  t: ExecutionContext,
  cwd: string,
  argv: readonly string[],
  dialogue: readonly (readonly [question: string, answer: string])[],
): Promise<{ readonly code: number; readonly screen: string }> {
  const { PATH = '' } = process.env;
  const pty = nodePty.spawn(process.execPath, [bin, 'init', ...argv], {
    cwd,
    cols: 200,
    env: { PATH, HOME: cwd, TERM: 'dumb' },
  });
  let screen = '';
  let seen = 0;
  const left = [...dialogue];
  pty.onData(text => {
    screen += text;
    for (let [next] = left; next !== undefined; [next] = left) {
      const at = screen.indexOf(next[0], seen);
      if (at < 0) return;
      seen = at + next[0].length;
      left.shift();
      pty.write(next[1]);
    }
  });
  const code = await new Promise<number>((resolve, reject) => {
    const late = setTimeout(() => {
      pty.kill('SIGKILL');
      reject(new Error(`it waits for ${left[0]?.[0] ?? 'its end'}:\n${screen}`));
    }, 50_000);
    pty.onExit(({ exitCode }) => {
      clearTimeout(late);
      resolve(exitCode);
    });
  });
  t.deepEqual(left, [], screen);
  return { code, screen };
}

test('at a terminal it asks, holds answers to what they must be, and writes', async t => {
  const cwd = temporary(t);
  writeFileSync(path.join(cwd, 'xen.bin'), '');
  const { code, screen } = await converse(
    t,
    cwd,
    [],
    [
      ['Type of the board (or a .yaml file of one): ', 'rpi6\r'],
      ['there is no board type rpi6', ''],
      ['Type of the board (or a .yaml file of one): ', 'rpi5\r'],
      ['Name of the board in this lab [rpi5-01]: ', '\r'],
      ['Way to boot [xen]: ', '\r'],
      ['Serial console', 'rfc2217://consoles.lab:7001\r'],
      ['How is its power switched [command]: ', 'shelly\r'],
      ['its name or address: ', '\r'],
      ['an answer is needed', 'plug-3.lab\r'],
      ['its generation: 1, or 2 for later ones [2]: ', '3\r'],
      ['its generation: 1, or 2 for later ones [2]: ', '\r'],
      ['its channel [0]: ', '\r'],
      ['file that holds its password [it asks for none]: ', '\r'],
      ["Address of this machine on the board's network", '192.0.2.1\r'],
      ['Address of the board itself: ', 'rpi5.lab\r'],
      ['Address of the board itself: ', '192.0.2.2\r'],
      ["The board's Ethernet address, for scmi-hil dhcp-config [later]: ", '\r'],
      ['Serial number of the Raspberry Pi', '\r'],
      ["SSH key that Dom0's root lets in (a file, or agent) [agent]: ", '\r'],
      ['Path of its armstub [later: images/rpi5-01/armstub]: ', '\r'],
      ['Path of its xen ', 'xen.bin\r'],
      ['Path of its kernel ', '\r'],
      ['Path of its ramdisk ', '\r'],
      ['Path of its own device tree (the shipped one is cut down) [later: images/rpi5-01/dtb]: ', '\r'],
    ],
  );
  t.is(code, 0, screen);
  t.regex(screen, /wrote lab\.yaml\r\n {2}not there yet: armstub, kernel, ramdisk, dtb;/);
  const board = written(cwd);
  t.like(board, {
    serial: { kind: 'rfc2217', host: 'consoles.lab', port: 7001 },
    power: { kind: 'shelly', host: 'plug-3.lab', generation: 2, channel: 0 },
    network: { address: '192.0.2.2', server: '192.0.2.1' },
    images: { xen: path.join(cwd, 'xen.bin') },
  });
  t.regex(readFileSync(path.join(cwd, 'lab.yaml'), 'utf8'), /# serialNumber: "\.\.\."/);
});

test('odd answers are asked for again, and addresses are written as they have to be', async t => {
  const cwd = temporary(t);
  const { code, screen } = await converse(
    t,
    cwd,
    '--name pi --boot xen --serial /dev/ttyUSB9 --power ask'.split(' '),
    [
      ['Type of the board', '9\r'],
      ['9: there are 4 to choose from', '\u001b[A\t4\r'],
      ['Address of this machine', '300.1.1.1\r'],
      ['not an IPv4 address', '192.0.2.1\r'],
      ['Address of the board itself: ', '192.0.2.2\r'],
      ['Ethernet address', 'D8-3A-DD-01-02-03\r'],
      ['Serial number', ' BD989AE1 \r'],
      ['SSH key', `${cwd}\r`],
      ['is no file', 'agent\r'],
      ['its armstub', '"x"\r'],
      ['there is no such file', '\r'],
      ['its xen', '\r'],
      ['its kernel', '\r'],
      ['its ramdisk', '\r'],
      ['its own device tree', '\r'],
    ],
  );
  t.is(code, 0, screen);
  t.true(screen.includes('not there yet: serial port, armstub'), screen);
  t.like(written(cwd).network, { macAddress: 'd8:3a:dd:01:02:03', serialNumber: 'bd989ae1' });
});

test('a terminal that goes away leaves no file and no process', async t => {
  const cwd = temporary(t);
  const pty = nodePty.spawn(process.execPath, [bin, 'init'], { cwd, env: { ...process.env, HOME: cwd } });
  const gone = new Promise<void>(resolve => pty.onExit(() => resolve()));
  let screen = '';
  pty.onData(text => {
    screen += text;
    // A terminal does this when its window is closed.
    if (screen.includes('Type of the board')) pty.kill('SIGHUP');
  });
  await gone;
  t.deepEqual(readdirSync(cwd), []);
});

test('lines that are pasted at once answer one question each', async t => {
  const cwd = temporary(t);
  const given = v4h.slice(2).filter(word => !['--name', 'v4h-01', '--address', '192.0.2.2'].includes(word));
  const { code, screen } = await converse(t, cwd, given, [
    ['Name of the board', 'pasted\r192.0.2.7\r\r\r\r\r\r\r'],
  ]);
  t.is(code, 0, screen);
  t.is(written(cwd).network.address, '192.0.2.7');
  t.true(readFileSync(path.join(cwd, 'lab.yaml'), 'utf8').includes('\n  pasted:\n'));
});

for (const [key, typed] of [
  ['Ctrl-C', '\u0003'],
  ['Ctrl-D', '\u0004'],
] as const) {
  test(`${key} leaves with 130, without a file`, async t => {
    const cwd = temporary(t);
    const { code, screen } = await converse(t, cwd, v4h.slice(2, 4), [['Name of the board', typed]]);
    t.is(code, 130, screen);
    t.true(screen.includes('nothing was written'));
    t.false(existsSync(path.join(cwd, 'lab.yaml')));
  });
}
