/** The doctor on labs that are well and on labs that are not. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { projectDirectory } from '../../src/config/project-directory.ts';
import { clockCheck } from '../../src/doctor/clock.ts';
import { lookAt } from '../../src/doctor/check.ts';
import { doctorReportSchema } from '../../src/doctor/finding.ts';
import { deviceProblem, mayUse, permissionProblem } from '../../src/doctor/serial-device.ts';
import { holderOfUdpPort } from '../../src/lab/drivers/tftp/port-holder.ts';
import { claimsOf } from '../../src/lab/claims.ts';
import { boardOf, loadLab } from '../../src/lab/load-lab.ts';
import { holderOfBoard } from '../../src/lab/holder.ts';
import { reserve } from '../../src/lab/reservation.ts';
import { openPseudoTerminal } from '../../src/lab/drivers/serial/pseudo-terminal.ts';
import { writeCpio } from '../../src/lab/images/cpio.ts';
import { makeStandIn } from '../../src/lab/virtual/stand-in.ts';
import { makeKeyPair } from '../../src/lab/drivers/ssh/key-pair.ts';
import { scmiHil } from '../cli/fake-process.ts';

const cli = path.join(projectDirectory, 'bin/scmi-hil.js');
const says = (bytes: Uint8Array, version: string) => Buffer.concat([bytes, Buffer.from(`\0${version}\0`)]);

/** An arm64 Image whose header gives this size in MiB (Linux Documentation/arch/arm64/booting.rst, image_size). */
function clearing(image: Uint8Array<ArrayBuffer>, mebibytes: number): Uint8Array<ArrayBuffer> {
  new DataView(image.buffer).setBigUint64(16, BigInt(mebibytes * 1024 * 1024), true);
  return image;
}

/** A board whose console is a socket that prints `text`. */
async function bench(t: ExecutionContext, text: string, edit: (lab: string) => string = same) {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-doctor-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const server = net.createServer(socket => socket.on('error', () => undefined).write(text));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as net.AddressInfo;
  const ramdisk = writeCpio([]);
  const bl31 = new Uint8Array(64);
  const images = {
    a: says(bl31, 'v2.10.0(release):v2.10.0-958-g09a1cc2a0b'),
    x: says(makeStandIn('xen', 4096), 'Xen version %d.%d%s\0xen,xen-4.20'),
    k: says(makeStandIn('linux', 4096), 'Linux version 6.12.1 (a@b) (gcc) #1 SMP Sat Nov 21\n'),
    r: ramdisk,
    // Its header says that it clears 600 MiB.
    large: says(
      clearing(makeStandIn('linux', 4096), 600),
      'Linux version 6.12.1 (a@b) (gcc) #1 SMP Sat Nov 21\n',
    ),
  };
  for (const [file, bytes] of Object.entries(images)) writeFileSync(path.join(directory, file), bytes);
  writeFileSync(path.join(directory, 'key'), makeKeyPair().private, { mode: 0o600 });
  const lab = `schema: 1
boards:
  bench:
    type: rpi5
    serial: { kind: tcp, host: 127.0.0.1, port: ${port} }
    power: { kind: command, on: touch ${directory}/touched, off: touch ${directory}/touched, state: echo on }
    network: { address: 127.0.0.2, server: 127.0.0.1, tftpPort: ${port}, serialNumber: "0c8f7e5cbd989ae1" }
    ssh: { port: 1, identity: { kind: key, path: key } }
    images: { armstub: a, xen: x, kernel: k, ramdisk: r }
`;
  writeFileSync(path.join(directory, 'lab.yaml'), edit(lab));
  const doctor = (...words: string[]) =>
    scmiHil(['doctor', ...words], { cwd: directory, env: { XDG_STATE_HOME: directory } });
  return { directory, port, doctor };
}

const same = (text: string): string => text;

test('a lab that is well has no problem, and nothing is switched', async t => {
  const { directory, doctor } = await bench(t, 'U-Boot 2023.04\r\n');
  const { code, out } = await doctor();
  t.is(code, 0, out);
  t.regex(out, /ok +lab +.*lab\.yaml: 1 board\n/);
  t.regex(out, /ok +serial +tcp 127\.0\.0\.1:\d+: opens, 16 bytes came/);
  t.regex(out, /ok +power .* says on/);
  t.regex(out, /ok +tftp +TFTP on 127\.0\.0\.1:\d+: can be served/);
  t.regex(out, /ok +key +\S*key: a private key/);
  t.regex(out, /warning +host .*\n +-> nothing while the board is off/);
  t.regex(out, /\nproblems: 0, /);
  t.false(existsSync(path.join(directory, 'touched')));
});

