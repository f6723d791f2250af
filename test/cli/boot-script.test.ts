/** `boot-script`, and the places in memory that `images check` shows. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { parseFlat } from '../../src/model/dt/flat.ts';
import { scmiHil } from './fake-process.ts';

const directory = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-boot-script-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));
const inDirectory = (...argv: string[]) => scmiHil(argv, { cwd: directory });

/** An arm64 Image by its header. */
function image(size: number, imageSize = size): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(16, BigInt(imageSize), true);
  view.setUint32(56, 0x644d5241, true);
  return bytes;
}

const board = (type: string, more = '') => `{ type: ${type}, ${more}
    serial: { kind: device, path: /dev/ttyUSB0 }, power: { kind: ask },
    network: { address: 192.0.2.9, server: 192.0.2.1, gateway: 192.0.2.254 },
    tftp: { kind: directory, path: ${directory}, below: here/ }, ssh: { identity: { kind: password, file: ${directory}/password } },
    images: { xen: xen, kernel: kernel, ramdisk: ramdisk }, tree: shipped }`;

writeFileSync(path.join(directory, 'xen'), image(3000));
writeFileSync(path.join(directory, 'kernel'), image(2000));
writeFileSync(path.join(directory, 'ramdisk'), new Uint8Array(100));
writeFileSync(path.join(directory, 'password'), 'secret\n');
writeFileSync(path.join(directory, 'large'), image(2000, 200 * 1024 * 1024));
writeFileSync(
  path.join(directory, 'lab.yaml'),
  `schema: 1\nboards:\n  v4h-01: ${board('rcar-v4h-white-hawk')}\n`,
);

test('the script of a real board has its addresses and its directory, without the board being touched', async t => {
  const { code, out } = await inDirectory('boot-script', 'v4h-01');
  t.is(code, 0);
  t.regex(
    out,
    /^setenv autoload no\nsetenv ipaddr 192\.0\.2\.9\nsetenv serverip 192\.0\.2\.1\nsetenv gatewayip /,
  );
  t.regex(out, /\nif tftpboot 0x48000000 here\/dtb; then\nfdt addr 0x48000000\n/);
  t.regex(out, /\nbooti 0x48200000 - 0x48000000\n(fi\n){4}$/);
});

test('a script can be written beside the files of the lab, but over none of them', async t => {
  const into = path.join(directory, 'tftp');
  const { code, out } = await inDirectory('boot-script', 'v4h-01', 'dom0less-domain-runs', '--write', into);
  t.is(code, 0);
  t.deepEqual(readdirSync(into).toSorted(), ['boot.cmd', 'boot.scr', 'domU1.dtb', 'dtb']);
  t.regex(out, new RegExp(`^put ${directory}/kernel there as domU1\\.kernel$`, 'm'));
  const text = readFileSync(path.join(into, 'boot.cmd'), 'utf8');
  t.is(readFileSync(path.join(into, 'boot.scr')).subarray(72).toString(), text);
  const tree = parseFlat(readFileSync(path.join(into, 'dtb')));
  t.deepEqual(tree.node('/chosen/module@50000000')?.cells('reg'), [0, 0x50000000, 0, 2000]);
});

test('a board that boots without U-Boot has no script, and is told how it would have one', async t => {
  const { code, err } = await inDirectory(
    'boot-script',
    'virtual-rpi5',
    '--lab',
    labOf('virtual-rpi5: { type: rpi5, virtual: true }'),
  );
  t.is(code, 2);
  t.regex(err, /virtual-rpi5 boots by xen, without U-Boot\n.*u-boot, u-boot-preloaded/);
});

test('files that overlap are refused by boot-script and by run, with both ranges', async t => {
  const overlap = /kernel: 0x50000000-0x5c800000 overlaps ramdisk at 0x58000000-0x58000064/;
  for (const words of [
    ['boot-script', 'v4h-01'],
    ['run', 'dom0-and-guest', '--board', 'v4h-01'],
  ]) {
    const { code, err } = await inDirectory(...words, '--image', `kernel=${path.join(directory, 'large')}`);
    t.is(code, 2, err);
    t.regex(err, overlap, words[0]);
  }
  t.false(readdirSync(directory).includes('runs'), 'a run was begun');
});

test('images check shows where each file is in memory, and what overlaps', async t => {
  const { out } = await inDirectory('images', 'check', 'v4h-01', '--scenario', 'dom0less-domain-runs');
  t.regex(out, /^in memory +from +to +bytes$/m);
  t.regex(out, /^kernel +0x50000000 +0x500007d0 +2000$/m);
  t.regex(out, /^domU1\.dtb +0x58600000 /m);
  t.notRegex(out, /overlaps/);

  const large = path.join(directory, 'large-lab');
  mkdirSync(large);
  const text = readFileSync(path.join(directory, 'lab.yaml'), 'utf8');
  const lab = path.join(large, 'lab.yaml');
  writeFileSync(
    lab,
    text.replace('kernel: kernel', 'kernel: ../large').replaceAll(/: (xen|ramdisk)\b/g, ': ../$1'),
  );
  const wrong = await inDirectory('images', 'check', 'v4h-01', '--lab', lab, '--json');
  t.is(wrong.code, 2);
  const { ranges, problems } = JSON.parse(wrong.out) as {
    ranges: { file: string; address: number; end: number }[];
    problems: { what: string; hint: string }[];
  };
  t.deepEqual(
    ranges.map(({ file }) => file),
    ['dtb', 'xen', 'kernel', 'ramdisk'],
  );
  t.deepEqual(
    problems.map(({ what }) => what),
    ['kernel: 0x50000000-0x5c800000 overlaps ramdisk at 0x58000000-0x58000064'],
  );
});

test('a lab says that U-Boot is told by a script, where a U-Boot fetches files', async t => {
  const { code, err } = await inDirectory(
    'boards',
    '--lab',
    labOf('pi: { type: rpi5, virtual: true, uBoot: { script: true } }'),
  );
  t.is(code, 2);
  t.regex(err, /uBoot: no U-Boot fetches files where rpi5 boots by xen\n.*u-boot/);
});

function labOf(entry: string): string {
  const file = path.join(mkdtempSync(path.join(directory, 'lab-')), 'lab.yaml');
  writeFileSync(file, `schema: 1\nboards:\n  ${entry}\n`);
  return file;
}
