import { execFile, spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { promisify } from 'node:util';
import * as nodePty from '@lydell/node-pty';
import test from 'ava';
import { boardTypeSchema } from '../../src/board/board-type.ts';
import { projectDirectory } from '../../src/config/project-directory.ts';
import { commands } from '../../src/cli/commands.ts';
import { schemaFiles } from '../../src/cli/schema.ts';
import { listScenarios } from '../../src/scenario/load.ts';
import { scmiHil } from './fake-process.ts';

const bin = path.join(projectDirectory, 'bin/scmi-hil.js');
const directory = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-cli-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

const inDirectory = (...argv: string[]) => scmiHil(argv, { cwd: directory });

test('--help lists every command with what it is for', async t => {
  const { code, out, err } = await inDirectory('--help');
  t.is(code, 0);
  t.is(err, '');
  for (const { name, summary } of commands)
    t.regex(out, new RegExp(`^ +${name}\\b.* ${summary.slice(0, 20)}`, 'm'));
});

for (const { name } of commands) {
  test(`${name} --help shows what it does, an example and its exit codes`, async t => {
    const { code, out } = await inDirectory(name, '--help');
    t.is(code, 0);
    t.regex(out, new RegExp(`^Usage: scmi-hil ${name}`));
    t.regex(out, /^Usage: .*\n\n[A-Z][^]+\.\n\n/);
    t.regex(out, new RegExp(`\nExamples:\n  # .*\n  scmi-hil ${name}`));
    t.regex(out, /\nExit codes:\n {2}0 +\S/);
  });
}

test('only the modules of the command that is named are loaded', async t => {
  const script = `
    import { registerHooks } from 'node:module';
    import { Writable } from 'node:stream';
    const loaded = [];
    registerHooks({
      resolve(specifier, context, next) {
        const found = next(specifier, context);
        loaded.push(found.url);
        return found;
      },
    });
    const { main } = await import(${JSON.stringify(path.join(projectDirectory, 'src/cli/main.ts'))});
    const nowhere = new Writable({ write: (chunk, encoding, done) => done() });
    const signal = new AbortController().signal;
    await main(['--help'], { stdout: nowhere, stderr: nowhere, stdin: process.stdin, cwd: '.', env: {}, signal });
    process.stdout.write(loaded.join(' '));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  t.regex(stdout, /commander/);
  t.notRegex(stdout, /xstate|zod|ssh2|src\/cli\/run\.ts/);
});

/** Command lines that are wrong, and what is said about them. */
const misuse: readonly (readonly [argv: readonly string[], said: RegExp])[] = [
  [['rnu'], /^scmi-hil: unknown command 'rnu' \(Did you mean run\?\)\n {2}see: scmi-hil --help\n$/],
  [['--nope'], /^scmi-hil: unknown option '--nope'\n {2}see: scmi-hil --help\n$/],
  [
    ['run', '--bord', 'x'],
    /^scmi-hil: unknown option '--bord' \(Did you mean --board\?\)\n {2}see: scmi-hil run --help\n$/,
  ],
  [['boards', 'show'], /^scmi-hil: missing required argument 'board'\n {2}see: scmi-hil boards --help\n$/],
  [
    ['boards', 'show', 'virtual-rpi'],
    /^scmi-hil: there is no board virtual-rpi .*\n {2}did you mean virtual-rpi5\?\n$/,
  ],
  [
    ['boards', '--lab', 'absent.yaml'],
    /^scmi-hil: .*absent\.yaml: there is no such file\n {2}scmi-hil init /,
  ],
  [
    ['scenarios', 'show', 'dom0-and-gust'],
    /^scmi-hil: there is no scenario dom0-and-gust\n {2}did you mean dom0-and-guest\?/,
  ],
  [
    ['scenarios', 'show', 'dom0-and-guest', '--board-type', 'rpi4'],
    /there is no board type rpi4\n {2}did you mean rpi5\?/,
  ],
  [
    ['run', 'dom0-and-guest', '--board', 'virtual-v4'],
    /there is no board virtual-v4 .*\n {2}did you mean virtual-v4h\?/,
  ],
  [
    ['run', 'no-such-thing'],
    /there is no scenario no-such-thing\n {2}known: ([a-z0-9-]+, ){11}[a-z0-9-]+ and \d+ more \(or give a file/,
  ],
  [
    ['run', 'dom0-and-guest', '--fault', 'torn-line'],
    /there is no fault torn-line\n {2}did you mean torn-lines\?/,
  ],
  [['power', 'virtual-rpi5', 'onn'], /^scmi-hil: there is no action onn\n {2}did you mean on\?\n$/],
  [['lint', '--linux', '6.2'], /^scmi-hil: --linux 6\.2: not a choice\n {2}did you mean 6\.1\?/],
  [['run', '', '--board', 'virtual-rpi5'], /the name of the scenario is empty/],
  [['verify', 'nowhere'], /nowhere: there is no such directory\n/],
  [['verify', '/dev/null'], /\/dev\/null is no run: it is a file\n/],
  [['run'], /nothing to run was named\n {2}give a scenario .*, --all, --match or --claims/],
  [
    ['run', 'dom0-and-guest', '--all'],
    /--all and names of scenarios contradict each other\n {2}leave one of them out/,
  ],
  [
    ['run', '--all', '--report', 'junt=x.xml'],
    /--report junt=x\.xml: not a report\n {2}write html=FILE, .* or junit=FILE .*; did you mean junit\?/,
  ],
  [['run', '--all', '--report', 'junit='], /--report junit=: not a report/],
  [['run', '--all', '--report', 'junit=/proc/nope/x.xml'], /cannot write \/proc\/nope\/x\.xml/],
  [['run', '--all', '--report', 'junit=.'], /cannot write .*: EISDIR.*\n {2}name another file\n$/],
  [['run', 'dom0-and-guest', '--runs', bin], /cannot write .*scmi-hil\.js: ENOTDIR/],
  [['faults', '--runs', bin], /cannot write .*scmi-hil\.js: ENOTDIR/],
  [['faults', '--write', '/proc/nope/faults.md'], /cannot write \/proc\/nope\/faults\.md/],
  [['lint', '--sarif', '.'], /cannot write .*: EISDIR.*\n {2}name another file\n$/],
  [['boards', '--lab', '/dev/zero'], /^scmi-hil: \/dev\/zero: it is a device, not a file\n$/],
  [['predict', '--host-dt', '/dev/zero'], /^scmi-hil: \/dev\/zero cannot be read: it is a device/],
  [
    ['run', 'only-v4h.yaml', '--board', 'virtual-rpi5'],
    /only-v4h runs on none of the boards\n {2}virtual-rpi5: it is for rcar-/,
  ],
  [['console', 'virtual-v4h', '--for', 'soon'], /--for soon: not a duration\n {2}such as 60s, 5m or 2h/],
];

for (const [argv, said] of misuse) {
  test(`misuse exits 2 with a hint and touches no board: ${argv.join(' ')}`, async t => {
    writeFileSync(
      path.join(directory, 'only-v4h.yaml'),
      'schema: 1\nname: only-v4h\ntitle: t\nboards: [rcar-v4h-white-hawk]\n',
    );
    const { code, out, err } = await inDirectory(...argv);
    t.is(code, 2);
    t.is(out, '');
    t.regex(err, said);
    t.notRegex(err, /\n {4}at /);
    t.false(existsSync(path.join(directory, 'runs')));
  });
}

test('no command at all shows the help and exits 2', async t => {
  const { code, err } = await inDirectory();
  t.is(code, 2);
  t.regex(err, /^Usage: scmi-hil/);
});

test('--debug adds the stack to a mistake', async t => {
  const { code, err } = await inDirectory('boards', '--lab', 'absent.yaml', '--debug');
  t.is(code, 2);
  t.regex(err, /ConfigurationError: .*\n {4}at .*\n[^]*caused by: Error: ENOENT/);
});

test('a mistake in the lab file is told with file, line and field', async t => {
  writeFileSync(
    path.join(directory, 'wrong.yaml'),
    'schema: 1\nboards:\n  a: { type: rpi5, virtual: yes }\n',
  );
  const { code, err } = await inDirectory('boards', '--lab', 'wrong.yaml');
  t.is(code, 2);
  t.regex(err, /wrong\.yaml:3:\d+: boards\.a\.virtual: expected true/);
});

test('with --bisect, a run of which nothing is learned is skipped', async t => {
  const cwd = path.join(directory, 'bisected');
  mkdirSync(cwd);
  const inOwn = (...argv: string[]) => scmiHil(argv, { cwd });
  const absent = ['run', 'dom0-and-guest', '--board', 'virtual-rpi5', '--image', 'xen=/nonexistent'];
  t.is((await inOwn(...absent)).code, 2);
  const { code, err } = await inOwn(...absent, '--bisect');
  t.is(code, 125);
  t.regex(err, /there is no \/nonexistent/);
  const good = await inOwn('run', 'dom0-and-guest', '--board', 'virtual-rpi5', '--bisect');
  t.is(good.code, 0, good.out + good.err);
  const wrong = ['run', 'dom0-and-guest', '--board', 'virtual-rpi5', '--mutant', 'keeps-channel', '--bisect'];
  t.is((await inOwn(...wrong)).code, 1);
});

test('doctor --image tells what a Xen is and what it can run, and refuses what is no Xen', async t => {
  const xen = path.join(directory, 'xen-image');
  writeFileSync(xen, 'Xen version %d.%d%s\0xen,xen-4.22\0scmi-secondary-agents\0debug=y\0');
  const { code, out } = await inDirectory('doctor', '--image', `xen=${xen}`);
  t.is(code, 0);
  t.regex(out, /mediator +multi-agent/);
  t.regex(out, /CONFIG_DEBUG +y/);
  t.regex(out, /it needs Xen with debug=n.*:\n +release-build/);
  const { image, scenarios } = JSON.parse(
    (await inDirectory('doctor', '--image', `xen=${xen}`, '--json')).out,
  );
  t.like(image, { version: '4.22', mediator: 'multi-agent', debug: true });
  t.true(scenarios.length > 50);
  writeFileSync(xen, 'Linux version 6.12.1 #1');
  const refused = await inDirectory('doctor', '--image', `xen=${xen}`);
  t.is(refused.code, 2);
  t.regex(refused.err, /is not Xen/);
});

test('boards lists the virtual boards, as text and as JSON', async t => {
  const text = await inDirectory('boards');
  t.is(text.code, 0);
  t.regex(text.out, /^BOARD .*\nvirtual-rpi5 +rpi5 +virtual +virtual +- +Raspberry Pi 5\nvirtual-v4h /);
  const json: unknown = JSON.parse((await inDirectory('boards', '--json')).out);
  t.like(json, {
    file: null,
    boards: [{ name: 'virtual-rpi5', virtual: true }, { name: 'virtual-v4h' }, { name: 'virtual-qemu' }],
  });
  const shown = await inDirectory('boards', 'show', 'virtual-v4h', '--json');
  t.like(JSON.parse(shown.out) as object, { name: 'virtual-v4h', boardType: { soc: 'r8a779g0' } });
});

test('scenarios lists what is shipped, and shows one as a board runs it', async t => {
  const names = listScenarios().map(({ name }) => name);
  const { out } = await inDirectory('scenarios');
  t.deepEqual(
    out
      .trimEnd()
      .split('\n')
      .slice(1)
      .map(line => line.split(' ')[0]),
    names,
  );
  const json = JSON.parse((await inDirectory('scenarios', '--json')).out) as { readonly name: string }[];
  t.deepEqual(
    json.map(({ name }) => name),
    names,
  );
  const shown = await inDirectory('scenarios', 'show', 'dom0-and-guest', '--board-type', 'rpi5');
  t.regex(shown.out, /^scenario +dom0-and-guest\n[^]*\narm_sci = "type=scmi_smc_multiagent,agent_id=2"\n/);
});

test('the JSON Schemas in docs are those of the code', t => {
  for (const [name, text] of schemaFiles()) {
    const file = path.join(projectDirectory, 'docs/schemas', name);
    t.is(readFileSync(file, 'utf8'), text, `${name}: run scmi-hil schema`);
  }
});

test('schema writes the JSON Schemas where it is told', async t => {
  const { code, out } = await inDirectory('schema', 'into');
  t.is(code, 0);
  t.is(out.trimEnd().split('\n').length, schemaFiles().size);
  t.notThrows(
    () => JSON.parse(readFileSync(path.join(directory, 'into/lab.schema.json'), 'utf8')) as unknown,
  );
  t.truthy(boardTypeSchema);
});

const servers: net.Server[] = [];
test.after.always(() => servers.forEach(server => server.close()));

/** A board whose console is a TCP socket of the test, and whose switch writes to a file. */
async function bench(name: string): Promise<{ lab: string; switched: string; sockets: Promise<net.Socket> }> {
  const home = mkdtempSync(path.join(directory, 'bench-'));
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const sockets = once(server, 'connection').then(([socket]) => {
    server.close();
    return socket as net.Socket;
  });
  const { port } = server.address() as net.AddressInfo;
  const switched = path.join(home, 'switched');
  for (const file of ['a', 'x', 'k', 'r']) writeFileSync(path.join(home, file), '');
  const lab = path.join(home, 'lab.yaml');
  writeFileSync(
    lab,
    `schema: 1
boards:
  ${name}:
    type: rpi5
    serial: { kind: tcp, host: 127.0.0.1, port: ${port} }
    power:
      kind: command
      on: echo on >> ${switched}
      off: echo off >> ${switched}
      state: tail -n 1 ${switched}
    network: { address: 127.0.0.2, server: 127.0.0.1, tftpPort: ${port} }
    ssh: { identity: { kind: password, file: a } }
    images: { armstub: a, xen: x, kernel: k, ramdisk: r }
`,
  );
  return { lab, switched, sockets };
}

function tftpPortOf(lab: string): number {
  return Number(/tftpPort: (\d+)/.exec(readFileSync(lab, 'utf8'))?.[1]);
}

test('power switches a board and says what the switch says', async t => {
  const { lab, switched, sockets } = await bench('relay');
  sockets.catch(() => undefined);
  t.deepEqual(await inDirectory('power', 'relay', 'on', '--lab', lab), {
    code: 0,
    out: 'relay: on\n',
    err: '',
  });
  t.is((await inDirectory('power', 'relay', 'state', '--lab', lab)).out, 'relay: on\n');
  t.is((await inDirectory('power', 'relay', 'cycle', '--lab', lab, '--json')).code, 0);
  t.is(readFileSync(switched, 'utf8'), 'on\noff\non\n');
});

test('power waits for a state that follows later, and fails where it does not come true', async t => {
  const { lab, switched, sockets } = await bench('slow');
  sockets.catch(() => undefined);
  const text = readFileSync(lab, 'utf8').replace('images:', 'deadlines: { powerOff: 3s }\n    images:');
  writeFileSync(
    lab,
    text.replace('on: echo on >>', 'on: (sleep 1.5; echo on) >>').replace(/on: (\(.*)$/m, 'on: $1 &'),
  );
  writeFileSync(switched, 'off\n');
  t.deepEqual(await inDirectory('power', 'slow', 'on', '--lab', lab), {
    code: 0,
    out: 'slow: on\n',
    err: '',
  });
  writeFileSync(lab, readFileSync(lab, 'utf8').replace(/off: echo off.*/, 'off: "true"'));
  const { code, out, err } = await inDirectory('power', 'slow', 'off', '--lab', lab);
  t.is(code, 3);
  t.is(out, '');
  t.regex(err, /power off slow: after 3 s the switch still says that it is on/);
});

test('a person at a terminal is asked to switch, and Enter is the answer', async t => {
  const { lab, sockets } = await bench('person');
  sockets.catch(() => undefined);
  writeFileSync(
    lab,
    readFileSync(lab, 'utf8').replace(/power:[^]*?network:/, 'power: { kind: ask }\n    network:'),
  );
  // In CI nobody is there, whatever the terminal.
  const environment = { ...process.env, XDG_STATE_HOME: directory, CI: '' };
  const words = [bin, 'power', 'person', 'on', '--lab', lab];
  const terminal = nodePty.spawn(process.execPath, words, { cwd: directory, cols: 200, env: environment });
  let screen = '';
  terminal.onData(text => {
    if (!screen.includes('press Enter') && (screen + text).includes('press Enter')) terminal.write('\r');
    screen += text;
  });
  const code = await new Promise<number>(resolve =>
    terminal.onExit(({ exitCode: status }) => resolve(status)),
  );
  t.is(code, 0, screen);
  t.regex(screen, /Switch person ON, then press Enter: [^]*person: /);
});

test('boards show names the UARTs beside the console, and who writes there', async t => {
  const { lab, sockets } = await bench('wired');
  sockets.catch(() => undefined);
  const uarts =
    '{ secure: { kind: unix, path: /run/s, talkers: [tf-a] }, radio: { kind: command, command: cat } }';
  writeFileSync(lab, readFileSync(lab, 'utf8').replace('    power:', `    uarts: ${uarts}\n    power:`));
  const { code, out } = await inDirectory('boards', 'show', 'wired', '--lab', lab);
  t.is(code, 0);
  t.regex(
    out,
    /UART secure +unix \/run\/s \(tf-a\)\nUART radio +a command of the lab file \(recorded only\)\n/,
  );
});

test('a switch that fails exits 3 and says what it did', async t => {
  const { lab } = await bench('dead');
  writeFileSync(lab, readFileSync(lab, 'utf8').replace(/on: echo .*/, 'on: "echo no relay >&2; exit 4"'));
  const { code, err } = await inDirectory('power', 'dead', 'on', '--lab', lab);
  t.is(code, 3);
  t.regex(err, /^scmi-hil: .*exit status 4, output:\nno relay/);
});

test('console carries bytes both ways and leaves at Ctrl-]', async t => {
  const { lab, sockets } = await bench('tcp');
  const stdin = new PassThrough();
  const ran = scmiHil(['console', 'tcp', '--lab', lab], { cwd: directory, stdin });
  const socket = await sockets;
  socket.write(Buffer.from([0x3d, 0x3e, 0xff]));
  stdin.write('help\r');
  const [typed] = (await once(socket, 'data')) as [Buffer];
  t.is(typed.toString(), 'help\r');
  stdin.write('bye\x1drest');
  const [last] = (await once(socket, 'data')) as [Buffer];
  t.is(last.toString(), 'bye');
  const { code, out } = await ran;
  t.is(code, 0);
  t.true(out.startsWith('=>'));
  socket.destroy();
});

test('console --uart is at a UART beside the console, and names those that there are', async t => {
  const { lab, sockets } = await bench('several');
  const text = readFileSync(lab, 'utf8');
  const line = /serial: (\{.*\})/.exec(text)?.[1] ?? '';
  writeFileSync(lab, text.replace(line, `{ kind: unix, path: none }\n    uarts: { secure: ${line} }`));
  const unknown = await inDirectory('console', 'several', '--uart', 'secret', '--lab', lab);
  t.is(unknown.code, 2);
  t.regex(unknown.err, /several has no UART secret\n.*beside its console it has secure/);

  const stdin = new PassThrough();
  const ran = scmiHil(['console', 'several', '--uart', 'secure', '--lab', lab], { cwd: directory, stdin });
  const socket = await sockets;
  socket.on('error', () => undefined).write('NOTICE');
  stdin.write('typed');
  t.is(String((await once(socket, 'data'))[0]), 'typed');
  stdin.write('\x1d');
  const { code, out } = await ran;
  t.is(code, 0);
  t.is(out, 'NOTICE');
  socket.destroy();
});

test('console ends when standard input does, and when the line is lost with exit 3', async t => {
  const first = await bench('ends');
  const ended = await scmiHil(['console', 'ends', '--lab', first.lab], { cwd: directory });
  t.is(ended.code, 0);
  (await first.sockets).destroy();

  const second = await bench('lost');
  const running = scmiHil(['console', 'lost', '--lab', second.lab], {
    cwd: directory,
    stdin: new PassThrough(),
  });
  (await second.sockets).destroy();
  const { code, err } = await running;
  t.is(code, 3);
  t.regex(err, /\nscmi-hil: /);
});

test('console is told who holds the board', async t => {
  const { lab, sockets } = await bench('held');
  const stdin = new PassThrough();
  const holder = scmiHil(['console', 'held', '--lab', lab], { cwd: directory, stdin });
  const socket = await sockets;
  const { code, err } = await inDirectory('power', 'held', 'off', '--lab', lab);
  t.is(code, 3);
  t.regex(err, /^scmi-hil: reserve held: .* holds its serial port .* since .*scmi-hil console held/);
  t.regex((await inDirectory('boards', '--lab', lab)).out, new RegExp(`held .*, process ${process.pid} `));
  // A second run finds the first one's file server before its reservation.
  const tftp = dgram.createSocket('udp4').bind(tftpPortOf(lab), '127.0.0.1');
  await once(tftp, 'listening');
  const second = await scmiHil(['run', 'dom0-and-guest', '--board', 'held'], { cwd: path.dirname(lab) });
  tftp.close();
  t.is(second.code, 3);
  t.regex(second.err, /^scmi-hil: reserve held: .* holds its serial port .* since .*scmi-hil console held/);
  stdin.write('\x1d');
  t.is((await holder).code, 0);
  socket.destroy();
});

test('an interrupted console gives the board back and exits 130', async t => {
  const { lab, sockets } = await bench('interrupted');
  const controller = new AbortController();
  const ran = scmiHil(['console', 'interrupted', '--lab', lab], {
    cwd: directory,
    signal: controller.signal,
    stdin: new PassThrough(),
  });
  const socket = await sockets;
  controller.abort(new Error('interrupted by SIGINT'));
  const { code, err } = await ran;
  t.is(code, 130);
  t.regex(err, /scmi-hil: interrupted by SIGINT\n$/);
  const off = await inDirectory('power', 'interrupted', 'off', '--lab', lab);
  t.is(off.code, 0, off.err);
  socket.destroy();
});

test('a real board is left out of scenarios that need other software than it has', async t => {
  const { lab } = await bench('real');
  writeFileSync(
    path.join(directory, 'other-xen.yaml'),
    'schema: 1\nname: other-xen\ntitle: t\nlinuxRawMode: exclusive\nxen: { mediator: none }\nfirmware: { faults: [no-discover-agent] }\n',
  );
  const { code, err } = await inDirectory('run', 'other-xen.yaml', '--lab', lab);
  t.is(code, 2);
  t.regex(
    err,
    /real: it needs firmware with no-discover-agent, a none Xen, a Linux with SCMI raw mode alone\n/,
  );
});

test('a run on a board that stays silent is the lab’s failure: exit 3, reports written, power off', async t => {
  const { lab, switched } = await bench('silent');
  const text = readFileSync(lab, 'utf8');
  writeFileSync(lab, `${text}    deadlines: { firstOutput: 200ms, bootLoader: 200ms, collect: 500ms }\n`);
  const cwd = path.dirname(lab);
  const argv = [
    'run',
    'dom0-and-guest',
    '--report',
    'junit=out/junit.xml',
    '--report',
    'json=out/report.json',
  ];
  const { code, out } = await scmiHil(argv, { cwd });
  t.is(code, 3, out);
  t.regex(out, /^ +0\.0s silent {2}run of dom0-and-guest \(rpi5\)\n[^]* silent {2}power on /);
  t.regex(out, /\ndom0-and-guest on silent: INFRASTRUCTURE /);
  t.regex(out, /\n {2}files: (runs\/\S+-silent-dom0-and-guest)\n[^]*\n1 run: 1 INFRASTRUCTURE\n$/);
  t.is(readFileSync(switched, 'utf8').trim().split('\n').at(-1), 'off');
  t.regex(readFileSync(path.join(cwd, 'out/junit.xml'), 'utf8'), /<error type="infrastructure"/);
  const report = JSON.parse(readFileSync(path.join(cwd, 'out/report.json'), 'utf8')) as object;
  t.like(report, { outcome: 'infrastructure', runs: [{ verdict: { board: 'silent' } }] });
});

test('an interrupted run switches the board off, keeps what it has, and exits 130', async t => {
  const { lab, switched, sockets } = await bench('stopped');
  const controller = new AbortController();
  const cwd = path.dirname(lab);
  const running = scmiHil(['run', 'dom0-and-guest', '--json', '--report', 'json=report.json'], {
    cwd,
    signal: controller.signal,
  });
  const socket = await sockets;
  while (!existsSync(switched) || !readFileSync(switched, 'utf8').endsWith('on\n')) {
    await new Promise(resolve => void setTimeout(resolve, 10));
  }
  controller.abort(new Error('interrupted by SIGTERM'));
  const { code, out, err } = await running;
  t.is(code, 130);
  t.like(JSON.parse(out) as object, { outcome: 'interrupted' });
  t.regex(err, /\nscmi-hil: interrupted by SIGTERM\n$/);
  t.is(readFileSync(switched, 'utf8').trim().split('\n').at(-1), 'off');
  t.true(existsSync(path.join(cwd, 'report.json')));
  socket.destroy();
});

test('the program runs from a checkout, and from an installed package by its dist', async t => {
  const run = promisify(execFile);
  const { version } = JSON.parse(readFileSync(path.join(projectDirectory, 'package.json'), 'utf8')) as {
    readonly version: string;
  };
  t.is((await run(process.execPath, [bin, '--version'])).stdout, `${version}\n`);

  const installed = path.join(directory, 'node_modules/scmi-hil');
  mkdirSync(path.join(installed, 'dist/src/cli'), { recursive: true });
  mkdirSync(path.join(installed, 'src/cli'), { recursive: true });
  cpSync(path.dirname(bin), path.join(installed, 'bin'), { recursive: true });
  writeFileSync(path.join(installed, 'package.json'), '{ "type": "module" }');
  writeFileSync(path.join(installed, 'src/cli/process.ts'), 'export const broken: string = 1;');
  writeFileSync(
    path.join(installed, 'dist/src/cli/process.js'),
    `export const runAsProcess = async () => process.stdout.write('dist ' + process.argv.slice(2));`,
  );
  t.is((await run(process.execPath, [path.join(installed, 'bin/scmi-hil.js'), 'a', 'b'])).stdout, 'dist a,b');
});

test('on an older Node the program starts the one that the project brings', async t => {
  const home = mkdtempSync(path.join(directory, 'old-node-'));
  cpSync(path.dirname(bin), path.join(home, 'bin'), { recursive: true });
  symlinkSync(path.join(projectDirectory, 'node_modules'), path.join(home, 'node_modules'));
  mkdirSync(path.join(home, 'src/cli'), { recursive: true });
  writeFileSync(path.join(home, 'package.json'), '{ "type": "module" }');
  writeFileSync(
    path.join(home, 'src/cli/process.ts'),
    'export const runAsProcess = async (): Promise<void> => { process.stdout.write(process.version); process.exitCode = 7; };',
  );
  // The version is what the program looks at; the Node that is started says its own.
  const preload = `data:text/javascript,if(!process.env.AGAIN)Object.defineProperty(process.versions,'node',{value:'20.19.0'});process.env.AGAIN='1'`;
  const child = spawn(process.execPath, ['--import', preload, path.join(home, 'bin/scmi-hil.js')]);
  let out = '';
  child.stdout.on('data', chunk => (out += String(chunk)));
  const [code] = (await once(child, 'close')) as [number];
  t.is(out, process.version);
  t.is(code, 7);

  rmSync(path.join(home, 'node_modules'));
  const alone = await promisify(execFile)(process.execPath, [
    '--import',
    preload,
    path.join(home, 'bin/scmi-hil.js'),
  ]).catch((error: unknown) => error as { readonly code: number; readonly stderr: string });
  t.like(alone, { code: 2 });
  t.regex(
    alone.stderr,
    /scmi-hil: Node 24\.12 or newer is needed, this is 20\.19\.0\n {2}install the optional/,
  );
});

test('the first Ctrl-C lets a command clean up, and a closed pipe is no error', async t => {
  const { lab, sockets } = await bench('signalled');
  const child = spawn(process.execPath, [bin, 'console', 'signalled', '--lab', lab], {
    env: { ...process.env, HOME: directory, XDG_STATE_HOME: path.join(directory, 'state') },
  });
  const socket = await sockets;
  await once(child.stderr, 'data');
  child.kill('SIGINT');
  const [code] = (await once(child, 'close')) as [number];
  t.is(code, 130);
  socket.destroy();

  const piped = spawn('/bin/sh', ['-c', `"${process.execPath}" "${bin}" boards show virtual-rpi5 | true`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let err = '';
  piped.stderr.on('data', chunk => (err += String(chunk)));
  await once(piped, 'close');
  t.is(err, '');
});

test('a run whose output nobody reads any more has met nothing', async t => {
  const command = `"${process.execPath}" "${bin}" run dom0-and-guest --board virtual-rpi5 --runs unread`;
  const { stdout, stderr } = await promisify(execFile)(
    '/bin/sh',
    ['-c', `exec 3>&1; { ${command}; echo $? >&3; } | true`],
    {
      cwd: directory,
      env: { ...process.env, HOME: directory, XDG_STATE_HOME: path.join(directory, 'state') },
    },
  );
  t.is(stdout, '130\n');
  t.is(stderr, '');
});

test('a report that can be written is not there before the run is over, and an older one stays', async t => {
  const [fresh, older] = ['fresh.xml', 'older.xml'].map(name => path.join(directory, 'made', name));
  await inDirectory('run', '--all', '--report', `junit=${fresh}`, '--board', 'nobody');
  t.deepEqual(readdirSync(path.join(directory, 'made')), []);
  writeFileSync(older ?? '', 'of yesterday');
  const { code } = await inDirectory('run', '--all', '--report', `junit=${older}`, '--board', 'nobody');
  t.is(code, 2);
  t.is(readFileSync(older ?? '', 'utf8'), 'of yesterday');
});
