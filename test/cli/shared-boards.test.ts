/** Boards that several people and jobs of one machine want: reserve, release, wait, health, time limits. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import test from 'ava';
import { book } from '../../src/lab/bookings.ts';
import { claimsOf } from '../../src/lab/claims.ts';
import { holderOfBoard } from '../../src/lab/holder.ts';
import { boardOf, loadLab } from '../../src/lab/load-lab.ts';
import { reserve } from '../../src/lab/reservation.ts';
import { projectDirectory } from '../../src/config/project-directory.ts';
import { main } from '../../src/cli/main.ts';
import { scmiHil } from './fake-process.ts';

const directory = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-shared-'));
process.env['SCMI_HIL_BOOKINGS'] = path.join(directory, 'bookings');
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

/** A physical board that no other test has. */
const physical = (name: string, number: number) => `
  ${name}:
    type: rcar-v4h-white-hawk
    serial: { kind: command, command: "echo ${directory}/${name}; exec cat" }
    power: { kind: command, on: 'echo ${directory}/${name} on', off: 'echo ${directory}/${name} off' }
    network: { address: 127.0.0.${number + 2}, server: 127.0.0.1 }
    ssh: { identity: { kind: agent } }
    images: { xen: x, kernel: x, ramdisk: x, dtb: ${tree} }`;
const tree = path.join(projectDirectory, 'firmware/rcar-v4h-white-hawk/host.dts');
writeFileSync(path.join(directory, 'x'), 'x');

/** Each test has boards of its own: a lab for each. */
function labOf(...boards: string[]) {
  const own = mkdtempSync(path.join(directory, 'lab-'));
  const text = `schema: 1\nboards:\n  v: { type: rpi5, virtual: true }${boards.map(physical).join('')}\n`;
  writeFileSync(path.join(own, 'lab.yaml'), text);
  writeFileSync(path.join(own, 'x'), 'x');
  const claims = (name: string) => claimsOf(boardOf(loadLab({ cwd: own, env: {} }), name));
  return { run: (...argv: string[]) => scmiHil(argv, { cwd: own }), claims, own };
}

test('reserve keeps a board until release, and boards says so', async t => {
  const { run } = labOf('one');
  const reserved = await run('reserve', 'one', '--for', '2h');
  t.regex(reserved.out, /^one: reserved until \d{4}-/);
  t.regex((await run('boards')).out, /^one .* reserved by .*@/m);
  await run('reserve', 'one', '--for', '3h');
  const json = JSON.parse((await run('boards', '--json')).out) as { boards: { name: string }[] };
  t.like(
    json.boards.find(({ name }) => name === 'one'),
    { heldBy: null, waiting: [], outOfRotation: null },
  );
  t.like(
    json.boards.find(({ name }) => name === 'one'),
    { reserved: { user: os.userInfo().username } },
  );
  t.deepEqual(await run('release', 'one'), { code: 0, out: 'one: released\n', err: '' });
  t.is((await run('release', 'one')).out, 'one: it was not reserved\n');
});

test('a board that is made for each run cannot be reserved, nor one that somebody holds', async t => {
  const { run, claims } = labOf('two');
  const made = await run('reserve', 'v');
  t.is(made.code, 2);
  t.regex(made.err, /^scmi-hil: v is made for each run/);
  await using _ = await reserve(await claims('two'), { ...holderOfBoard('two', 'scmi-hil run x'), pid: 1 });
  const held = await run('reserve', 'two', '--wait', '1ms');
  t.is(held.code, 3);
  t.regex(held.err, /wait for two: still not free after 0.001 s: .*: process 1, scmi-hil run x/);
});

test('a run whose wait times out touches nothing and names the holder', async t => {
  const { run, claims, own } = labOf('three');
  await using _ = await reserve(await claims('three'), {
    ...holderOfBoard('three', 'scmi-hil run x'),
    pid: 1,
  });
  const waited = await run('run', 'dom0-agent-id-255', '--board', 'three', '--wait', '1ms');
  t.is(waited.code, 3, waited.err);
  t.regex(
    waited.err,
    /scmi-hil: wait for three: still not free after 0.001 s: .*: process 1, scmi-hil run x/,
  );
  t.regex(waited.out, /left out on three: dom0-agent-id-255: wait for three: /);
  t.false(existsSync(path.join(own, 'runs')));
});

