/** The shell of a domain that runs Linux: its kernel's files, a RAM disk over them, and busybox. */
import type { LinuxView } from '../../model/linux/view.ts';
import { FileSystem, type KernelFiles, type Triggers } from './shell/file-system.ts';
import { programs } from './shell/programs.ts';
import type { Program, ProgramInput, ProgramResult } from './shell/shell.ts';

/** Files that only root of a domain puts there: not the kernel's. */
const noFiles: KernelFiles = { read: () => undefined, list: () => undefined };

/** Where the kernel says which of its messages the console shows (Documentation/admin-guide/sysctl/kernel.rst). */
const printk = '/proc/sys/kernel/printk';

/** @param triggers files of the kernel's that do something when they are written to */
export function domainFiles(view: LinuxView | undefined, triggers?: Triggers): FileSystem {
  const files = new FileSystem(view ?? noFiles, triggers);
  files.makeDirectory('/proc/sys/kernel');
  setConsoleLevel(files, 7);
  return files;
}

/** Messages of a lower level than this are shown on the console. */
export function consoleLevel(files: FileSystem): number {
  return Number.parseInt(Buffer.from(files.read(printk) ?? []).toString(), 10);
}

/** @param log of the domain's kernel: what its console has shown, and more */
export function domainPrograms(
  view: LinuxView | undefined,
  log = () => kernelLog(view),
): Readonly<Record<string, Program>> {
  return {
    ...programs,
    uname: ({ arguments: words }) => ({
      status: 0,
      stdout: `${uname(words, view?.kernel.version.release)}\n`,
    }),
    dmesg: input => dmesg(input, log),
  };
}

function dmesg({ arguments: [option, level = ''], files }: ProgramInput, log: () => string): ProgramResult {
  if (option !== '-n') return { status: 0, stdout: log() };
  if (!/^[1-8]$/.test(level)) return { status: 1, stdout: '', stderr: `dmesg: invalid number '${level}'\n` };
  setConsoleLevel(files, Number(level));
  return { status: 0, stdout: '' };
}

/** All that the kernel of a domain without a console of Xen's has said. */
export function kernelLog(view: LinuxView | undefined): string {
  return (view?.dmesg() ?? []).map((line, index) => `[${stamp(index)}] ${line}\n`).join('');
}

function setConsoleLevel(files: FileSystem, level: number): void {
  files.write(printk, new TextEncoder().encode(`${level}\t4\t1\t7\n`));
}

/** `uname` with its options for all, the machine, or the kernel's release. */
function uname(words: readonly string[], release = 'unknown'): string {
  if (words.includes('-a')) return `Linux virtual ${release} #1 SMP aarch64 GNU/Linux`;
  if (words.includes('-m')) return 'aarch64';
  return words.includes('-r') ? release : 'Linux';
}

function stamp(index: number): string {
  return (index * 0.007).toFixed(6).padStart(12);
}
