import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import test from 'ava';
import { boardTypeNames, loadBoardType } from '../../../src/board/board-types.ts';
import { imageNames } from '../../../src/lab/needed-images.ts';
import { loadBoardImages } from '../../../src/lab/images/board-images.ts';
import { imageCheckSchema, imageProblems } from '../../../src/lab/images/checks/check.ts';
import { writeCpio } from '../../../src/lab/images/cpio.ts';
import { versionsIn } from '../../../src/lab/images/version-strings.ts';
import { makeStandIn } from '../../../src/lab/virtual/stand-in.ts';
import { scmiHil } from '../../cli/fake-process.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const banner = 'Linux version 6.12.1 (a@b) (gcc) #1 SMP Sat Nov 21\n';
const kernel = makeStandIn('linux', 4096);
kernel.set(text(banner), 1024);
const xen = makeStandIn('xen', 4096);
xen.set(text('Xen version %d.%d%s\0xen,xen-4.20\0'), 1024);
const archive = writeCpio([{ kind: 'file', path: 'init', bytes: text('#!/bin/sh\n'), mode: 0o755 }]);

const kernelCheck = { kind: 'arm64-image', compressed: ['gzip'], program: 'linux', file: 'Image' };
for (const [title, bytes, check, said] of [
  ['a kernel', kernel, kernelCheck, undefined],
  ['a kernel in gzip', gzipSync(kernel), kernelCheck, undefined],
  ['a kernel in zstd', zstdCompressSync(kernel), kernelCheck, /compressed with zstd; only gzip is/],
  ['half a kernel in gzip', gzipSync(kernel).subarray(0, 40), kernelCheck, /damaged or cut short/],
  ['an ELF file', text('\x7fELF'.padEnd(100)), kernelCheck, /ELF.*objcopy.*Image/],
  ['Xen in place of the kernel', xen, kernelCheck, /it is not Linux: it says "Xen 4.20"/],
  ['a zboot image', text('MZ\0\0zimg'.padEnd(100)), kernelCheck, /EFI zboot/],
  ['nothing', new Uint8Array(), kernelCheck, /it is empty/],
  ['a ramdisk', archive, { kind: 'ramdisk' }, undefined],
  ['a ramdisk in gzip', gzipSync(archive), { kind: 'ramdisk' }, undefined],
  ['half a ramdisk', archive.subarray(0, 120), { kind: 'ramdisk' }, /has no trailer/],
  ['a kernel as ramdisk', kernel, { kind: 'ramdisk' }, /no cpio archive/],
  ['a bare Image for bootm', kernel, { kind: 'arm64-image', wrapped: true }, /no U-Boot image/],
  ['a BL31 that is too large', new Uint8Array(9), { kind: 'raw-binary', largest: 8 }, /more than the 8/],
  ['S-records', text('S00600004844521B\n'), { kind: 'raw-binary' }, /S-records/],
  ['no tree', kernel, { kind: 'device-tree' }, /not a flattened device tree/],
] as const) {
  test(`${title} is ${said === undefined ? 'taken' : 'refused'}`, t => {
    const problems = imageProblems(bytes, imageCheckSchema.parse(check), versionsIn(bytes));
    const words = problems.map(({ what, hint }) => `${what} ${hint ?? ''}`).join('; ');
    if (said === undefined) t.is(words, '');
    else t.regex(words, said);
  });
}

test('version strings are found, also in what is compressed', t => {
  for (const bytes of [kernel, gzipSync(kernel), zstdCompressSync(kernel)]) {
    t.deepEqual(versionsIn(bytes), [{ program: 'linux', text: banner.trim() }]);
  }
  const bl31 = text('\0v2.10.0(release):v2.10.0-958-g09a1cc2a0b\0');
  t.deepEqual(versionsIn(bl31), [{ program: 'tf-a', text: 'v2.10.0(release):v2.10.0-958-g09a1cc2a0b' }]);
  t.deepEqual(versionsIn(gzipSync(archive)), []);
});