test('a run on any board of a type takes none that is out of rotation or held', async t => {
  const { run, claims } = labOf('four', 'five');
  await book('four', await claims('four'), { outOfRotation: 'it failed its health check twice' });
  await using _ = await reserve(await claims('five'), { ...holderOfBoard('five', 'scmi-hil run x'), pid: 1 });
  const asked = ['run', 'dom0-agent-id-255', '--board-type', 'rcar-v4h-white-hawk'];
  const held = await run(...asked);
  t.is(held.code, 3, held.err);
  t.regex(held.err, /^scmi-hil: wait for five: .*: process 1, scmi-hil run x$/m);
  const out = await run('run', 'dom0-agent-id-255', '--board', 'four');
  t.is(out.code, 3, out.err);
  t.regex(out.err, /scmi-hil: use four: it is out of rotation since .*: it failed its health check twice/);
  t.regex((await run('boards')).out, /^four: out of rotation since .*twice$/m);
  t.is((await run('release', 'four')).out, 'four: back in rotation\n');
});

test('a type that no board has, and contradictions, are named', async t => {
  const { run } = labOf('six');
  t.regex(
    (await run('run', 'dom0-only', '--board-type', 'rpi6')).err,
    /no board of the type rpi6\n {2}did you mean rpi5\?/,
  );
  t.regex(
    (await run('run', 'dom0-only', '--board-type', 'rpi5', '--board', 'v')).err,
    /contradict each other/,
  );
  t.regex((await run('run', 'dom0-only', '--wait', 'long')).err, /--wait long: not a duration/);
});

test('a run on a board of a type runs there alone', async t => {
  const { run } = labOf();
  const { code, out } = await run('run', 'dom0-agent-id-255', '--board-type', 'rpi5', '--health');
  t.is(code, 0, out);
  t.regex(out, /^v: health check: met$/m);
  t.regex(out, /^1 run: 1 met$/m);
});

test('nothing runs on a board whose health boot is not met twice', async t => {
  const { run, own } = labOf();
  const { code, out, err } = await run(
    'run',
    'dom0-agent-id-255',
    '--board',
    'v',
    '--health',
    '--fault',
    'switch-refuses',
  );
  t.is(code, 3, out + err);
  t.regex(err, /use v: it failed its health check twice: .*; /);
  t.regex(out, /left out on v: dom0-agent-id-255: use v: it failed its health check twice/);
  t.is(readdirSync(path.join(own, 'runs')).length, 2);
});

test('runs that the time limit ends are infrastructure errors, and the rest is left out', async t => {
  const { run } = labOf();
  const { code, out, err } = await run(
    'run',
    '--match',
    'dom0-*',
    '--board',
    'v',
    '--timeout',
    '900ms',
    '--jobs',
    '1',
  );
  t.is(code, 3, out + err);
  t.regex(err, /^scmi-hil: run: timed out after 0.9 s \(--timeout\)$/m);
});

test('a console is read along while a run records it', async t => {
  const { claims, own } = labOf('seven');
  const run = path.join(own, 'runs', 'r');
  mkdirSync(run, { recursive: true });
  writeFileSync(path.join(run, 'console-main.log'), 'U-Boot\n');
  const holder = { ...holderOfBoard('seven', 'scmi-hil run x'), pid: 1, directory: run };
  const held = await reserve(await claims('seven'), holder);
  const [stdout, stderr, stdin] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const abort = new AbortController();
  const code = main(['console', 'seven', '--watch'], {
    stdout,
    stderr,
    stdin,
    cwd: own,
    env: { HOME: own },
    signal: abort.signal,
  });
  let said = '';
  for await (const chunk of stdout) {
    said += String(chunk);
    if (said === 'U-Boot\n') appendFileSync(path.join(run, 'console-main.log'), '=> ');
    if (said.endsWith('=> ')) break;
  }
  await held.release();
  let told = '';
  for await (const chunk of stderr) {
    told += String(chunk);
    if (told.includes('seven: the run is over')) break;
  }
  t.regex(told, /seven: .*: process 1, scmi-hil run x\n/);
  abort.abort(new Error('interrupted by SIGINT'));
  t.is(await code, 130);
});
