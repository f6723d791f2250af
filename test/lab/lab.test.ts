import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { boardTypeNames, loadBoardType, loadBoardTypeBooting } from '../../src/board/board-types.ts';
import { ConfigurationError } from '../../src/config/configuration-error.ts';
import { readIdentity } from '../../src/lab/identity.ts';
import { labSchema } from '../../src/lab/lab.ts';
import { type LabPower, outletOf, shownPower } from '../../src/lab/lab-power.ts';
import { boardOf, isVirtual, loadLab, requireNoMistake } from '../../src/lab/load-lab.ts';
import { imageNames } from '../../src/lab/needed-images.ts';
import { nearestName } from '../../src/config/nearest-name.ts';
import { openBoard, openWires } from '../../src/lab/open.ts';
import { openPower } from '../../src/lab/open-power.ts';
import { serialOf } from '../../src/lab/open-serial.ts';
import { parseYaml, readYaml } from '../../src/config/yaml-file.ts';

const directory = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-lab-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

const lab = `schema: 1
name: bench
boards:
  rpi5-01:
    type: rpi5
    serial: { kind: tcp, host: 127.0.0.1, port: 7001 }
    power: { kind: command, on: "true", off: "true", state: "echo on" }
    network: { address: 192.168.1.2, server: 127.0.0.1, tftpPort: 16969, serialNumber: 0c8f7e5cbd989ae1 }
    ssh:
      identity: { kind: password, file: secret }
      guests: { guest: 10.0.0.2 }
    images: { armstub: a, xen: x, kernel: k, ramdisk: r }
    deadlines: { dom0: 5m }
`;

test('shipped board types are read, with addresses as numbers and durations in milliseconds', t => {
  t.deepEqual(boardTypeNames(), [
    'qemu-virt',
    'rcar-v4h-sparrow-hawk',
    'rcar-v4h-white-hawk',
    'rcar-v4h-white-hawk-single',
    'rpi5',
  ]);
  for (const name of boardTypeNames()) t.is(loadBoardType(name).type, name);
  const { guestShmem, deadlines } = loadBoardType('rpi5');
  t.is(guestShmem, 0x22001000);
  t.is(deadlines.deploy, 180_000);
});

test('without a lab file the lab is three virtual boards', t => {
  const empty = mkdtempSync(path.join(directory, 'empty-'));
  const { file, boards } = loadLab({ cwd: empty, env: { HOME: empty } });
  t.is(file, null);
  t.deepEqual(
    [...boards.values()].map(({ name, type, setup }) => [name, type.type, isVirtual(setup)]),
    [
      ['virtual-rpi5', 'rpi5', true],
      ['virtual-v4h', 'rcar-v4h-white-hawk', true],
      ['virtual-qemu', 'qemu-virt', true],
    ],
  );
});

const directoryOf = (name: string, tftp: string, type = 'rpi5') =>
  lab
    .replace('name: bench', `name: ${name}`)
    .replace('type: rpi5', `type: ${type}`)
    .replace('    ssh:', `    tftp: ${tftp}\n    ssh:`);

test("files go into the directory of the lab's own server, below what the board asks for, and no two boards share it", t => {
  const read = (name: string, text: string) => {
    const file = path.join(directory, `${name}.yaml`);
    writeFileSync(file, text);
    const loaded = loadLab({ lab: file, cwd: directory, env: {} });
    requireNoMistake(loaded);
    return loaded;
  };
  const { setup } = boardOf(
    read('staged', directoryOf('staged', '{ kind: directory, path: tftp }')),
    'rpi5-01',
  );
  t.like(setup, { tftp: { kind: 'directory', path: path.join(directory, 'tftp') } });
  t.throws(() => read('up', directoryOf('up', '{ kind: directory, path: /srv/tftp, below: ../etc/ }')), {
    message: /below.*a directory such as/s,
  });
  const one = directoryOf('two', '{ kind: directory, path: /srv/tftp, below: x/ }');
  const second = one
    .slice(one.indexOf('  rpi5-01:'))
    .replace('rpi5-01', 'rpi5-02')
    .replace('7001', '7002')
    .replace('192.168.1.2', '192.168.1.3')
    .replace('"true", off: "true"', '"on 2", off: "off 2"')
    .replace('bd989ae1', 'bd989ae2');
  t.throws(() => read('two', one + second), {
    message: /rpi5-02\.tftp: \/srv\/tftp\/x\/ is rpi5-01's already/,
  });
});

