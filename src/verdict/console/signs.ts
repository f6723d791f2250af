/** The signs that are watched for always, on every console: points of a boot, and its ends. */
import type { ConsoleTalker } from './line.ts';

/**
 * - `milestone`: the boot got this far.
 * - `trouble`: something failed that need not end the run; a machine that waits may give up early.
 * - `fatal`: what wrote this does not go on.
 * - `restart`: announces that the machine will start again, so that the next banner is due.
 */
export type SignKind = 'milestone' | 'trouble' | 'fatal' | 'restart';

export interface Sign {
  readonly name: string;
  readonly kind: SignKind;
  /** Who says it; absent where any talker may be taken for the one that does. */
  readonly talkers?: readonly ConsoleTalker[];
  /** Of `linux`: Dom0 only, or any other domain. */
  readonly domain?: 'dom0' | 'guest';
  /** Tested on the text without prefix. The first group, if any, is the sign's detail. */
  readonly pattern: RegExp;
  /** Tested also on text that no newline has ended. */
  readonly onTail?: true;
  /** The detail is the talker's next line. */
  readonly detail?: 'next-line';
  /**
   * Place of a banner in the order of a boot. A banner of the same or a lower rank than what has been seen
   * since power-on means that the board has started again.
   */
  readonly rank?: number;
  /** The banner that comes next, though it is of a lower rank: a later stage starts an earlier one. */
  readonly foretells?: string;
  /** Not a sign where the talker's line before matches: somebody asked for that text. */
  readonly unlessAfter?: RegExp;
  readonly means: string;
  /** Where the text comes from. */
  readonly source: string;
}

/** Ranks of the talkers: how far the boot has got, at least, when one of them speaks. */
export const talkerRank = { unknown: -1, eeprom: 0, 'tf-a': 0.5, 'u-boot': 0.5, xen: 7, linux: 9 } as const;

