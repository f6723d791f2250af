import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { tryNamespace } from '../../src/lab/drivers/qemu/emulated-board.ts';
import { builtDirectory, currentSet, imageDirectory, keyFiles } from '../../src/lab/images/places.ts';
import { buildQemuVirt, checkQemuVirt } from '../../src/lab/images/qemu-virt.ts';

const project = path.resolve(import.meta.dirname, '..', '..');
const why = await cannotRun();

(why === undefined ? test.serial : test.serial.skip)(
  `real firmware, U-Boot, Xen and Linux boot to Dom0, the real xl makes a guest, and the model predicted it${why ?? ''}`,
  async t => {
    t.timeout(240_000);
    const runs = await mkdtemp(path.join(tmpdir(), 'scmi-hil-qemu-'));
    t.teardown(() => rm(runs, { recursive: true }));
    const json = path.join(runs, 'report.json');
    const words = [
      'run',
      'hwdom-forwarding',
      '-v',
      '--board',
      'qemu-virt',
      '--runs',
      runs,
      '--report',
      `json=${json}`,
    ];
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [path.join(project, 'bin', 'scmi-hil.js'), ...words],
      { cwd: runs, timeout: 220_000, env: { ...process.env, XDG_STATE_HOME: runs } },
    );
    t.is(status, 0, `${stdout.toString().slice(-6000)}\n${stderr.toString().slice(-2000)}`);
    t.regex(stdout.toString(), /SCMI Protocol v2\.0 'scmi-hil:qemu-virt'/);
    t.regex(
      stdout.toString(),
      /deployed .*u-boot: U-Boot 2023\.01.*xen: Xen 4\.20.*kernel: Linux version 6\.12/,
    );
    t.notRegex(stdout.toString(), /booted another Xen/);
    const directory = /files: (\S+)/.exec(stdout.toString())?.[1] ?? '';
    const log = await readFile(path.resolve(runs, directory, 'console-secure.log'), 'utf8');
    t.regex(log, /SCMI: smc 0x82000002 agent 0 proto 0x10 msg 0x1 .* status 0/);
  },
);

