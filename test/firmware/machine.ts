/** QEMU's virt machine for tests of what runs on it, and how that is built. */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';

/** Debian's package u-boot-qemu. */
export const uBoot = '/usr/lib/u-boot/qemu_arm64/u-boot.bin';

const tools = ['make', 'aarch64-linux-gnu-gcc', 'qemu-system-aarch64'];
const missing = [...tools.filter(tool => !isInstalled(tool)), ...(existsSync(uBoot) ? [] : ['u-boot-qemu'])];

/** Whether this system can build and start all of it; if not, what a skipped test's title says. */
export const canBoot: boolean = missing.length === 0;
export const skipped: string = canBoot ? '' : ` (skipped: no ${missing.join(', ')})`;

/** Whether a program is there, by its `--version`. */
export function isInstalled(tool: string): boolean {
  try {
    execFileSync(tool, ['--version'], { stdio: 'ignore', timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}

/** Makes a program of firmware/ below a directory: `qemu-virt/el3/el3.bin`, `probe/probe`. */
export function makeFirmware(source: 'qemu-virt/el3' | 'probe', directory: string): void {
  const from = fileURLToPath(new URL(`../../firmware/${source}`, import.meta.url));
  const variables = [`BUILD=${directory}/${source}`, `NODE=${process.execPath}`];
  execFileSync('make', ['-s', '-C', from, ...variables], { stdio: 'pipe', timeout: 55_000 });
}

export interface Machine {
  readonly qemu: ChildProcessWithoutNullStreams;
  /** All of the console. */
  readonly text: { readonly value: string };
  /** QEMU's exit code. */
  readonly exit: Promise<number | null>;
}

const deadline = 40_000;
const machineOptions = [
  '-cpu',
  'cortex-a57',
  '-m',
  '2048',
  '-display',
  'none',
  '-monitor',
  'none',
  '-nic',
  'none',
];

/** Starts QEMU with its console on the standard streams; it is gone when the test is. */
export function powerOn(t: ExecutionContext, options: readonly string[], within = deadline): Machine {
  t.timeout(2 * within);
  const qemu = spawn('qemu-system-aarch64', [...machineOptions, '-serial', 'stdio', ...options]);
  const exit = once(qemu, 'close').then(([code]) => code as number | null);
  const killer = setTimeout(() => qemu.kill('SIGKILL'), within);
  t.teardown(async () => {
    clearTimeout(killer);
    qemu.kill('SIGKILL');
    await exit;
  });
  const text = { value: '' };
  qemu.stdout.on('data', (data: Buffer) => (text.value += data.toString('latin1').replaceAll('\r', '')));
  qemu.stderr.on('data', (data: Buffer) => (text.value += data.toString('latin1')));
  // A machine that is off does not read what is typed.
  qemu.stdin.on('error', () => undefined);
  return { qemu, text, exit };
}

/**
 * Options of the machine that the EL3 firmware is for, as firmware/qemu-virt/el3/README.md starts it.
 * @param next raw image that the firmware enters
 * @param log file for the firmware's log
 */
export function withEl3Firmware(firmware: string, next: string, log: string): string[] {
  return [
    ...'-machine virt,secure=on,virtualization=on,gic-version=3 -smp 2'.split(' '),
    '-serial',
    `file:${log}`,
    '-bios',
    firmware,
    '-device',
    `loader,file=${next},addr=0x60000000,force-raw=on`,
  ];
}

/** Waits until a text is on the console, from a place in it on. */
export async function waitFor({ qemu, text, exit }: Machine, wanted: string, from = 0): Promise<void> {
  const signal = AbortSignal.timeout(deadline);
  let isOver = false;
  const over = exit.then(() => (isOver = true));
  while (!text.value.includes(wanted, from)) {
    if (!isOver && !signal.aborted) {
      await Promise.race([once(qemu.stdout, 'data', { signal }), over]).catch(() => undefined);
      continue;
    }
    const why = isOver ? 'before the machine went off' : `within ${deadline} ms`;
    throw new Error(`no ${JSON.stringify(wanted)} ${why}; the console ends with:\n${text.value.slice(-500)}`);
  }
}
