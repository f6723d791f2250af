import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import ssh2 from 'ssh2';
import { loadFirmwareProfile } from '../../../src/board/firmware-profile.ts';
import { projectDirectory } from '../../../src/config/project-directory.ts';
import { writeCpio } from '../../../src/lab/images/cpio.ts';
import { neededLibraries } from '../../../src/lab/images/elf-needed.ts';
import { fetchPackages, keptPackages } from '../../../src/lab/images/fetch-packages.ts';
import { firmwareTables } from '../../../src/lab/images/firmware-tables.ts';
import { makeKeys } from '../../../src/lab/images/ssh-keys.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const archive = writeCpio([
  { kind: 'file', path: 'init', bytes: text('#!/bin/sh\n'), mode: 0o755 },
  { kind: 'file', path: 'etc/dropbear/key', bytes: text('secret'), mode: 0o600 },
  { kind: 'directory', path: 'etc' },
  { kind: 'link', path: 'bin/sh', target: 'busybox' },
  { kind: 'device', path: 'dev/console', major: 5, minor: 1 },
]);

test('a cpio archive begins with newc magic, ends with its trailer and is whole words long', t => {
  const bytes = Buffer.from(archive);
  t.is(bytes.subarray(0, 6).toString(), '070701');
  t.true(bytes.includes('TRAILER!!!\0'));
  t.is(bytes.length % 4, 0);
});

const hasCpio = spawnSync('cpio', ['--version']).status === 0;
(hasCpio ? test : test.skip)(
  'cpio lists what was written, each directory once and before what is in it',
  t => {
    const { stdout, status } = spawnSync('cpio', ['-t', '--quiet'], { input: archive, timeout: 5000 });
    t.is(status, 0);
    t.deepEqual(stdout.toString().trim().split('\n'), [
      'init',
      'etc',
      'etc/dropbear',
      'etc/dropbear/key',
      'bin',
      'bin/sh',
      'dev',
      'dev/console',
    ]);
    const listed = spawnSync('cpio', ['-tv', '--quiet'], { input: archive, timeout: 5000 }).stdout.toString();
    t.regex(listed, /^-rw------- .* etc\/dropbear\/key$/m);
    t.regex(listed, /^crw------- .* 5, +1 .* dev\/console$/m);
    t.regex(listed, /^lrwxrwxrwx .* bin\/sh -> busybox$/m);
  },
);

test('the libraries that a program needs are read from its dynamic section', t => {
  t.true(neededLibraries(readFileSync(process.execPath)).some(name => name.startsWith('libc.so')));
  t.deepEqual(neededLibraries(text('#!/bin/sh\n')), []);
});

test("Dropbear's host key has the fingerprint that is told, and the user's key can be read", t => {
  const keys = makeKeys();
  const key = Buffer.from(keys.dropbearHostKey);
  // string "ssh-ed25519", string of seed and point
  t.is(key.subarray(4, 15).toString(), 'ssh-ed25519');
  t.is(key.readUInt32BE(15), 64);
  t.is(key.length, 83);
  t.regex(keys.hostKeyFingerprint, /^SHA256:[A-Za-z0-9+/]{43}$/);
  t.false(ssh2.utils.parseKey(keys.privateKey) instanceof Error);
  t.regex(keys.authorizedKey, /^ssh-ed25519 /);
});

const archiveOfTwo = {
  namedBy: (name: string) => Promise.resolve(`${name}-6.12`),
  locate: (names: readonly string[], release: string) =>
    Promise.resolve(names.map(name => ({ name, release, file: `${name}_1_arm64.deb` }))),
  download: ({ file }: { file: string }, into: string) =>
    Promise.resolve(writeFileSync(path.join(into, file), `contents of ${file}`)),
};
const sets = [{ release: 'trixie', named: ['linux'], packages: ['busybox'] }];

for (const [what, change, is] of [
  ['are there as they were fetched', () => undefined, 'kept'],
  [
    'have changed since',
    (directory: string) => writeFileSync(path.join(directory, 'busybox_1_arm64.deb'), ''),
    'fetched',
  ],
  [
    'are not all there',
    (directory: string) => rmSync(path.join(directory, 'linux-6.12_1_arm64.deb')),
    'fetched',
  ],
  ['have a record that cannot be read', (d: string) => writeFileSync(`${d}.json`, '{'), 'fetched'],
] as const) {
  test(`packages that ${what} are ${is}`, async t => {
    const above = mkdtempSync(path.join(tmpdir(), 'packages-'));
    t.teardown(() => rmSync(above, { recursive: true }));
    const directory = path.join(above, 'packages');
    const files = await fetchPackages(archiveOfTwo, sets, directory, () => undefined);
    t.deepEqual(
      files.map(file => path.basename(file)),
      ['linux-6.12_1_arm64.deb', 'busybox_1_arm64.deb'],
    );
    t.true(files.every(file => existsSync(file)));
    change(directory);
    t.deepEqual(await keptPackages(sets, directory), is === 'kept' ? files : undefined);
    const others = [{ release: 'trixie', packages: ['busybox'] }];
    t.is(await keptPackages(others, directory), undefined);
  });
}

const tools = ['make', 'aarch64-linux-gnu-gcc'];
const missing = tools.filter(tool => spawnSync(tool, ['--version']).status !== 0);
const testMake = missing.length > 0 ? test.skip : test;
const skipped = missing.length > 0 ? ` (skipped: no ${missing.join(', ')})` : '';

testMake(`given its tables, the EL3 firmware is made without the sources that make them${skipped}`, t => {
  t.timeout(60_000);
  const directory = mkdtempSync(path.join(tmpdir(), 'images-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  for (const source of ['common', 'qemu-virt/el3']) {
    cpSync(path.join(projectDirectory, 'firmware', source), path.join(directory, 'firmware', source), {
      recursive: true,
      filter: file => path.basename(file) !== 'build',
    });
  }
  const [tables, build] = [path.join(directory, 'tables.inc'), path.join(directory, 'build')];
  writeFileSync(tables, firmwareTables(loadFirmwareProfile('qemu-virt')));
  const source = path.join(directory, 'firmware', 'qemu-virt', 'el3');
  const words = ['-s', '-C', source, `BUILD=${build}`, `TABLES=${tables}`, 'NODE=false'];
  execFileSync('make', words, { stdio: 'pipe', timeout: 50_000 });
  t.true(readFileSync(path.join(build, 'el3.bin')).includes('SCMI: server ready'));
});

test('tables are refused for a profile with what the C server does not serve', t => {
  const profile = loadFirmwareProfile('qemu-virt');
  t.throws(() => firmwareTables({ ...profile, reportedAgents: 3, devicePolicy: 'none' }), {
    message: 'profile qemu-virt: not served by the C server: devicePolicy none, reportedAgents',
  });
});
