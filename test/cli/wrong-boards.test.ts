/** Boards of one lab file of which some are wrong: each stands for itself. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { scmiHil } from './fake-process.ts';

const directory = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-wrong-boards-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

const switched = path.join(directory, 'switched');
const file = path.join(directory, 'lab.yaml');

/** A physical board; `fields` stand in place of those of the same name. */
function physical(name: string, number: number, fields: Readonly<Record<string, string>> = {}): string {
  const all = {
    type: 'rpi5',
    serial: `{ kind: command, command: "echo I am ${name}; exec cat" }`,
    power: `{ kind: command, on: 'echo ${name} on >> ${switched}', off: 'echo ${name} off >> ${switched}' }`,
    network: `{ address: 192.0.2.${number}, server: 192.0.2.1 }`,
    ssh: '{ identity: { kind: agent } }',
    images: '{ armstub: a, xen: x, kernel: k, ramdisk: r, dtb: d }',
    ...fields,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== '');
  return `  ${name}:\n${lines.map(([field, value]) => `    ${field}: ${value}\n`).join('')}`;
}

const lab = `schema: 1
boards:
  good: { type: rcar-v4h-white-hawk, virtual: true }
${physical('typo', 2, { type: 'rpi6' })}${physical('bare', 3, { images: '' })}${physical('keyless', 4, { ssh: '' })}${physical('dead', 5, { power: '{ kind: shely }' })}${physical('copy', 3)}`;
writeFileSync(file, lab);

const inLab = (...argv: string[]) => scmiHil(argv, { cwd: directory });
const lastSwitch = () => readFileSync(switched, 'utf8').trim().split('\n').at(-1);

test('boards lists correct and wrong boards, each wrong one with file, line and field', async t => {
  const { code, out, err } = await inLab('boards');
  t.is(code, 0, err);
  t.regex(out, /^good +rcar-v4h-white-hawk +virtual/m);
  t.regex(out, /^typo +.*wrong: \S*lab\.yaml:5:11: type: there is no board type rpi6/m);
  t.regex(out, /^bare +rpi5 .*wrong: \S*lab\.yaml:\d+:\d+: boards\.bare\.images: armstub, .* missing/m);
  t.regex(out, /^keyless +.*wrong: \S*lab\.yaml:\d+:\d+: boards\.keyless\.ssh: is missing/m);
  t.regex(out, /^dead +.*wrong: \S*lab\.yaml:\d+:\d+: boards\.dead\.power\.kind: /m);
  t.regex(
    out,
    /^copy +.*wrong: \S*lab\.yaml:\d+:\d+: boards\.copy\.network\.address: 192\.0\.2\.3 is bare's/m,
  );
  const json = JSON.parse((await inLab('boards', '--json')).out) as {
    boards: { name: string; error: string | null }[];
  };
  t.deepEqual(
    json.boards.filter(({ error }) => error === null).map(({ name }) => name),
    ['good'],
  );
  t.is(json.boards.length, 6);
});

test('a board whose images are not all named, or without a login, is switched and talked to', async t => {
  for (const name of ['bare', 'keyless', 'copy']) {
    const { code, err } = await inLab('power', name, 'off');
    t.is(code, 0, err);
    t.is(lastSwitch(), `${name} off`);
    const listened = await inLab('console', name);
    t.is(listened.code, 0, listened.err);
  }
  t.regex(
    (await inLab('power', 'keyless', 'off')).err,
    /^warning: board keyless: .*keyless\.ssh: is missing/m,
  );
});