test('each UART beside the console is looked at too', async t => {
  const { doctor } = await bench(t, 'U-Boot 2023.04\r\n', lab =>
    lab.replace(
      /serial: (.*)\n/,
      (line, port: string) =>
        `${line}    uarts: { secure: { kind: unix, path: none }, shared: ${port.replace('127.0.0.1', 'localhost')} }\n`,
    ),
  );
  const { code, out } = await doctor('bench');
  t.is(code, 3, out);
  t.regex(out, /problem +uarts\.secure +.*none: there is no such socket\n +-> /);
  t.regex(out, /ok +uarts\.shared +tcp localhost:\d+: opens, 16 bytes came/);
  t.regex(out, /ok +serial +tcp 127\.0\.0\.1:\d+: opens, 16 bytes came/);
});

test('the JSON report is what its schema says', async t => {
  const { doctor } = await bench(t, '');
  const { out } = await doctor('bench', '--json');
  const report = doctorReportSchema.parse(JSON.parse(out));
  t.deepEqual(
    report.subjects.map(({ name }) => name),
    ['machine', 'bench'],
  );
});

/** A problem of a lab, its finding and hint, and the exit code. */
const wrong: readonly (readonly [title: string, from: RegExp, to: string, said: RegExp, code: number])[] = [
  [
    'a file that is not there',
    /xen: x,/,
    'xen: no-xen,',
    /problem +images +xen \(.*no-xen\): there is no such file\n +-> correct images/,
    2,
  ],
  [
    'an address of another machine',
    /server: 127\.0\.0\.1,/,
    'server: 203.0.113.9,',
    /problem +tftp .*does not have that address.*\n +-> .*network\.server/,
    2,
  ],
  [
    'an adapter that is not plugged in',
    /serial: .*/,
    'serial: { kind: device, path: /dev/serial/by-id/none }',
    /problem +serial +there is no .*none.*\n +-> plug/,
    3,
  ],
  [
    'a console that is no device',
    /serial: .*/,
    'serial: { kind: device, path: /etc/hostname }',
    /problem +serial .* is no serial device/,
    2,
  ],
  ['a switch that does not answer', /state: echo on/, 'state: exit 3', /problem +power .*exit status 3/, 3],
  [
    'a person who is not there',
    /power: .*/,
    'power: { kind: ask }',
    /problem +power +by hand, and nobody is there/,
    3,
  ],
  ['a key that is none', /path: key/, 'path: a', /problem +key +\S*\/a: /, 2],
  ['an image of another kind', /kernel: k,/, 'kernel: r,', /problem +images +kernel \(.*r\): .*\n +-> /, 2],
  [
    'an image that has no room in memory',
    /kernel: k,/,
    'kernel: large,',
    /problem +images +kernel: 0x\w+-0x\w+ overlaps ramdisk at 0x20000000-0x\w+\n +-> choose other addresses/,
    2,
  ],
  [
    'a directory of another TFTP server that is not there',
    /ssh:/,
    'tftp: { kind: directory, path: /no/where }\n    ssh:',
    /problem +tftp +there is no directory \/no\/where.*\n +-> .*tftp\.path/,
    2,
  ],
  [
    'no device tree of its own',
    /address: [\d.]+/,
    'address: 192.0.2.9',
    /warning +images +no dtb: the shipped device tree is cut down .*\n +-> name the board's own device tree/,
    0,
  ],
  ['no serial number', /, serialNumber: "\w+"/, '', /warning +dhcp .*no network\.serialNumber/, 0],
];

for (const [title, from, to, said, expected] of wrong) {
  test(`${title} is told with its hint`, async t => {
    const { doctor } = await bench(t, 'x'.repeat(20), lab => lab.replace(from, to));
    const { code, out } = await doctor('bench');
    t.regex(out, said);
    t.is(code, expected, out);
  });
}

