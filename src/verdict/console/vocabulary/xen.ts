/** Texts of Xen, without its prefix `(XEN) ` (drivers/char/console.c). */
import type { Sign } from '../sign.ts';

export const xenText = {
  /** Each line begins so; a domain that Xen shows is told by `DOM1: ` or `(d1) `. */
  prefix: '(XEN) ',
  /** `console_timestamps=` boot, date, datems and raw (drivers/char/console.c, printk_start_of_line). */
  stamp: /^\[(?: *(\d{1,12}\.\d{6})|[0-9a-f]{16}|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?)\] /,
  domain: /^DOM(\d{1,5}): /,
  prefixAnywhere: '\\(XEN\\) ',
  /** `(XEN) ` at the head of a line, less one character, or with one twice; two blanks may be Xen's own. */
  damagedPrefix: /^(?:XEN\) |\((?:EN|XN|XE|XXEN|XEEN|XENN)\) |\(XEN(?: |\)\) )|\(XEN\)(?=\S)|\(\(XEN\) )/,
  version: /^Xen version \d/,
  versionNumber: /^Xen version (\d+\.\d\S*)/,
  /** Its banner, or before that its early printk (arch/arm/arm64/head.S, setup.c). */
  speaks: /^Xen version \d|^- UART enabled -|^Checking for initrd in/,
  keyHelp: "'h' pressed",
  input: /^\*\*\* Serial input to (?:DOM(\d+)|(Xen))\b/,
  booted: /^Freed \d+kB init memory/,
  panic: /^Panic on CPU \d+:/,
  /** Messages without a newline: arch/arm/firmware/scmi-smc-multiagent.c, scmi_assign_device. */
  openMessage: /^scmi: could not assign dev for d\d+ agent:\d+ dev_id:\d+ \(-?\d+\)/,
  /** A level mark that was not taken off because it stood in mid-line. */
  rawLevel: /^(?:<G>)?<[0-3]>/,
  /** Lines that say the same in each boot. */
  constants: [
    'Domain heap initialised',
    '*** LOADING DOMAIN 0 ***',
    'Std. Loglevel: All',
    'Guest Loglevel: All',
    'Panic on CPU 0:',
    '****************************************',
    "Manual reset required ('noreboot' specified)",
    'Reboot in five seconds...',
  ],
  /** Beginnings of lines that begin the same in each boot. */
  beginnings: [
    'Xen version ',
    'Latest ChangeSet: ',
    'Command line: ',
    'Using SMC Calling Convention ',
    'SMP: Allowing ',
  ],
} as const;

const shutdown = 'Xen common/shutdown.c, hwdom_shutdown';

export const xenSigns: readonly Sign[] = [
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
    // With `loglvl=warning` and below the line with the whole version is not printed.
    name: 'xen-bare-banner',
    kind: 'milestone',
    talkers: ['xen'],
    pattern: /^Xen (\d+\.\d[\w.~+-]*)$/,
    rank: 7.9,
    means: 'Xen has a console',
    source: 'Xen drivers/char/console.c, console_init_preirq: the one line that no threshold holds back',
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
    pattern: xenText.booted,
    means: 'Xen has booted, its domains run',
    source: 'Xen arch/arm/mm.c, free_init_memory',
  },
  {
    name: 'xen-panic',
    kind: 'fatal',
    talkers: ['xen'],
    pattern: xenText.panic,
    detail: 'next-line',
    means: 'a panic of Xen that the model does not predict',
    source: 'Xen drivers/char/console.c, panic',
  },
  {
    name: 'xen-trap',
    kind: 'fatal',
    talkers: ['xen'],
    pattern:
      /(?<!['"\w])(CPU\d+: Unexpected Trap: .*|(?:Xen )?BUG at .*|Hypervisor Trap\. .*|Assertion '.*' failed at .*|FATAL TRAP: .*|FATAL PAGE FAULT.*|\*\*\* DOUBLE FAULT \*\*\*|Watchdog timer detects that CPU\d+ is stuck!)/,
    follows: { signs: ['xen-panic'] },
    endsInReset: true,
    means: "an exception of Xen's own",
    source: 'Xen arch/arm/traps.c, common/bug.c, arch/x86/traps.c, arch/x86/nmi.c',
  },
  {
    name: 'xen-warning',
    kind: 'trouble',
    talkers: ['xen'],
    pattern: /(?<!['"\w])((?:Xen )?WARN at .*|UBSAN: .*)/,
    means: 'a warning of Xen about itself, with a stack',
    source: 'Xen arch/arm/traps.c, common/bug.c, common/ubsan/ubsan.c',
  },
  {
    name: 'xen-domain-crash',
    kind: 'trouble',
    talkers: ['xen'],
    pattern: /^(Domain \d+ \(vcpu#\d+\) crashed on [cC][pP][uU]#\d+:|domain_crash(?:_sync)? called from .*)/,
    endsInReset: true,
    means: 'a domain that Xen has stopped',
    source: 'Xen common/domain.c, domain_crash; include/xen/sched.h',
  },
  {
    name: 'xen-domain-watchdog',
    kind: 'trouble',
    talkers: ['xen'],
    pattern: /^(Watchdog timer (?:\d+ )?fired for .*)/,
    endsInReset: true,
    means: 'the watchdog of a domain that did not feed it',
    source: 'Xen common/sched/core.c, domain_watchdog_timeout',
  },
  {
    name: 'xen-no-kernel',
    kind: 'refusal',
    talkers: ['xen'],
    pattern: /Missing kernel boot module\?/,
    means: 'Dom0 has no kernel; a panic follows',
    source: 'Xen common/device-tree/kernel.c',
  },
  {
    name: 'hwdom-failed',
    kind: 'trouble',
    talkers: ['xen'],
    pattern:
      /^(Hardware Dom\d+ (?:crashed: .*|shutdown: watchdog rebooting machine|shutdown \(unknown reason \d+\): .*)|Hardware domain \d+ did unsupported soft reset, rebooting\.)/,
    endsInReset: true,
    means: 'Dom0 has failed, and Xen ends the machine',
    source: shutdown,
  },
  {
    name: 'xen-reboots',
    kind: 'restart',
    talkers: ['xen'],
    pattern: /^(Hardware Dom\d+ shutdown: rebooting machine)/,
    follows: { ofDom0: /^reboot: / },
    means: 'Dom0 has ended by itself, and Xen resets the board',
    source: shutdown,
  },
  {
    name: 'xen-reboots',
    kind: 'restart',
    talkers: ['xen'],
    pattern: /^(Reboot in five seconds\.\.\.|'R' pressed .*)/,
    follows: { signs: ['xen-panic'] },
    means: 'Xen resets the board',
    source: 'Xen drivers/char/console.c, panic; common/keyhandler.c',
  },
  {
    name: 'xen-halts',
    kind: 'fatal',
    talkers: ['xen'],
    pattern: /^(Hardware Dom\d+ halted.*)/,
    follows: { ofDom0: /^reboot: / },
    means: 'Dom0 has ended by itself, and Xen waits to be switched off',
    source: shutdown,
  },
  {
    name: 'xen-halts',
    kind: 'fatal',
    talkers: ['xen'],
    pattern: /^(Manual reset required.*)/,
    follows: { signs: ['xen-panic'] },
    means: 'Xen waits to be switched off',
    source: 'Xen drivers/char/console.c, panic',
  },
];