(why === undefined ? test.serial : test.serial.skip)(
  `without a network namespace QEMU itself serves the files, a script that loads them too, and run and recording say so; a guest is asked on its console${why ?? ''}`,
  async t => {
    t.timeout(240_000);
    const runs = await mkdtemp(path.join(tmpdir(), 'scmi-hil-qemu-'));
    t.teardown(() => rm(runs, { recursive: true }));
    const lab = path.join(runs, 'lab.yaml');
    await writeFile(
      lab,
      'schema: 1\nboards: { without: { type: qemu-virt, emulated: true, network: user, uBoot: { script: true } } }\n',
    );
    const scenario = 'guest-beside-the-hardware-domain';
    const words = ['run', scenario, '--lab', lab, '--board', 'without', '--runs', runs];
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [path.join(project, 'bin', 'scmi-hil.js'), ...words],
      { cwd: runs, timeout: 220_000, env: { ...process.env, XDG_STATE_HOME: runs } },
    );
    t.is(status, 0, `${stdout.toString().slice(-6000)}\n${stderr.toString().slice(-2000)}`);
    t.regex(stdout.toString(), /no network namespace: QEMU's own TFTP/);
    t.regex(stdout.toString(), /guest answers on the console of guest/);
    const directory = path.resolve(runs, /files: (\S+)/.exec(stdout.toString())?.[1] ?? '');
    const recording = await readFile(path.join(directory, 'recording.jsonl'), 'utf8');
    // In the recording a line may be in pieces.
    const console = await readFile(path.join(directory, 'console-main.log'), 'latin1');
    t.regex(console, /## Executing script at [0-9a-f]{8}/);
    t.regex(
      recording,
      /"source":"console","kind":"tftp","data":\{"event":"done","transfer":\d+,"file":"kernel"/,
    );
  },
);

(why === undefined ? test.serial : test.serial.skip)(
  `firmware that a scenario wants to misbehave does so for real, as the model predicts${why ?? ''}`,
  async t => {
    t.timeout(120_000);
    const runs = await mkdtemp(path.join(tmpdir(), 'scmi-hil-qemu-'));
    t.teardown(() => rm(runs, { recursive: true }));
    const scenarios = ['firmware-alone-denies', 'firmware-alone-channel-stuck-busy'];
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [path.join(project, 'bin', 'scmi-hil.js'), 'run', ...scenarios, '--board', 'qemu-virt', '--runs', runs],
      { cwd: runs, timeout: 110_000, env: { ...process.env, XDG_STATE_HOME: runs } },
    );
    t.is(status, 0, `${stdout.toString().slice(-6000)}\n${stderr.toString().slice(-2000)}`);
    t.regex(stdout.toString(), /2 runs: 2 met/);
  },
);

(why === undefined ? test.serial : test.serial.skip)(
  `a toolstack laid out as dist/install makes the guest in place of the fetched one${why ?? ''}`,
  async t => {
    t.timeout(240_000);
    const runs = await mkdtemp(path.join(tmpdir(), 'scmi-hil-qemu-'));
    t.teardown(() => rm(runs, { recursive: true }));
    const scenario = path.join(runs, 'own-tools.yaml');
    const shipped = await readFile(path.join(project, 'scenarios', 'hwdom-forwarding.yaml'), 'utf8');
    const step = '  - command: { run: readlink -f /usr/sbin/xl }\n';
    await writeFile(
      scenario,
      shipped.replace('name: hwdom-forwarding', 'name: own-tools').replace('steps:\n', `steps:\n${step}`),
    );
    const words = ['run', scenario, '--board', 'qemu-virt', '--runs', runs];
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [path.join(project, 'bin', 'scmi-hil.js'), ...words, '--image', `tools=${await distInstall(runs)}`],
      { cwd: runs, timeout: 220_000, env: { ...process.env, XDG_STATE_HOME: runs } },
    );
    t.is(status, 0, `${stdout.toString().slice(-6000)}\n${stderr.toString().slice(-2000)}`);
    const directory = path.resolve(runs, /files: (\S+)/.exec(stdout.toString())?.[1] ?? '');
    const recording = await readFile(path.join(directory, 'recording.jsonl'), 'utf8');
    t.regex(recording, /Dom0's ramdisk has the toolstack of Xen 4\.20 from /);
    t.regex(recording, /"command":"readlink -f \/usr\/sbin\/xl","status":0,"stdout":"\/usr\/local\/sbin\/xl/);
  },
);

(why === undefined ? test.serial : test.serial.skip)(
  `a Xen of another release than the toolstack is told before anything boots${why ?? ''}`,
  async t => {
    const runs = await mkdtemp(path.join(tmpdir(), 'scmi-hil-qemu-'));
    t.teardown(() => rm(runs, { recursive: true }));
    const xen = await readFile(path.join(builtDirectory('qemu-virt', process.env), 'xen'));
    const other = path.join(runs, 'xen');
    await writeFile(other, otherRelease(xen));
    const words = [
      'run',
      'hwdom-forwarding',
      '--board',
      'qemu-virt',
      '--runs',
      runs,
      '--image',
      `xen=${other}`,
    ];
    const { status, stderr } = spawnSync(
      process.execPath,
      [path.join(project, 'bin', 'scmi-hil.js'), ...words],
      { cwd: runs, timeout: 60_000, env: { ...process.env, XDG_STATE_HOME: runs } },
    );
    t.is(status, 2, stderr.toString());
    t.regex(stderr.toString(), /the toolstack of Xen 4\.99 for Xen 4\.99\S* \(it has that of Xen 4\.20\)/);
    t.regex(stderr.toString(), /--image tools=DIR/);
  },
);

(why === undefined ? test.serial : test.serial.skip)(
  `builds at the same time follow each other, and a run keeps the set that it began with${why ?? ''}`,
  async t => {
    t.timeout(240_000);
    const directory = await mkdtemp(path.join(tmpdir(), 'scmi-hil-images-'));
    t.teardown(() => rm(directory, { recursive: true }));
    const fetched = imageDirectory('qemu-virt', process.env);
    for (const name of ['packages', 'unpacked']) {
      await symlink(path.join(fetched, name), path.join(directory, name));
    }
    const told: string[] = [];
    const { signal } = new AbortController();
    const build = () =>
      buildQemuVirt({
        directory,
        address: '10.82.0.2',
        env: process.env,
        signal,
        progress: (_, __, what) => told.push(what),
      });
    await build();
    const first = currentSet(directory);
    const key = await readFile(path.join(first, keyFiles.user));
    await Promise.all([build(), build()]);
    t.true(told.some(what => what.includes(`wait for process ${process.pid}`)));
    t.deepEqual(await checkQemuVirt(directory), []);
    const last = currentSet(directory);
    t.not(last, first);
    t.notDeepEqual(await readFile(path.join(last, keyFiles.user)), key);
    t.deepEqual(await readFile(path.join(first, keyFiles.user)), key);
  },
);

/** Debian's programs where Xen's own build installs them; what they start by a compiled path stays where it was. */
async function distInstall(above: string): Promise<string> {
  const unpacked = path.join(imageDirectory('qemu-virt', process.env), 'unpacked', 'usr', 'lib');
  const install = path.join(above, 'dist', 'install');
  const local = path.join(install, 'usr', 'local');
  const compiledIn = path.join(install, 'usr', 'lib', 'xen-4.20', 'bin');
  for (const directory of [path.join(local, 'sbin'), path.join(local, 'lib'), compiledIn]) {
    await mkdir(directory, { recursive: true });
  }
  const programs = path.join(unpacked, 'xen-4.20', 'bin');
  for (const name of ['xl', 'xenstored', 'xenconsoled', 'xen-init-dom0']) {
    await cp(path.join(programs, name), path.join(local, 'sbin', name));
  }
  for (const name of ['xenconsole', 'libxl-save-helper']) {
    await cp(path.join(programs, name), path.join(compiledIn, name));
  }
  const libraries = path.join(unpacked, 'aarch64-linux-gnu');
  for (const name of (await readdir(libraries)).filter(each => each.startsWith('libxen'))) {
    await cp(path.join(libraries, name), path.join(local, 'lib', name));
  }
  return install;
}

/** The same Xen under another number: where its EFI stub and its hypervisor node tell it. */
function otherRelease(xen: Uint8Array): Uint8Array {
  const bytes = Buffer.from(xen);
  for (const encoding of ['latin1', 'utf16le'] as const) {
    for (const text of ['xen,xen-4.20', 'Xen 4.20']) {
      const other = text.replace('4.20', '4.99');
      for (let at = bytes.indexOf(text, 0, encoding); at >= 0; at = bytes.indexOf(text, at + 1, encoding)) {
        bytes.write(other, at, encoding);
      }
    }
  }
  return bytes;
}

async function cannotRun(): Promise<string | undefined> {
  const without = await tryNamespace().then(
    () => undefined,
    (error: unknown) => String(error),
  );
  if (without !== undefined) return ` (skipped: ${without})`;
  if (spawnSync('qemu-system-aarch64', ['--version']).status !== 0) {
    return ' (skipped: qemu-system-aarch64 is not installed)';
  }
  const [wrong] = await checkQemuVirt(imageDirectory('qemu-virt', process.env));
  return wrong === undefined ? undefined : ` (skipped: ${wrong}; scmi-hil images fetch qemu-virt)`;
}
