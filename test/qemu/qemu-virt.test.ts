import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { tryNamespace } from '../../src/lab/drivers/qemu/emulated-board.ts';
import { imageDirectory } from '../../src/lab/images/places.ts';
import { checkQemuVirt } from '../../src/lab/images/qemu-virt.ts';

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
