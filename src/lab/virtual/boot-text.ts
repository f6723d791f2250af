/**
 * Lines of Xen and Dom0 around those that the model predicts: enough of a real boot that a person and a
 * console reader recognise it (Xen 4.22 on Arm, Linux 6.12). Nothing here concerns SCMI.
 */
import type { CommandLine } from '../../model/xen/command-line.ts';
import type { XenBuild } from '../../model/xen/build.ts';
import { levelNumber } from '../../model/xen/console.ts';
import type { BootModuleFound } from './boot-modules.ts';
import { announcement } from './xen-input.ts';

const address = (value: number): string => value.toString(16).padStart(16, '0');

/** Before the initcalls: Xen's first lines. Without `(XEN) ` where `bare`. */
export function xenStart(
  build: XenBuild,
  { text: commandLine, log }: CommandLine,
  modules: readonly BootModuleFound[],
): readonly XenText[] {
  const version = `${build.version ?? '4.22'}-unstable`;
  return [
    text('Checking for initrd in /chosen'),
    ...modules.map(({ kind, address: base, size }, index) =>
      text(`MODULE[${index}]: ${address(base)} - ${address(base + size - 1)} ${kind.padEnd(12)}`),
    ),
    text(`Command line: ${commandLine}`),
    text('Domain heap initialised'),
    text('Booting using Device Tree'),
    text('Platform: Generic System'),
    { text: ` Xen ${version}`, bare: true },
    ...(log.upper > levelNumber.info ? versionLines(build, version) : []),
  ];
}

/** Messages of level info. */
function versionLines(build: XenBuild, version: string): readonly XenText[] {
  return [
    text(
      `Xen version ${version} (virtual@scmi-hil) (no compiler) debug=${build.debug ? 'y' : 'n'} Sat Nov 21 07:50:19 UTC 2026`,
    ),
    text('Latest ChangeSet: Sat Nov 21 07:50:14 2026 +0000 git:virtual'),
    text('Using SMC Calling Convention v1.5'),
    text('Using PSCI v1.1'),
    text('SMP: Allowing 4 CPUs'),
    text('Brought up 4 CPUs'),
    text('I/O virtualisation disabled'),
  ];
}

/** While Dom0 is built, after its SCMI channel was acquired. */
export function dom0Loading(kernel: BootModuleFound): readonly XenText[] {
  return [
    text('*** LOADING DOMAIN 0 ***'),
    text(`Loading d0 kernel from boot module @ ${address(kernel.address)}`),
  ];
}

/** When all domains are built. */
export function xenReady({ text: options }: Pick<CommandLine, 'text'>): readonly XenText[] {
  const isAll = /loglvl=all/.test(options);
  return [
    text(`Std. Loglevel: ${isAll ? 'All' : 'Errors and warnings'}`),
    text(
      `Guest Loglevel: ${/guest_loglvl=all/.test(options) ? 'All' : 'Nothing (Rate-limited: Errors and warnings)'}`,
    ),
    ...(staysAtXen(options) ? [] : [text(announcement(0))]),
    text('Freed 400kB init memory.'),
  ];
}

/** `conswitch=ax`: the input is not passed on at the end of the boot (docs/misc/xen-command-line.pandoc). */
export function staysAtXen(options: string): boolean {
  return /(?:^|\s)conswitch=\wx\b/.test(options);
}

/** Linux's first lines. */
export function linuxStart(version: string, model: string, xenVersion: string): readonly string[] {
  return [
    'Booting Linux on physical CPU 0x0000000000 [0x414fd0b1]',
    `Linux version ${version}.0-virtual (scmi-hil@virtual) (no compiler) #1 SMP`,
    `Machine model: ${model}`,
    `Xen ${xenVersion} support found`,
  ];
}

const stars = '*'.repeat(40);

/** Before the message of a panic (xen/drivers/char/console.c, panic()). */
export const panicStart: readonly XenText[] = [text(''), text(stars), text('Panic on CPU 0:')];

/** After the message of a panic. */
export function panicEnd(noreboot: boolean): readonly XenText[] {
  return [
    text(stars),
    text(''),
    text(noreboot ? "Manual reset required ('noreboot' specified)" : 'Reboot in five seconds...'),
  ];
}

export interface XenText {
  readonly text: string;
  /** Printed without Xen's prefix. */
  readonly bare?: boolean;
}

function text(line: string): XenText {
  return { text: line };
}