test('a board type without a list of images has its files looked for, and a finding says so', async t => {
  const { directory, doctor } = await bench(t, '', lab => lab.replace('type: rpi5', 'type: ./own.yaml'));
  const type = readFileSync(path.join(projectDirectory, 'boards/rpi5.yaml'), 'utf8')
    .replace(/^type: .*/m, 'type: own')
    .replaceAll('firmware/rpi5/', `${projectDirectory}/firmware/rpi5/`);
  writeFileSync(path.join(directory, 'own.yaml'), type);
  const { code, out } = await doctor('bench');
  t.regex(out, /warning +images +4 files are there .*the board type own has no list of its images\n +-> /);
  t.is(code, 0, out);
  rmSync(path.join(directory, 'x'));
  const without = await doctor('bench');
  t.regex(without.out, /problem +images +xen \(\S+\): there is no such file/);
  t.is(without.code, 2);
});

test('a mistake of a lab file is reported with its place, and the correct boards are checked', async t => {
  const { doctor } = await bench(
    t,
    '',
    lab => `${lab}  typo: { type: rpi6, virtual: true }\n  half: { type: rpi5, colour: red }\n`,
  );
  const { code, out } = await doctor();
  t.is(code, 2, out);
  t.regex(
    out,
    /problem +lab +\S*lab\.yaml:10:\d+: type: there is no board type rpi6\n +-> did you mean rpi5/,
  );
  t.regex(out, /problem +lab +\S*lab\.yaml:11:\d+: boards\.half\.colour: unknown field.*\n +-> correct/);
  t.regex(out, /\nbench\n[^]*ok +power /);
  const named = await doctor('typo');
  t.is(named.code, 2);
  t.notRegex(named.out, /^bench$/m);
  t.regex((await doctor('bench')).out, /\nbench\n/);
  const nothing = await bench(t, '', () => 'schema: 1\nboards: [\n');
  t.regex((await nothing.doctor()).out, /problem +lab +\S*lab\.yaml:3:1: .*\n[^]*ok +disk/);
});

