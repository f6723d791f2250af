/** How many SCMI messages a second go through the probe to the EL3 firmware in QEMU. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { projectDirectory } from '../src/config/project-directory.ts';
import { makeEl3Firmware, makeProbe } from '../src/lab/images/make-firmware.ts';
import { type Bench, measurementLine } from './bench.ts';

const count = 20_000;
/** Base PROTOCOL_VERSION of agent 1. */
const message = { functionId: 0x8200_0003, shmem: 0x47ff_1000, bytes: '00400000' };

export const run: Bench = async () => {
  const tools = ['make', 'cc', 'aarch64-linux-gnu-gcc', 'qemu-system-aarch64'];
  const missing = tools.filter(tool => spawnSync(tool, ['--version']).status !== 0);
  if (missing.length > 0) {
    process.stdout.write(`messages through the probe: not measured, no ${missing.join(', ')}\n`);
    return [];
  }
  const directory = mkdtempSync(path.join(tmpdir(), 'bench-probe-'));
  try {
    const native = natively(directory);
    const value = await throughProbe(directory);
    const beside = `${native.toFixed(0)} messages/s for the same C server as a program of this machine`;
    return [{ name: 'SCMI through the probe, EL3 firmware in QEMU', value, unit: 'messages/s', beside }];
  } finally {
    rmSync(directory, { recursive: true });
  }
};

/** Messages a second, each answered and printed. */
function natively(directory: string): number {
  const build = path.join(directory, 'native');
  const source = path.join(projectDirectory, 'firmware', 'qemu-virt', 'el3');
  const words = ['-s', '-C', source, 'host-test', `BUILD=${build}`, `NODE=${process.execPath}`];
  execFileSync('make', words, { timeout: 60_000 });
  const [functionId, shmem] = [message.functionId.toString(16), message.shmem.toString(16)];
  const input = `boot 0\n${`ring ${functionId} ${shmem} 0 4 ${message.bytes}\n`.repeat(count)}`;
  const start = performance.now();
  execFileSync(path.join(build, 'host-test'), { input, maxBuffer: 1e8, timeout: 60_000 });
  return (1000 * count) / (performance.now() - start);
}

/** Messages a second by the machine's own timer, which runs with the clock of this one. */
async function throughProbe(directory: string): Promise<number> {
  const signal = AbortSignal.timeout(120_000);
  const { env } = process;
  const firmware = await makeEl3Firmware({ build: path.join(directory, 'el3'), env, signal });
  const probe = await makeProbe({ build: path.join(directory, 'probe'), env, signal });
  const qemu = spawn(
    'qemu-system-aarch64',
    [
      ...'-machine virt,secure=on,virtualization=on,gic-version=3 -cpu cortex-a57 -m 2048'.split(' '),
      ...'-display none -monitor none -nic none -serial stdio -serial null -bios'.split(' '),
      firmware,
      '-device',
      `loader,file=${probe},addr=0x60000000,force-raw=on`,
    ],
    { signal, stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const failed = new Promise<never>((_, reject) => qemu.once('error', reject));
  const words = `#1 loop ${count} ${message.shmem} ${message.functionId} ${message.bytes}\n#2 off\n`;
  const answered = (async () => {
    let text = '';
    for await (const data of qemu.stdout) {
      if (text === '') qemu.stdin.write(words);
      text += String(data);
    }
    return text;
  })();
  const text = await Promise.race([answered, failed]);
  const [, ticks, frequency] = /#1 ok count=\d+ failed=0 ticks=(\S+) frequency=(\d+)/.exec(text) ?? [];
  if (ticks === undefined) throw new Error(`the probe has not looped: ${text}`);
  return (count * Number(frequency)) / Number(ticks);
}

if (import.meta.main) {
  for (const measured of await run()) process.stdout.write(`${measurementLine(measured)}\n`);
}
