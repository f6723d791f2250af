import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { ConfigurationError } from '../../../src/config/configuration-error.ts';
import { cpioNames, writeCpio } from '../../../src/lab/images/cpio.ts';
import {
  librariesIn,
  ramdiskWithTools,
  readToolstack,
  toolstackMismatch,
  withToolstack,
} from '../../../src/lab/images/toolstack.ts';
import { readXenImage } from '../../../src/lab/images/xen-image.ts';

const hasCompiler = spawnSync('aarch64-linux-gnu-gcc', ['--version']).status === 0;
const testWithCompiler = hasCompiler ? test : test.skip;
const note = hasCompiler ? '' : ' (skipped: needs aarch64-linux-gnu-gcc)';

/** Programs and libraries laid out as Xen's build leaves them, each compiled for arm64 without a C library. */
function distInstall(t: ExecutionContext): string {
  const root = mkdtempSync(path.join(tmpdir(), 'scmi-hil-tools-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  const source = path.join(root, 'empty.c');
  writeFileSync(source, 'void _start(void) {}\n');
  const install = path.join(root, 'dist', 'install');
  const at = (name: string): string => path.join(install, 'usr', 'local', name);
  for (const directory of ['sbin', 'bin', 'lib/xen/bin']) mkdirSync(at(directory), { recursive: true });
  const compile = (output: string, ...more: string[]): void => {
    const { status, stderr } = spawnSync(
      'aarch64-linux-gnu-gcc',
      ['-nostdlib', '-o', output, source, '-Wl,--no-as-needed', ...more],
      { encoding: 'utf8' },
    );
    t.is(status, 0, stderr);
  };
  const library = (name: string, ...more: string[]): string => {
    const file = at(`lib/${name}.0`);
    compile(file, '-shared', `-Wl,-soname,${name}`, ...more);
    symlinkSync(`${name}.0`, at(`lib/${name}`));
    return file;
  };
  const outside = path.join(root, 'libyajl.so.2');
  compile(outside, '-shared', '-Wl,-soname,libyajl.so.2');
  const control = library('libxenctrl.so.4.22');
  const light = library('libxenlight.so.4.22', control, outside);
  compile(at('sbin/xl'), '-pie', light);
  for (const name of ['sbin/xenstored', 'sbin/xenconsoled', 'lib/xen/bin/xenconsole']) {
    compile(at(name), '-pie', control);
  }
  // A wrapper of the program's name is not the program.
  writeFileSync(at('bin/xl'), '#!/bin/sh\n');
  return install;
}

testWithCompiler(`a toolstack keeps its paths, and brings the libraries that it needs${note}`, t => {
  const install = distInstall(t);
  const asked: string[] = [];
  const { version, entries } = readToolstack(install, library => {
    asked.push(library);
    return new Uint8Array([1]);
  });
  t.is(version, '4.22');
  t.deepEqual(asked, ['libyajl.so.2']);
  t.deepEqual(entries.map(entry => `${entry.kind} ${entry.path}`).toSorted(), [
    'file usr/lib/aarch64-linux-gnu/libxenctrl.so.4.22',
    'file usr/lib/aarch64-linux-gnu/libxenlight.so.4.22',
    'file usr/lib/aarch64-linux-gnu/libyajl.so.2',
    'file usr/local/lib/xen/bin/xenconsole',
    'file usr/local/sbin/xenconsoled',
    'file usr/local/sbin/xenstored',
    'file usr/local/sbin/xl',
    'link usr/sbin/xenconsole',
    'link usr/sbin/xenconsoled',
    'link usr/sbin/xenstored',
    'link usr/sbin/xl',
  ]);
});

testWithCompiler(`the directory above dist/install is taken too${note}`, t => {
  const install = distInstall(t);
  t.is(readToolstack(path.dirname(install), () => 'present').version, '4.22');
});

testWithCompiler(`a library that is nowhere is named with the program that needs it${note}`, t => {
  const error = t.throws(() => readToolstack(distInstall(t), () => undefined), {
    instanceOf: ConfigurationError,
  });
  t.regex(error.message, /libraries not found: libyajl\.so\.2 \(needed by libxenlight\.so\.4\.22\)/);
});

testWithCompiler(`a toolstack for the machine that built it is refused${note}`, t => {
  const install = distInstall(t);
  cpSync(process.execPath, path.join(install, 'usr/local/sbin/xenstored'));
  const refused = /xenstored is for another machine \(ELF machine \d+\), not for arm64/;
  const read = () => readToolstack(install, () => 'present');
  // On an arm64 machine its own programs are right.
  if (process.arch === 'arm64') t.notThrows(read);
  else t.throws(read, { instanceOf: ConfigurationError, message: refused });
});

test('a directory without a toolstack is refused with the command that makes one', t => {
  const empty = mkdtempSync(path.join(tmpdir(), 'scmi-hil-tools-'));
  t.teardown(() => rmSync(empty, { recursive: true }));
  for (const [directory, message] of [
    [empty, /xl, xenstored, xenconsoled not found below/],
    [path.join(empty, 'missing'), /there is no/],
  ] as const) {
    const error = t.throws(() => readToolstack(directory, () => 'present'), {
      instanceOf: ConfigurationError,
      message,
    });
    t.regex(error.hint ?? '', /make dist-tools/);
  }
});

testWithCompiler(`a ramdisk gets the toolstack behind its own files${note}`, t => {
  const install = distInstall(t);
  const own = writeCpio([
    { kind: 'file', path: 'init', bytes: new Uint8Array([1, 2, 3]) },
    { kind: 'file', path: 'usr/lib/libyajl.so.2', bytes: new Uint8Array(5) },
  ]);
  const toolstack = readToolstack(install, librariesIn(own));
  const bytes = ramdiskWithTools(own, toolstack);
  t.deepEqual(bytes.subarray(0, own.length), own);
  const names = cpioNames(new Uint8Array(gunzipSync(bytes.subarray(own.length))));
  t.true(names.includes('usr/local/sbin/xl'));
  t.false(names.includes('usr/lib/aarch64-linux-gnu/libyajl.so.2'), 'the ramdisk has it');
  t.deepEqual(cpioNames(own), ['init', 'usr', 'usr/lib', 'usr/lib/libyajl.so.2']);
});

testWithCompiler(`a board's image \`tools\` goes into its ramdisk, and the recording says so${note}`, t => {
  const install = distInstall(t);
  const ramdisk = path.join(path.dirname(install), 'ramdisk');
  writeFileSync(ramdisk, writeCpio([{ kind: 'file', path: 'lib/libyajl.so.2', bytes: new Uint8Array() }]));
  const { images, notes } = withToolstack(
    new Map([
      ['xen', 'x'],
      ['ramdisk', ramdisk],
      ['tools', install],
    ]),
  );
  t.deepEqual([...images.keys()].toSorted(), ['ramdisk', 'xen']);
  t.true(Number(images.get('ramdisk')?.length) > readFileSync(ramdisk).length);
  t.deepEqual(notes, [`Dom0's ramdisk has the toolstack of Xen 4.22 from ${install}`]);
});

testWithCompiler(`a Xen of another release than its toolstack is told with both versions${note}`, t => {
  const install = distInstall(t);
  const xen = path.join(path.dirname(install), 'xen');
  writeFileSync(xen, image('4.20'));
  t.is(
    toolstackMismatch(readXenImage(xen), install),
    'the toolstack of Xen 4.20 for Xen 4.20 (it has that of Xen 4.22)',
  );
  writeFileSync(xen, image('4.22'));
  t.is(toolstackMismatch(readXenImage(xen), install), undefined);
});

function image(version: string): string {
  return `Xen version %d.%d%s\0xen,xen-${version}\0`;
}