test('a lab file is looked for at --lab, in the working directory, then in the configuration directory', t => {
  const home = mkdtempSync(path.join(directory, 'home-'));
  const cwd = mkdtempSync(path.join(directory, 'cwd-'));
  mkdirSync(path.join(home, '.config/scmi-hil'), { recursive: true });
  writeFileSync(path.join(home, '.config/scmi-hil/lab.yaml'), virtualLab('user'));
  t.is(loadLab({ cwd, env: { HOME: home } }).name, 'user');
  t.is(loadLab({ cwd, env: { XDG_CONFIG_HOME: path.join(home, '.config') } }).name, 'user');
  writeFileSync(path.join(cwd, 'lab.yaml'), virtualLab('here'));
  t.is(loadLab({ cwd, env: { HOME: home } }).name, 'here');
  writeFileSync(path.join(cwd, 'other.yaml'), virtualLab('other'));
  t.is(loadLab({ lab: 'other.yaml', cwd, env: { HOME: home } }).name, 'other');
});

test('a lab gives its boards absolute paths and its own deadlines', t => {
  const { type, setup } = boardOf(loadLabText(lab), 'rpi5-01');
  t.is(type.deadlines.dom0, 300_000);
  t.is(type.deadlines.deploy, 180_000);
  t.like(setup, {
    images: { xen: path.join(directory, 'x') },
    ssh: { identity: { kind: 'password', file: path.join(directory, 'secret') } },
  });
});

test('a board type has ways to boot by name, of which the lab chooses one', t => {
  t.is(loadBoardType('rpi5').boot.name, 'xen');
  t.deepEqual(loadBoardType('rpi5').boots, ['xen', 'u-boot', 'u-boot-preloaded']);
  t.deepEqual(imageNames(loadBoardTypeBooting('rpi5', 'u-boot')), [
    'armstub',
    'u-boot',
    'xen',
    'kernel',
    'ramdisk',
  ]);
  const error = t.throws(() => loadBoardTypeBooting('rpi5', 'u-bot'), { instanceOf: ConfigurationError });
  t.is(error.message, 'rpi5 has no way to boot that is called u-bot');
  t.regex(error.hint ?? '', /u-boot/);
});

test('a board type that extends another is that one but for what it says, and is for the same scenarios', t => {
  const file = path.join(directory, 'my-v4h.yaml');
  writeFileSync(
    file,
    'extends: rcar-v4h-white-hawk\ntype: my-v4h\nconsole: { baudRate: 115200 }\nreserved: null\n',
  );
  const own = loadBoardType(file);
  const base = loadBoardType('rcar-v4h-white-hawk');
  t.deepEqual(own.console, { ...base.console, baudRate: 115200 });
  t.deepEqual(own.reserved, []);
  t.deepEqual(own.boot, base.boot);
  t.deepEqual(own.lineage, ['my-v4h', 'rcar-v4h-white-hawk']);
  writeFileSync(file, `extends: ${file}\ntype: my-v4h\n`);
  t.throws(() => loadBoardType(file), { message: /my-v4h\.yaml extends .*my-v4h\.yaml$/ });
});

for (const [what, uBoot, said] of [
  [
    'an image with BL31 of files that have no place',
    'load: [], fit: { kernel: xen, bl31: { file: bl31, address: 0x46400000 } }, start: "bootm ${fit}"',
    /uBoot\.fit: load gives no address for dtb$/,
  ],
  ['a script that would fetch nothing', 'load: [], script: true, start: go', /script: it fetches nothing/],
  [
    'a start that names a file which is not loaded',
    'start: "booti ${fit}"',
    /uBoot\.start: \$\{fit\} is not a file/,
  ],
] as const) {
  test(`refused of a board type: ${what}`, t => {
    const file = path.join(directory, 'my-hawk.yaml');
    writeFileSync(
      file,
      `extends: rcar-v4h-white-hawk\ntype: my-hawk\nboots: { u-boot: { uBoot: { ${uBoot} } } }\n`,
    );
    const error = t.throws(() => loadBoardType(file), { instanceOf: ConfigurationError });
    t.regex(error.message, said);
  });
}