test('dhcp-config asks for the addresses alone', async t => {
  const { code, out, err } = await inLab('dhcp-config', 'dead');
  t.is(code, 0, err);
  t.regex(out, /^dhcp-range=set:dead,192\.0\.2\.5,/m);
  t.regex((await inLab('dhcp-config', 'copy')).err, /copy\.network\.address: 192\.0\.2\.3 is bare's already/);
});

test('a command refuses a board whose fields it needs, and names them alone', async t => {
  const power = await inLab('power', 'dead', 'on');
  t.is(power.code, 2);
  t.regex(power.err, /^scmi-hil: \S*lab\.yaml:\d+:\d+: boards\.dead\.power\.kind: expected one of/m);
  const run = await inLab('run', 'dom0-agent-id-255', '--board', 'keyless');
  t.is(run.code, 2);
  t.regex(run.err, /^scmi-hil: \S*lab\.yaml:\d+:\d+: boards\.keyless\.ssh: is missing/m);
  const bare = await inLab('run', 'dom0-agent-id-255', '--board', 'bare');
  t.is(bare.code, 2);
  t.regex(bare.err, /boards\.bare\.images: armstub, xen, kernel, ramdisk missing/);
  const unknown = await inLab('power', 'tipo', 'on');
  t.regex(unknown.err, /there is no board tipo .*\n {2}did you mean typo\?/);
});

/** A scenario for boards of one type. */
function only(name: string, type: string): void {
  writeFileSync(
    path.join(directory, `${name}.yaml`),
    `schema: 1\nname: ${name}\ntitle: t\nboards: [${type}]\n`,
  );
}

test('a physical board boots the shipped device tree only where the lab file says so', async t => {
  const own = path.join(directory, 'trees');
  mkdirSync(own);
  for (const image of ['a', 'x', 'k', 'r']) writeFileSync(path.join(own, image), image);
  const images = '{ armstub: a, xen: x, kernel: k, ramdisk: r }';
  const untold = physical('untold', 6, { images });
  const told = physical('told', 7, { images, tree: 'shipped' });
  writeFileSync(path.join(own, 'lab.yaml'), `schema: 1\nboards:\n${untold}${told}`);
  const inOwn = (...argv: string[]) => scmiHil(argv, { cwd: own });
  for (const argv of [
    ['run', 'dom0-agent-id-255', '--board', 'untold'],
    ['doctor', 'untold', '--boot'],
  ]) {
    const { code, err } = await inOwn(...argv);
    t.is(code, 2, err);
    t.regex(err, /boards\.untold\.images: dtb missing: the shipped device tree is cut down/);
    t.regex(err, /\n {2}name the board's own device tree: .*; tree: shipped in boards\.untold /);
  }
  // The board that is told so gets as far as its login.
  t.regex((await inOwn('run', 'dom0-agent-id-255', '--board', 'told')).err, /no SSH agent runs here/);
  const dtb = await inOwn('run', 'dom0-agent-id-255', '--board', 'untold', '--image', `dtb=${own}/x`);
  t.notRegex(dtb.err, /dtb missing/);
  t.regex(
    (await inOwn('images', 'check', 'untold')).out,
    /\nno dtb: the shipped device tree .*\n {2}hint: name/,
  );
});

test('a run on all boards goes on without those that are wrong, and warns of each', async t => {
  only('elsewhere', 'qemu-virt');
  only('on-a-pi', 'rpi5');
  const { code, out, err } = await inLab('run', 'elsewhere.yaml', 'dom0-agent-id-255', 'on-a-pi.yaml');
  t.is(code, 0, out + err);
  for (const name of ['typo', 'keyless', 'dead', 'copy'])
    t.regex(err, new RegExp(`^warning: board ${name}: `, 'm'));
  t.regex(out, /left out on good: elsewhere: it is for qemu-virt\n/);
  t.regex(
    out,
    /left out on bare: 3 scenarios|left out on bare: elsewhere, .*: \S*lab\.yaml:\d+:\d+: boards\.bare\.images: /,
  );
  t.regex(out, /\n1 runs?: 1 met/i);
  const nothing = await inLab('run', 'elsewhere.yaml', 'on-a-pi.yaml', '--board', 'good');
  t.is(nothing.code, 2);
  t.regex(
    nothing.err,
    /^scmi-hil: these scenarios run on none of the boards\n {2}elsewhere on good: it is for qemu-virt; on-a-pi on good: it is for rpi5\n/m,
  );
});