for (const name of boardTypeNames()) {
  test(`the images that a ${name} needs are in its list`, t => {
    const type = loadBoardType(name);
    const { images } = loadBoardImages(type);
    t.deepEqual(
      imageNames(type).filter(image => !Object.hasOwn(images, image)),
      [],
    );
  });
}

test("images check tells a lab's wrong files, with what to do, and says so to a script", async t => {
  const directory = mkdtempSync(path.join(tmpdir(), 'scmi-hil-images-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  for (const [name, bytes] of Object.entries({ kernel, xen, ramdisk: archive })) {
    writeFileSync(path.join(directory, name), bytes);
  }
  const board = {
    type: 'rcar-v4h-white-hawk',
    serial: { kind: 'tcp', host: '127.0.0.1', port: 7001 },
    power: { kind: 'ask' },
    network: { address: '192.168.1.2', server: '192.168.1.1' },
    ssh: { identity: { kind: 'agent' } },
  };
  const check = (images: Readonly<Record<string, string>>, ...words: readonly string[]) => {
    const lab = JSON.stringify({ schema: 1, boards: { 'v4h-01': { ...board, images } } });
    writeFileSync(path.join(directory, 'lab.yaml'), lab);
    return scmiHil(['images', 'check', 'v4h-01', ...words], { cwd: directory });
  };
  const right = await check({ xen: 'xen', kernel: 'kernel', ramdisk: 'ramdisk' });
  t.is(right.code, 0, right.out);
  t.regex(right.out, /^xen +ok +arm64-image +4096 +Xen 4\.20/m);
  const wrong = await check({ xen: 'kernel', kernel: 'kernel', ramdisk: 'none' }, '--json');
  t.is(wrong.code, 2);
  const { images } = JSON.parse(wrong.out) as { images: { name: string; problems: unknown[] }[] };
  const problems = images.filter(image => image.problems.length > 0);
  t.deepEqual(
    problems.map(({ name }) => name),
    ['xen', 'ramdisk'],
  );
  const treeless = await check({ xen: 'xen', kernel: 'kernel', ramdisk: 'none', dtb: 'none.dtb' });
  t.is(treeless.code, 2);
  t.is(treeless.err, '');
  for (const name of ['ramdisk', 'dtb']) {
    t.regex(
      treeless.out,
      new RegExp(`^${name}: there is no such file\\n {2}what to do: correct images`, 'm'),
    );
  }
});

test('images check --image looks at files of the user alone, without a lab and without fetched images', async t => {
  const cwd = mkdtempSync(path.join(tmpdir(), 'scmi-hil-images-'));
  t.teardown(() => rmSync(cwd, { recursive: true }));
  writeFileSync(path.join(cwd, 'xen'), xen);
  writeFileSync(path.join(cwd, 'Image'), kernel);
  const check = (...given: readonly string[]) =>
    scmiHil(['images', 'check', ...given.flatMap(image => ['--image', image])], { cwd });
  const right = await check('xen=xen', 'kernel=Image');
  t.is(right.code, 0, right.out + right.err);
  t.regex(right.out, /^xen +ok +arm64-image +4096 +Xen 4\.20/m);
  t.regex(right.out, /^kernel +ok +arm64-image +4096 +Linux version 6\.12\.1/m);
  t.notRegex(right.out, /ramdisk|firmware/);
  const wrong = await check('xen=Image');
  t.is(wrong.code, 2);
  t.regex(wrong.out, /^xen: it is not Xen.*\n {2}what to do: /m);
  const tools = await check('tools=.', 'xen=xen');
  t.is(tools.code, 2);
  t.regex(tools.out, /^tools +PROBLEM +directory/m);
  t.regex(tools.out, /^tools: .*xl/m);
  const strange = await check('zen=xen');
  t.is(strange.code, 2);
  t.regex(strange.err, /did you mean xen\?/);
});