export const signs: readonly Sign[] = [
  {
    name: 'rpi-bootsys-banner',
    kind: 'milestone',
    pattern: /RPi: BOOTSYS release/,
    rank: 0,
    means: 'the EEPROM of a Raspberry Pi has started',
    source: 'raspberrypi/rpi-eeprom, boot log',
  },
  {
    name: 'cold-boot',
    kind: 'milestone',
    talkers: ['eeprom'],
    pattern: /power-on-reset 1\b/,
    means: 'the supply had really been cut before the EEPROM started',
    source: 'raspberrypi/rpi-eeprom, boot log',
  },
  {
    name: 'warm-boot',
    kind: 'trouble',
    talkers: ['eeprom'],
    pattern: /power-on-reset 0\b/,
    means: 'the EEPROM has started without the supply having been cut',
    source: 'raspberrypi/rpi-eeprom, boot log',
  },
  {
    name: 'eeprom-link',
    kind: 'milestone',
    talkers: ['eeprom'],
    pattern: /^(?:LINK STATUS: |Link ready)/,
    means: 'the EEPROM has an Ethernet link',
    source: 'raspberrypi/rpi-eeprom issue 687',
  },
  {
    name: 'eeprom-dhcp',
    kind: 'milestone',
    talkers: ['eeprom'],
    pattern: /^NET \d+\.\d+\.\d+\.\d+ /,
    means: 'the EEPROM has an address and knows its TFTP server',
    source: 'raspberrypi/rpi-eeprom issue 687',
  },
  {
    name: 'bl1-banner',
    kind: 'milestone',
    pattern: /^(?:NOTICE|INFO): +BL1: v\d/,
    rank: 1,
    means: 'TF-A has started from reset',
    source: 'TF-A bl1/bl1_main.c',
  },
  {
    name: 'bl2-banner',
    kind: 'milestone',
    pattern: /^(?:NOTICE|INFO): +BL2: v\d/,
    rank: 2,
    means: 'the second stage of TF-A has started',
    source: 'TF-A bl2/bl2_main.c',
  },
  {
    name: 'bl31-banner',
    kind: 'milestone',
    pattern: /^(?:NOTICE|INFO): +BL31: v\d/,
    rank: 3,
    means: 'the EL3 firmware, which holds the SCMI server, has started',
    source: 'TF-A bl31/bl31_main.c',
  },
  {
    name: 'u-boot-spl-banner',
    kind: 'milestone',
    pattern: /^U-Boot [ST]PL \d{4}\./,
    rank: 0.7,
    means: 'the secondary program loader has started',
    source: 'U-Boot common/spl/spl.c',
  },
  {
    name: 'u-boot-banner',
    kind: 'milestone',
    pattern: /^U-Boot \d{4}\.\d\d/,
    rank: 5,
    unlessAfter: /\bver(?:s|si|sio|sion)?\s*$/,
    means: 'U-Boot has started',
    source: 'U-Boot lib/display_options.c',
  },
  {
    name: 'u-boot-autoboot',
    kind: 'milestone',
    talkers: ['u-boot'],
    pattern: /Hit any key to stop autoboot|Press .{1,40} to (?:stop|abort) autoboot/,
    onTail: true,
    means: 'the countdown runs, a key stops it',
    source: 'U-Boot common/autoboot.c',
  },
  {
    name: 'u-boot-tftp-error',
    kind: 'trouble',
    talkers: ['u-boot'],
    pattern:
      /(TFTP error: .*|TFTP server died; starting again|(?:ARP )?Retry count exceeded; starting again|Not retrying\.\.\.)/,
    means: 'a file did not come',
    source: 'U-Boot net/tftp.c, net/arp.c, net/net.c, net/lwip/tftp.c',
  },
  {
    name: 'u-boot-refuses-image',
    kind: 'trouble',
    talkers: ['u-boot'],
    pattern:
      /(Bad Linux ARM64 Image magic!|ERROR: Did not find a cmdline Flattened Device Tree|Could not find a valid device tree|FDT creation failed.*|ERROR: reserving fdt memory region failed.*)/,
    means: 'what was loaded cannot be started',
    source: 'U-Boot arch/arm/lib/image.c, boot/image-fdt.c',
  },
  {
    name: 'u-boot-loads-bl31',
    kind: 'milestone',
    talkers: ['u-boot', 'unknown'],
    pattern: /^\s*Trying 'tfa-bl31[^']*' loadables subimage/,
    foretells: 'bl31-banner',
    means: 'U-Boot, which is at EL3, starts TF-A on the way to EL2',
    source: 'U-Boot boot/image-fit.c, board/renesas/common/gen4-common.c',
  },
  {
    name: 'handover',
    kind: 'milestone',
    talkers: ['u-boot', 'eeprom', 'unknown'],
    pattern: /Starting kernel \.\.\.|Starting OS \d/,
    means: 'the boot loader has nothing more to do',
    source: 'U-Boot boot/bootm.c; raspberrypi/rpi-eeprom, boot log',
  },
  {
    name: 'probe-ready',
    kind: 'milestone',
    pattern: /^probe: ready version=\d+ el=2\b/,
    means: 'the probe has been booted in place of Xen, and can be asked',
    source: 'firmware/probe/PROTOCOL.md',
  },
  {
    name: 'xen-banner',
    kind: 'milestone',
    talkers: ['xen'],
    pattern: /^Xen version (\d\S*)/,
    rank: 8,
    unlessAfter: /'h' pressed/,
    means: 'Xen has a console',
    source: 'Xen drivers/char/console.c, console_init_preirq',
  },
  {
    name: 'xen-loads-dom0',
    kind: 'milestone',
    talkers: ['xen'],
    pattern: /^\*\*\* LOADING DOMAIN 0 \*\*\*/,
    means: 'Dom0 is being built',
    source: 'Xen arch/arm/domain_build.c',
  },
  {
    name: 'xen-booted',
    kind: 'milestone',
    talkers: ['xen'],
    pattern: /^Freed \d+kB init memory/,
    means: 'Xen has booted, its domains run',
    source: 'Xen arch/arm/mm.c, free_init_memory',
  },
  {
    name: 'dom0-kernel',
    kind: 'milestone',
    talkers: ['linux'],
    domain: 'dom0',
    pattern: /^Booting Linux on physical CPU/,
    means: 'the kernel of Dom0 has started',
    source: 'Linux arch/arm64/kernel/setup.c',
  },
  {
    name: 'guest-kernel',
    kind: 'milestone',
    talkers: ['linux'],
    domain: 'guest',
    pattern: /^Booting Linux on physical CPU/,
    means: 'the kernel of a guest has started',
    source: 'Linux arch/arm64/kernel/setup.c',
  },
  {
    name: 'xen-panic',
    kind: 'fatal',
    talkers: ['xen'],
    pattern: /^Panic on CPU \d+:/,
    detail: 'next-line',
    means: 'Xen has stopped',
    source: 'Xen drivers/char/console.c, panic',
  },
  {
    name: 'xen-trap',
    kind: 'fatal',
    talkers: ['xen'],
    pattern: /(CPU\d+: Unexpected Trap: .*|Xen BUG at .*|Hypervisor Trap\. .*|Assertion '.*' failed at .*)/,
    means: 'Xen ran into an exception of its own; a panic follows',
    source: 'Xen arch/arm/traps.c, include/xen/bug.h',
  },
  {
    name: 'xen-no-kernel',
    kind: 'trouble',
    talkers: ['xen'],
    pattern: /Missing kernel boot module\?/,
    means: 'Dom0 has no kernel; a panic follows',
    source: 'Xen common/device-tree/kernel.c',
  },
  {
    name: 'el3-panic',
    kind: 'fatal',
    pattern:
      /(?:^|[^\w'"/])(PANIC (?:in|at) EL3|Unhandled (?:Interrupt )?Exception in EL3|PANIC at PC : 0x[0-9a-f]+|Unhandled External Abort received)/,
    means: 'the EL3 firmware has stopped',
    source:
      'TF-A bl31/aarch64/crash_reporting.S, common/aarch64/debug.S, plat/common/aarch64/plat_common.c; firmware/qemu-virt/el3/main.c',
  },
  {
    name: 'synchronous-abort',
    kind: 'fatal',
    talkers: ['u-boot', 'unknown'],
    pattern: /("(?:Synchronous Abort|Error)" handler, esr 0x[0-9a-f]+.*|Bad mode in ".*" handler.*)/,
    means: 'U-Boot has crashed, and will reset the board',
    source: 'U-Boot arch/arm/lib/interrupts_64.c',
  },
  {
    name: 'kernel-panic',
    kind: 'fatal',
    talkers: ['linux'],
    pattern: /^Kernel panic - not syncing: (.*)/,
    means: 'the kernel of that domain has stopped',
    source: 'Linux kernel/panic.c',
  },
  {
    name: 'kernel-oops',
    kind: 'trouble',
    talkers: ['linux'],
    pattern: /^((?:Internal error|Unable to handle kernel|BUG): .*|Unable to handle kernel .*)/,
    means: 'the kernel of that domain ran into an exception',
    source: 'Linux arch/arm64/kernel/traps.c, arch/arm64/mm/fault.c',
  },
  {
    name: 'xen-reboots',
    kind: 'restart',
    talkers: ['xen'],
    pattern: /^(Reboot in five seconds\.\.\.|Hardware Dom0 shutdown: rebooting machine|'R' pressed .*)/,
    means: 'Xen resets the board',
    source: 'Xen drivers/char/console.c, common/shutdown.c',
  },
  {
    name: 'xen-halts',
    kind: 'fatal',
    talkers: ['xen'],
    pattern: /^(Manual reset required.*|Hardware Dom0 (?:halted|crashed).*)/,
    means: 'Xen waits to be switched off',
    source: 'Xen drivers/char/console.c, common/shutdown.c',
  },
  {
    name: 'u-boot-resets',
    kind: 'restart',
    talkers: ['u-boot'],
    pattern: /^(resetting \.\.\.|Resetting CPU \.\.\.)/,
    means: 'U-Boot resets the board',
    source: 'U-Boot arch/arm/lib/reset.c, interrupts_64.c',
  },
];

/** A sign that was seen. `reset` is made by the watch itself: a banner came when none was due. */
export interface SignSeen {
  readonly name: string;
  readonly kind: SignKind | 'reset';
  readonly talker: ConsoleTalker;
  readonly domid?: number;
  /** The line in which it was seen. */
  readonly text: string;
  /** A panic's message, a version; of a reset, what had announced it. */
  readonly detail?: string;
  /** Of a reset: the last sign before it that something of the board had failed. */
  readonly after?: string;
  readonly t: number;
  readonly number: number;
}