test('two boards that cannot stand in one lab are both looked at', async t => {
  const { doctor } = await bench(
    t,
    '',
    lab => lab + lab.slice(lab.indexOf('  bench:')).replace('bench', 'copy'),
  );
  const { out } = await doctor();
  t.regex(out, /problem +lab +\S*lab\.yaml:\d+:\d+: boards\.copy\.\S+: .* is bench's already/);
  t.regex(out, /\nbench\n[^]*\ncopy\n/);
});

test('a UDP port that is taken is told with the process that has it', async t => {
  const { doctor, port } = await bench(t, '');
  const socket = createSocket('udp4').bind(port, '127.0.0.1');
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  t.is((await holderOfUdpPort(port, '/'))?.pid, process.pid);
  const { code, out } = await doctor('bench');
  t.is(code, 3);
  t.regex(out, new RegExp(`problem +tftp .*another server has this port: .* \\(process ${process.pid}\\)`));
});

test('files that a killed run left in the directory of another TFTP server are found', async t => {
  const { directory, doctor } = await bench(t, '', lab =>
    lab.replace('    ssh:', '    tftp: { kind: directory, path: . }\n    ssh:'),
  );
  t.regex((await doctor('bench')).out, /ok +tftp +\S+bd989ae1\/: can be written/);
  mkdirSync(path.join(directory, 'bd989ae1/.scmi-hil'), { recursive: true });
  t.regex((await doctor('bench')).out, /warning +tftp +\S+bd989ae1\/: a run that was killed left its files/);
});

test('--boot, --run and --switch are given one at a time, and --boot needs a board', async t => {
  const { doctor } = await bench(t, '');
  t.is((await doctor('bench', '--boot', '--switch')).code, 2);
  t.is((await doctor('--boot')).code, 2);
});

test('--boot shows each step of a boot until Xen speaks', async t => {
  const { directory } = await bench(t, '');
  const { code, out } = await scmiHil(['doctor', 'virtual-rpi5', '--boot'], {
    cwd: path.join(directory, '..'),
    env: { XDG_STATE_HOME: directory, XDG_CONFIG_HOME: directory },
  });
  t.is(code, 0, out);
  t.regex(out, /^ *\d+\.\d s {2}power on: power on\n[^]* s {2}the link is up: [^]* s {2}Xen speaks: .*\n$/);
});

test('a key that others may read is a warning', async t => {
  const { directory, doctor } = await bench(t, '');
  chmodSync(path.join(directory, 'key'), 0o644);
  t.regex((await doctor('bench')).out, /warning +key +.*others may read it\n +-> chmod 600 /);
});

test('no wire of a reserved board is touched', async t => {
  const { directory, doctor } = await bench(t, '');
  const entry = boardOf(loadLab({ lab: path.join(directory, 'lab.yaml'), cwd: directory, env: {} }), 'bench');
  const holder = { ...holderOfBoard('rpi', 'scmi-hil run x'), pid: 4711, user: 'ada' };
  await using _ = await reserve(await claimsOf(entry), holder);
  const { out } = await doctor('bench');
  t.regex(
    out,
    /warning +wires +somebody else has the board.*ada@.* as rpi since .*process 4711, scmi-hil run x/,
  );
  t.regex(out, /reserved: (.*, )?rpi by ada@\S+ since \S+ \(process 4711, scmi-hil run x\)/);
  t.notRegex(out, /^ +\w+ +(serial|power) /m);
});

test('--switch proves the switch, and leaves the board off', async t => {
  const { directory, doctor } = await bench(t, 'hello', lab =>
    lab.replace(/power: .*/, 'power: { kind: command, on: echo on > @, off: echo off > @, state: cat @ }'),
  );
  const lab = path.join(directory, 'lab.yaml');
  const state = path.join(directory, 'state');
  writeFileSync(lab, readFileSync(lab, 'utf8').replaceAll('@', state));
  const { out, err } = await doctor('bench', '--switch');
  t.regex(out, /ok +power .*switches \(off,on,off\)/, err);
  t.is(readFileSync(state, 'utf8'), 'off\n');
  t.is((await doctor('--switch')).code, 2);
});

test('access to a device follows from its mode, and the command names the group', async t => {
  const user = { id: 1000, groups: [1000], name: 'ada' };
  const device = { mode: 0o20660, uid: 0, gid: 20, user };
  t.false(mayUse(device));
  t.true(mayUse({ ...device, user: { ...user, groups: [20] } }));
  t.true(mayUse({ ...device, user: { ...user, id: 0 } }));
  const root = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-etc-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  mkdirSync(path.join(root, 'etc'));
  writeFileSync(path.join(root, 'etc/group'), 'root:x:0:\ndialout:x:20:bob\n');
  t.like(await permissionProblem('/dev/ttyUSB0', device, root), {
    hint: 'sudo usermod -aG dialout ada, then log in again',
  });
  writeFileSync(path.join(root, 'etc/group'), 'dialout:x:20:bob,ada\n');
  t.regex(
    JSON.stringify(await permissionProblem('/dev/ttyUSB0', device, root)),
    /log in again, or: newgrp dialout/,
  );
});

/** A process that has the other end of a pseudo-terminal, as children of this one do, takes no bytes from it. */
const closeInherited = 'for n in /proc/$$/fd/*; do n=${n##*/}; [ $n -gt 2 ] && eval "exec $n>&-"; done; ';

test('a port that another process has open, or has locked, is told with who it is', async t => {
  const board = openPseudoTerminal();
  t.teardown(() => board.close());
  const root = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-lock-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  t.is(await deviceProblem(board.path, root), undefined);

  mkdirSync(path.join(root, 'run/lock'), { recursive: true });
  const lock = path.join(root, 'run/lock', `LCK..${path.basename(board.path)}`);
  writeFileSync(lock, '      4711\n');
  t.like(await deviceProblem(board.path, root), { said: { level: 'warning', hint: `sudo rm ${lock}` } });
  mkdirSync(path.join(root, 'proc/4711'), { recursive: true });
  writeFileSync(path.join(root, 'proc/4711/comm'), 'minicom\n');
  t.like(await deviceProblem(board.path, root), { said: { level: 'problem', hint: 'end it: kill 4711' } });

  const holder = spawn(
    'bash',
    ['-c', `${closeInherited}exec 3<>"$0"; echo open; exec sleep 60`, board.path],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  t.teardown(() => holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  const held = await deviceProblem(board.path, root);
  t.regex(held?.said.what ?? '', new RegExp(`\\w+ \\(process ${holder.pid}\\) has it open`));
  t.like(held, { isAbsent: false, said: { hint: `end it: kill ${holder.pid}` } });
});

// A user without rights, on a network of the test's own, where ports below 1024 are not for everybody.
const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', process.execPath];
const canBeNobody = spawnSync('unshare', ['-n', ...asNobody, cli, '--version']).status === 0;
(canBeNobody ? test : test.skip)(
  'a user without rights is told how to get the TFTP port, the runs directory and the key',
  async t => {
    const { directory } = await bench(t, '', lab => lab.replace(/tftpPort: \d+/, 'tftpPort: 69'));
    chmodSync(directory, 0o755);
    const { stdout, stderr } = spawnSync(
      'unshare',
      ['-n', 'sh', '-c', 'ip link set lo up; exec "$0" "$@"', ...asNobody, cli, 'doctor', 'bench'],
      { cwd: directory, env: { ...process.env, XDG_STATE_HOME: directory }, encoding: 'utf8' },
    );
    t.is(stderr, '');
    t.regex(
      stdout,
      /problem +tftp .*port below 1024.*\n +-> sudo sysctl net\.ipv4\.ip_unprivileged_port_start=69, or sudo setcap/,
    );
    t.regex(stdout, /problem +disk .*may not write there.*\n +-> sudo chown/);
    t.regex(stdout, /problem +key .*you may not read it\n +-> .*ssh\.identity/);
  },
);

function doctorWithoutPath(board: string): string {
  const env = { PATH: '/nowhere' };
  return spawnSync(process.execPath, [cli, 'doctor', board], { env, encoding: 'utf8' }).stdout;
}

test('QEMU that is not there is a problem where a board needs it, and dtc is not', t => {
  const emulated = doctorWithoutPath('qemu-virt');
  t.regex(emulated, /ok +programs +no qemu-system-aarch64 .*, no dtc /);
  t.regex(
    emulated,
    /problem +programs +qemu-system-aarch64 is not there\n +-> sudo apt install qemu-system-arm/,
  );
  t.notRegex(doctorWithoutPath('virtual-rpi5'), /problem +programs/);
  // Without unshare there is no namespace, and a run goes on.
  t.regex(
    emulated,
    /warning +network +QEMU's own network will serve, because a namespace cannot be had: .*\n +-> /,
  );
});

test('an SSH agent that is asked and not there is told', async t => {
  const { doctor } = await bench(t, '', lab => lab.replace('{ kind: key, path: key }', '{ kind: agent }'));
  const { code, out } = await doctor('bench');
  t.regex(out, /problem +key .*no SSH agent runs here\n +-> start ssh-agent/);
  t.is(code, 2);
});

test('a clock before the program was written is a problem', async t => {
  const lab = { name: 'x', file: null, boards: new Map(), wrong: new Map() };
  const check = clockCheck({ now: () => new Date(0), runs: '/nowhere', lab, boards: [] });
  t.like(await lookAt(check, new AbortController().signal), [{ level: 'problem', check: 'clock' }]);
});

test('a check that hangs is a finding, and an interruption ends all', async t => {
  const hanging = { name: 'x', deadline: 10, look: () => new Promise<never>(() => undefined) };
  t.like(await lookAt(hanging, new AbortController().signal), [{ level: 'problem', check: 'x' }]);
  await t.throwsAsync(lookAt(hanging, AbortSignal.abort(new Error('interrupted'))), {
    message: 'interrupted',
  });
});

test('--run names the step of a recorded boot in which it was stuck', async t => {
  const { directory, doctor } = await bench(t, '');
  const lines = [
    {
      t: 0,
      source: 'run',
      kind: 'run-started',
      data: { schema: 1, board: 'rpi5-01', scenario: 's', files: { 'config.txt': '', xen: '' } },
    },
    { t: 1, source: 'power', kind: 'power', data: { action: 'on' } },
    {
      t: 2,
      source: 'console',
      kind: 'received',
      data: {
        console: 'main',
        text: 'RPi: BOOTSYS release VERSION:1\r\nBoot mode: NETWORK (02) order f\r\n',
      },
    },
  ];
  writeFileSync(
    path.join(directory, 'recording.jsonl'),
    lines.map(line => `${JSON.stringify(line)}\n`).join(''),
  );
  const { code, out } = await doctor('--run', '.');
  t.is(code, 3);
  t.regex(
    out,
    /^line +2 {2}power on: .*\nline +3 {2}the EEPROM speaks: RPi[^]*stuck before: the link is up\n/,
  );
});