test('a lab has its board told by a script', t => {
  const told = loadLabText(
    'schema: 1\nboards:\n  v: { type: rcar-v4h-white-hawk, virtual: true, uBoot: { script: true } }\n',
  );
  t.true(boardOf(told, 'v').type.boot.uBoot?.script);
  t.false(loadBoardType('rcar-v4h-white-hawk').boot.uBoot?.script);
});

test('an error about a Gray Hawk names its SoC', t => {
  const error = t.throws(() => loadBoardType('gray-hawk'), { instanceOf: ConfigurationError });
  t.regex(error.hint ?? '', /R-Car V4M/);
});

test('the images that a board needs follow from its boot chain', t => {
  t.deepEqual(imageNames(loadBoardType('rpi5')), ['armstub', 'xen', 'kernel', 'ramdisk']);
  t.deepEqual(imageNames(loadBoardType('rcar-v4h-white-hawk')), ['xen', 'kernel', 'ramdisk']);
});

/** The replaced text, its replacement, and the error message. */
const mistakes: readonly (readonly [title: string, from: string | RegExp, to: string, said: RegExp])[] = [
  [
    'an unknown field',
    'power:',
    'pover:',
    /:7:5: boards\.rpi5-01\.pover: unknown field \(did you mean power\?\)/,
  ],
  ['a missing field', / +power:.*\n/, '', /:\d+:\d+: boards\.rpi5-01\.power: is missing/],
  ['most of its fields missing', / +power:[^]*/, '', /rpi5-01\.network: is missing.*\n.*ssh: is missing/],
  [
    'a port that is none',
    '7001',
    '70010',
    /:6:\d+: boards\.rpi5-01\.serial\.port: 70010 is too large: at most 65535/,
  ],
  ['an unknown kind', 'kind: tcp', 'kind: udp', /:6:\d+: .*serial\.kind: expected one of device, tcp/],
  ['a duration without unit', '5m', '5', /:13:\d+: boards\.rpi5-01\.deadlines\.dom0: expected a duration/],
  ['an unknown deadline', 'dom0: 5m', 'domO: 5m', /deadlines\.domO: unknown field \(did you mean dom0\?\)/],
  ['an unknown board type', 'type: rpi5', 'type: rpi4', /:5:11: type: there is no board type rpi4/],
  ['a board name with a slash', 'rpi5-01:', 'a/b:', /:4:3: boards\.a\/b: expected a name of letters/],
  [
    'a number where a name is due',
    'name: bench',
    'name: 12',
    /:2:7: name: .*got the number 12 \(put it in quotes\)/,
  ],
  [
    'a UART that is called like the console',
    'power:',
    'uarts: { main: { kind: unix, path: x } }\n    power:',
    /boards\.rpi5-01\.uarts\.main: expected another name: main is the console/,
  ],
  [
    'a UART that is its own console',
    'power:',
    'uarts: { secure: { kind: tcp, host: 127.0.0.1, port: 7001 } }\n    power:',
    /:7:\d+: boards\.rpi5-01\.uarts\.secure: 127\.0\.0\.1:7001 is rpi5-01's already/,
  ],
  [
    'a talker that there is none of',
    'power:',
    'uarts: { secure: { kind: unix, path: x, talkers: [tfa] } }\n    power:',
    /uarts\.secure\.talkers\[0\]: expected one of eeprom, tf-a, .*, got "tfa": did you mean tf-a\?/,
  ],
  ['a wrong schema version', 'schema: 1', 'schema: 2', /:1:9: schema: expected 1/],
  ['a key written twice', 'name: bench', 'schema: 1', /:2:1: Map keys must be unique/],
  ['a tab as indentation', '    type: rpi5', '\ttype: rpi5', /:5:1: Tabs are not allowed as indentation/],
  ['no board at all', /boards:[^]*/, 'boards: {}\n', /:3:9: boards: there is none/],
  ['an unknown alias', 'rpi5\n', '*nothing\n', /lab\.yaml: Unresolved alias.*nothing/],
];

test('an unknown field of a virtual board is told with the fields that a virtual board has', t => {
  const text = 'schema: 1\nboards:\n  v: { type: rpi5, virtual: true, guests: {} }\n';
  t.throws(() => loadLabText(text), {
    message: /v\.guests: unknown field \(known: type, boot, uBoot, virtual\)/,
  });
});

for (const [title, from, to, said] of mistakes) {
  test(`a lab file with ${title} is refused with its line`, t => {
    const error = t.throws(() => loadLabText(lab.replace(from, to)), { instanceOf: ConfigurationError });
    t.regex(error?.message ?? '', said);
  });
}

test('two boards cannot have one console', t => {
  const second = lab.slice(lab.indexOf('  rpi5-01:')).replace('rpi5-01', 'rpi5-02').replace('1.2', '1.3');
  const text = lab + second.replace('0c8f7e5cbd989ae1', '"11111111"');
  t.throws(() => loadLabText(text), { message: /rpi5-02\.serial: 127\.0\.0\.1:7001 is rpi5-01's already/ });
});

const two = (power: string, other: string) => {
  const first = lab.replace(/power: .*/, `power: ${power}`);
  const second = lab
    .slice(lab.indexOf('  rpi5-01:'))
    .replace('rpi5-01', 'rpi5-02')
    .replace('1.2', '1.3')
    .replace('7001', '7002')
    .replace('0c8f7e5cbd989ae1', '"11111111"')
    .replace(/power: .*/, `power: ${other}`);
  return loadLabText(first + second);
};

for (const [power, other, outlet] of [
  ['{ kind: shelly, host: a, generation: 1 }', 'channel: 1', 'a channel 0'],
  ['{ kind: tasmota, host: a }', 'output: 2', 'a output 1'],
  ['{ kind: mqtt, broker: a, topic: plug }', 'output: 2', 'a, plug output 1'],
  ['{ kind: http, on: { url: "http://a/on" }, off: { url: "http://a/off" } }', '', 'GET http://a/on'],
  ['{ kind: pdudaemon, pdu: apc, outlet: 3 }', 'host: other', 'localhost:16421, apc outlet 3'],
  ['{ kind: uhubctl, location: 1-1, port: 2 }', '', 'hub 1-1 port 2'],
  ['{ kind: relay, path: /dev/relay, on: A0 01, off: A0 00 }', '', '/dev/relay A001'],
] as const) {
  test(`two boards cannot hang on one outlet: ${outlet}`, t => {
    const message = `boards.rpi5-02.power: ${outlet} is rpi5-01's already`;
    const error = t.throws(() => two(power, power), { instanceOf: ConfigurationError });
    t.true(error?.message.includes(message), error?.message);
    if (other !== '') t.is(two(power, power.replace(/ }$/, `, ${other} }`)).boards.size, 2);
  });
}

test("two boards without a switch are nobody else's business", t => {
  t.is(two('{ kind: ask }', '{ kind: ask }').boards.size, 2);
  const command = '{ kind: command, on: "true", off: "true" }';
  t.is(two(command, command).boards.size, 2);
});

test('boards with one switch command, or one outlet of commands, are on one outlet', t => {
  const command = '{ kind: command, on: pdu 3 on, off: pdu 3 off }';
  t.throws(() => two(command, command), {
    message: /rpi5-02\.power: command [0-9a-f]{12} is rpi5-01's already/,
  });
  t.is(two(command, command.replaceAll('3', '4')).boards.size, 2);
  t.throws(
    () =>
      two(
        '{ kind: command, on: "true", off: "true", outlet: rack 3 }',
        '{ kind: command, on: pdu 3 on, off: pdu 3 off, outlet: rack 3 }',
      ),
    { message: /rpi5-02\.power: outlet rack 3 is rpi5-01's already/ },
  );
  const ssh = '{ kind: command, on: ssh pdu on, off: ssh pdu off, outlet: "1" }';
  t.is(two(ssh, ssh.replace('"1"', '"2"')).boards.size, 2);
});

test('all mistakes of a file are listed, in the order of its lines', t => {
  const text = lab.replace('on: "true"', 'on: 1').replace('5m', 'soon').replace('schema: 1', 'schema: 3');
  const error = t.throws(() => loadLabText(text), { instanceOf: ConfigurationError });
  const [summary, ...rest] = (error?.message ?? '').split('\n');
  t.regex(summary ?? '', /has 3 mistakes$/);
  t.deepEqual(
    rest.map(line => /yaml:(\d+):/.exec(line)?.[1]),
    ['1', '7', '13'],
  );
});

test('files that are no YAML file at all are refused by name', t => {
  const cases: readonly (readonly [file: string, content: string | Uint8Array | null, said: RegExp])[] = [
    ['empty.yaml', '', /empty\.yaml: the file is empty/],
    ['comment.yaml', '# nothing\n', /comment\.yaml: the file is empty/],
    ['text.yaml', 'just text\n', /text\.yaml:1:1: expected a mapping \(name: value\), got "just text"/],
    ['bytes.yaml', new Uint8Array([0xff, 0xfe, 0x00]), /bytes\.yaml: it is not UTF-8 text/],
    ['absent.yaml', null, /absent\.yaml: there is no such file/],
    ['two.yaml', 'a: 1\n---\nb: 2\n', /two\.yaml:2:\d+: .*multiple documents/],
    ['huge.yaml', `a: ${'x'.repeat(5_000_000)}`, /huge\.yaml: larger than/],
    ['laughs.yaml', laughs(), /laughs\.yaml: .*alias/],
  ];
  for (const [name, content, said] of cases) {
    const file = path.join(directory, name);
    if (content !== null) writeFileSync(file, content);
    const error = t.throws(() => readYaml(file, labSchema), { instanceOf: ConfigurationError }, name);
    t.regex(error?.message ?? '', said);
  }
  t.throws(() => readYaml(directory, labSchema), { message: /it is a directory/ });
});

test('an error about a missing lab file has a hint how to get one', t => {
  const place = { lab: path.join(directory, 'absent.yaml'), cwd: directory, env: {} };
  const error = t.throws(() => loadLab(place), { instanceOf: ConfigurationError });
  t.regex(error.message, /absent\.yaml: there is no such file$/);
  t.regex(error.hint ?? '', /scmi-hil init/);
});

test('the line of a block text is that of its first line', t => {
  const { line } = parseYaml('schema: 1\nboards: {}\nname: |\n  text\n', 'x.yaml', labSchema);
  t.is(line(['name']), 4);
  t.is(line(['boards']), 2);
});

test('an unknown board is told with the nearest one', t => {
  const error = t.throws(() => boardOf(loadLabText(lab), 'rpi5-10'), { instanceOf: ConfigurationError });
  t.is(error?.hint, 'did you mean rpi5-01?');
});

test('the nearest name is a slip of the hand, not any name', t => {
  const names = ['run', 'boards', 'scenarios', 'predict'];
  t.is(nearestName('rnu', names), 'run');
  t.is(nearestName('Boards', names), 'boards');
  t.is(nearestName('scen', names), 'scenarios');
  t.is(nearestName('xyz', names), undefined);
});

test('secrets are read from their files and never named in errors', t => {
  const file = path.join(directory, 'password');
  writeFileSync(file, 'hunter2\n');
  t.deepEqual(readIdentity({ kind: 'password', file }, {}), { kind: 'password', password: 'hunter2' });
  t.deepEqual(readIdentity({ kind: 'agent' }, { SSH_AUTH_SOCK: '/run/agent' }), {
    kind: 'agent',
    socket: '/run/agent',
  });
  t.throws(() => readIdentity({ kind: 'agent' }, {}), { message: /no SSH agent runs here/ });
  t.throws(() => readIdentity({ kind: 'key', path: `${file}-absent` }, {}), {
    message: /absent: there is no such file/,
  });
});

test('a board with a missing image is refused before anything is touched', async t => {
  const entry = boardOf(loadLabText(lab), 'rpi5-01');
  const error = await t.throwsAsync(openBoard(entry, { env: {} }), { instanceOf: ConfigurationError });
  t.regex(error?.message ?? '', /board rpi5-01: cannot read armstub \(.*a\), xen/);
});

test('a real board opens with the drivers that its lab names', async t => {
  for (const file of ['a', 'x', 'k', 'r']) writeFileSync(path.join(directory, file), file);
  writeFileSync(path.join(directory, 'secret'), 's3cret\n');
  const entry = boardOf(loadLabText(lab), 'rpi5-01');
  await using board = await openBoard(entry, { env: {} });
  t.deepEqual(board.network.prefixes, ['bd989ae1/']);
  t.is(board.tftp.port, 16_969);
  t.is(board.dom0.host, '192.168.1.2');
  t.is(board.dom0.port, 22);
  t.deepEqual(board.dom0.identity, { kind: 'password', password: 's3cret' });
  t.is(board.guest('guest')?.host, '10.0.0.2');
  t.is(board.guest('stranger'), undefined);
  t.is(await board.power.state(AbortSignal.timeout(5000)), 'on');
  await using wires = await openWires(entry);
  t.regex(wires.serial.name, /127\.0\.0\.1:7001/);
});

test('the lab says who logs in on the consoles of domains, with passwords from files', async t => {
  for (const file of ['a', 'x', 'k', 'r']) writeFileSync(path.join(directory, file), file);
  for (const file of ['secret', 'other']) writeFileSync(path.join(directory, file), `${file} word\n`);
  const shells = `
    dom0: { by: console, user: admin }
    guests: { domd: { by: console, passwordFile: other }, domu: {} }`;
  await using board = await openBoard(
    boardOf(loadLabText(lab.replace(/\n    deadlines:/, `${shells}\n    deadlines:`)), 'rpi5-01'),
    { env: {} },
  );
  t.deepEqual(board.consoleLogin, { user: 'admin', password: 'secret word', only: true });
  t.deepEqual(
    [...(board.guestLogins ?? [])],
    [
      ['domd', { user: 'root', password: 'other word', only: true }],
      ['domu', { user: 'root', only: false }],
    ],
  );
});

test('a Dom0 that is Zephyr has its shell on the console, and another domain the network', async t => {
  for (const file of ['a', 'x', 'k', 'r']) writeFileSync(path.join(directory, file), file);
  writeFileSync(path.join(directory, 'secret'), 's3cret\n');
  const entry = boardOf(loadLabText(withDom0('{ by: console, shell: zephyr }')), 'rpi5-01');
  await using board = await openBoard(entry, { env: {} });
  t.is(board.dom0System, 'zephyr');
  t.is(board.gateway, 'DomD');
  t.regex('uart:~$ ', new RegExp(board.type.dom0.login));
  t.throws(() => loadLabText(withDom0('{ shell: zephyr }')), {
    message: /shell: zephyr goes with by: console/,
  });
});

function withDom0(shell: string): string {
  return lab
    .replace(/\n    deadlines:/, `\n    dom0: ${shell}\n    deadlines:`)
    .replace('ssh:\n', 'ssh:\n      domain: DomD\n');
}

function virtualLab(name: string): string {
  return `schema: 1\nname: ${name}\nboards: { v: { type: rpi5, virtual: true } }\n`;
}

function loadLabText(text: string): ReturnType<typeof loadLab> {
  const file = path.join(mkdtempSync(path.join(directory, 'lab-')), '../lab.yaml');
  writeFileSync(file, text);
  const loaded = loadLab({ lab: file, cwd: directory, env: {} });
  requireNoMistake(loaded);
  return loaded;
}

/** Aliases that would grow to ten billion strings. */
function laughs(): string {
  const lines = Array.from({ length: 10 }, (_, n) => `a${n + 1}: &a${n + 1} [${`*a${n}, `.repeat(10)}]`);
  return `a0: &a0 lol\n${lines.join('\n')}\n`;
}

test('each kind of console is opened by its driver, with the speed of the board type unless given', t => {
  const { type } = boardOf(loadLabText(lab), 'rpi5-01');
  for (const [line, name] of [
    ['{ kind: device, path: /dev/ttyUSB0 }', '/dev/ttyUSB0 at 115200'],
    ['{ kind: device, path: /dev/ttyUSB0, baudRate: 9600 }', '/dev/ttyUSB0 at 9600'],
    ['{ kind: rfc2217, host: far, port: 7001 }', 'rfc2217 far:7001 at 115200'],
    ['{ kind: unix, path: console }', `unix ${path.join(directory, 'console')}`],
    ['{ kind: command, command: ssh far picocom }', 'a command of the lab file'],
    ['{ kind: tcp, host: far, port: 7001, charactersPerSecond: 50 }', 'tcp far:7001, 50 characters a second'],
  ] as const) {
    const text = lab.replace('{ kind: tcp, host: 127.0.0.1, port: 7001 }', line);
    const { setup } = boardOf(loadLabText(text), 'rpi5-01');
    t.is('serial' in setup ? serialOf(setup.serial, type.console.baudRate).name : undefined, name);
  }
});

test('UARTs beside the console have the talkers and the speed that their type knows, unless the lab says others', async t => {
  writeFileSync(
    path.join(directory, 'own.yaml'),
    'schema: 1\ntype: own\nextends: rpi5\nuarts: { secure: { talkers: [tf-a], baudRate: 9600 } }\n',
  );
  const text = lab.replace('type: rpi5', 'type: own.yaml').replace(
    'power:',
    `uarts:
      secure: { kind: device, path: /dev/ttyUSB1 }
      other: { kind: device, path: /dev/ttyUSB2, transient: true }
      named: { kind: unix, path: here, talkers: [xen, linux] }
    power:`,
  );
  await using wires = await openWires(boardOf(loadLabText(text), 'rpi5-01'));
  t.deepEqual(
    [...(wires.uarts ?? [])].map(([name, { serial, talkers }]) => [name, serial.name, talkers]),
    [
      ['secure', '/dev/ttyUSB1 at 9600', ['tf-a']],
      ['other', '/dev/ttyUSB2 at 115200, gone while the power is off', []],
      ['named', `unix ${path.join(directory, 'here')}`, ['xen', 'linux']],
    ],
  );
});

test('a console that goes with the power is opened together with its switch', async t => {
  const text = lab.replace(
    '{ kind: tcp, host: 127.0.0.1, port: 7001 }',
    '{ kind: device, path: /dev/none, transient: true }',
  );
  await using wires = await openWires(boardOf(loadLabText(text), 'rpi5-01'));
  const connection = await wires.serial.open({ data: () => {}, lost: () => {} }, AbortSignal.timeout(5000));
  await t.throwsAsync(connection.write(Buffer.from('x')), { message: /its port is away/ });
  await connection.close();
});

test('each kind of power switch is opened by its driver', t => {
  writeFileSync(path.join(directory, 'plug'), 'secret\n');
  for (const [power, name] of [
    ['{ kind: command, on: pdu 3 on, off: pdu 3 off }', 'commands of the lab file'],
    ['{ kind: shelly, host: plug, generation: 2, passwordFile: plug }', 'shelly plug channel 0'],
    ['{ kind: tasmota, host: plug, output: 2 }', 'tasmota plug output 2'],
    ['{ kind: mqtt, broker: "hub:1884", topic: plug, tls: true }', 'mqtt hub:1884, plug output 1'],
    ['{ kind: http, on: { url: "http://pdu/on" }, off: { url: "http://pdu/off" } }', 'http http://pdu'],
    ['{ kind: pdudaemon, pdu: apc, outlet: 3 }', 'pdudaemon localhost:16421, apc outlet 3'],
    ['{ kind: uhubctl, location: 1-1.4, port: 2 }', 'uhubctl 1-1.4 port 2'],
    ['{ kind: relay, path: /dev/relay, on: A0 01 01 A2, off: A00100A1 }', 'relay /dev/relay at 9600'],
    ['{ kind: ask }', 'by hand'],
  ] as const) {
    const { setup } = boardOf(loadLabText(lab.replace(/power: .*/, `power: ${power}`)), 'rpi5-01');
    t.is('power' in setup ? openPower('rpi5-01', setup.power, {}).power.name : undefined, name);
  }
});

test('a switch whose password cannot be read, or whose bytes are none, is a mistake of the lab file', t => {
  const missing = '{ kind: tasmota, host: plug, passwordFile: no-such-file }';
  const { setup } = boardOf(loadLabText(lab.replace(/power: .*/, `power: ${missing}`)), 'rpi5-01');
  const thrown = t.throws(() => ('power' in setup ? openPower('rpi5-01', setup.power, {}) : undefined), {
    instanceOf: ConfigurationError,
    message: /no-such-file: there is no such file/,
  });
  t.regex(String(thrown instanceof ConfigurationError ? thrown.hint : ''), /power\.passwordFile/);
  const bytes = '{ kind: relay, path: /dev/relay, on: A0 1, off: A0 }';
  t.throws(() => loadLabText(lab.replace(/power: .*/, `power: ${bytes}`)), {
    message: /power\.on: expected bytes in hex/,
  });
});

const httpSwitch = (url: string, more = '') =>
  lab.replace(
    /power: .*/,
    `power: { kind: http, on: { url: "${url}" }, off: { url: "http://pdu/off" }, state: { url: "http://pdu/", says: { on: "1", off: "0" } }${more} }`,
  );

function powerOfText(text: string): LabPower {
  const { setup } = boardOf(loadLabText(text), 'rpi5-01');
  if (!('power' in setup)) throw new Error('no real board');
  return setup.power;
}

test('secrets of a switch come from files or the environment, and are told to the recorder', t => {
  writeFileSync(path.join(directory, 'token'), 'file-secret\n');
  const text = httpSwitch('http://pdu/${KEY}/on?token=${TOKEN}', ', secrets: { TOKEN: token }');
  const setup = powerOfText(text);
  const { power, secrets } = openPower('rpi5-01', setup, { KEY: 'environment-secret' });
  t.is(power.name, 'http http://pdu');
  t.deepEqual([...secrets].toSorted(), ['environment-secret', 'file-secret']);
  t.throws(() => openPower('rpi5-01', setup, {}), {
    instanceOf: ConfigurationError,
    message: /power of the lab file names \$\{KEY\}, which is not set/,
  });
});

test('a command of the lab file gets secrets of files as variables', async t => {
  writeFileSync(path.join(directory, 'token'), 'file-secret\n');
  const command =
    '{ kind: command, on: "true", off: "true", state: "test \\"$TOKEN\\" = file-secret && echo on", secrets: { TOKEN: token } }';
  const setup = powerOfText(lab.replace(/power: .*/, `power: ${command}`));
  const { power, secrets } = openPower('rpi5-01', setup, {});
  t.is(await power.state(AbortSignal.timeout(20_000)), 'on');
  t.deepEqual(secrets, ['file-secret']);
});

test('a password within a URL is refused where the lab file is read, and not repeated', t => {
  for (const url of ['http://admin:hunter2@pdu/on', 'https://hunter2@pdu/on']) {
    const thrown = t.throws(() => loadLabText(httpSwitch(url)), { instanceOf: ConfigurationError });
    t.regex(thrown.message, /lab\.yaml:\d+.*power\.on\.url: expected no user and password within a URL/);
    t.notRegex(`${thrown.message} ${thrown.hint}`, /hunter2/);
  }
  for (const power of ['{ kind: shelly, host: "admin:hunter2@plug", generation: 2 }']) {
    const thrown = t.throws(() => loadLabText(lab.replace(/power: .*/, `power: ${power}`)), {
      instanceOf: ConfigurationError,
    });
    t.notRegex(`${thrown.message} ${thrown.hint}`, /hunter2/);
  }
});

test('a password in a command is refused where the lab file is read, and not repeated', t => {
  const power = `{ kind: command, on: "curl -u admin:hunter2 http://pdu/on", off: 'pdu --password hunter2 off' }`;
  const thrown = t.throws(() => loadLabText(lab.replace(/power: .*/, `power: ${power}`)), {
    instanceOf: ConfigurationError,
  });
  t.regex(
    thrown.message,
    /lab\.yaml:\d+:\d+: boards\.rpi5-01\.power\.on: expected no password .*\(after -u\)/,
  );
  t.regex(
    thrown.message,
    /power\.off: .*\(after --password\): put it into a file, name that under secrets: /,
  );
  t.notRegex(`${thrown.message} ${thrown.hint}`, /hunter2/);
  const console = `{ kind: command, command: "sshpass -p hunter2 ssh pdu" }`;
  t.throws(() => loadLabText(lab.replace(/serial: .*/, `serial: ${console}`)), {
    message: /serial\.command: expected no password or token in a command \(after -p\)/,
  });
});

test('secrets of a command that come from the environment are told to the recorder', t => {
  const power = `{ kind: command, on: 'pdu -p "$PDU_PASSWORD" on', off: 'pdu -p "$PDU_PASSWORD" off $HOST' }`;
  const setup = powerOfText(lab.replace(/power: .*/, `power: ${power}`));
  const { secrets } = openPower('rpi5-01', setup, { PDU_PASSWORD: 'hunter2', HOST: 'pdu' });
  t.deepEqual(new Set(secrets), new Set(['hunter2']));
});

test('a shown switch has no secrets in it, and outlets are told apart all the same', t => {
  const one = powerOfText(httpSwitch('http://pdu/on?outlet=1&token=hunter2'));
  const other = powerOfText(httpSwitch('http://pdu/on?outlet=2&token=hunter2'));
  t.not(outletOf(one), outletOf(other));
  const command = powerOfText(
    lab.replace(/power: .*/, 'power: { kind: command, on: "pdu -p hunter2 on", off: "pdu -p hunter2 off" }'),
  );
  const shown = [one, other, command].map(each => JSON.stringify(shownPower(each)));
  t.notRegex([...shown, outletOf(one)].join(' '), /hunter2/);
  t.regex(shown[0] ?? '', /"http:\/\/pdu\/on"/);
});
