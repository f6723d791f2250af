/** Texts of a Linux kernel and its userland, in Dom0 and in guests. */
import type { Sign } from '../sign.ts';

/**
 * A shell's prompt in its common forms: `/ # `, `# `, `root@host:~# `, `sh-5.2# `, `bash-5.1$ `, `[root@x ~]# `, and the
 * boot loader's `=> `. Of bounded length, so that a long line costs no more than a short one.
 */
const promptName = String.raw`(?:\[[^\[\]]{1,80}\]|[\w.@:~/+=-]{0,80}(?: [~\w./-]{1,60})?)`;

export const linuxText = {
  /** kernel/printk/printk.c, print_time and print_caller: six decimals; people who quote one leave some out. */
  stamp: /^\[ *(\d{1,12}\.(?:\d{6}|\d{1,2}))\](?:\[ *[TC]\d+\])? /,
  /** The same behind something else: printk begins where a prompt left the cursor. */
  stampAnywhere: /\[(?=[ \d]{5}) {0,4}\d{1,12}\.(?:\d{6}|\d{1,2})\](?:\[ *[TC]\d+\])? /g,
  /** arch/arm64/kernel/setup.c */
  booting: /^Booting Linux on physical CPU/,
  constants: ['Booting Linux on physical CPU 0x0000000000'],
  beginnings: ['Linux version ', 'Kernel command line: '],
  startsInit: /^Run \S+ as init process/,
  /** kernel/reboot.c */
  endsByItself: /^reboot: (?:Power down|Restarting system|System halted)/,
  /** The whole of what stands on a line that has not ended: a shell waits. */
  shellWaits: new RegExp(`^${promptName} ?[#$] $`),
  /** A prompt at the start of a line. */
  prompt: new RegExp(`^(?:${promptName} ?[#$] |(?:=|[\\w-]{1,20})> |[^:]{0,80}(?:login|[Pp]assword): )`),
  /** The echo of a command behind a prompt. */
  commandEcho: new RegExp(`^${promptName} ?[#$] +\\S`),
  /** Group: the command behind a prompt, empty where none was typed. */
  typed: new RegExp(`^${promptName} ?[#$] (.*)$`),
  /** The echo of a command in the frame that this project's shells give it (run/shells/shell-line.ts). */
  frameBegin: /^echo "#"[\w.]+;/,
  /** Behind these a stamp is quoted: a text in quotes, the line of a log daemon. */
  quotes: /(?:['"`]|\bkernel: )$/,
  /** The line that ends such a frame. */
  frameEnd: /^#\w{1,40}\.\d{1,9} \d{1,3}$/,
  /** getty, login, busybox ash; a program that was used (xl, the clock summary); or a shell at its prompt. */
  canBeUsed: new RegExp(
    `(?:^|\\s)login: |built-in shell|^Parsing config from \\S|^ {1,40}enable +prepare +protect |^${promptName} ?[#$] `,
  ),
  loginAsks: /\blogin: ?$/i,
  passwordAsks: /password: ?$/i,
  loginOrPasswordAsks: /(?:\blogin|password): ?$/i,
  loginRefused: /login incorrect|authentication failure/i,
} as const;

const source = {
  fault:
    'Linux arch/arm64/mm/fault.c, arch/arm64/kernel/traps.c, kernel/panic.c, mm/slub.c, lib/list_debug.c, lib/refcount.c',
  stall: 'Linux kernel/watchdog.c, kernel/rcu/tree_stall.h, kernel/hung_task.c',
};

export const linuxSigns: readonly Sign[] = [
  {
    name: 'dom0-kernel',
    kind: 'milestone',
    talkers: ['linux'],
    domain: 'dom0',
    pattern: linuxText.booting,
    means: 'the kernel of Dom0 has started',
    source: 'Linux arch/arm64/kernel/setup.c',
  },
  {
    name: 'guest-kernel',
    kind: 'milestone',
    talkers: ['linux'],
    domain: 'guest',
    pattern: linuxText.booting,
    means: 'the kernel of a guest has started',
    source: 'Linux arch/arm64/kernel/setup.c',
  },
  {
    name: 'kernel-panic',
    kind: 'fatal',
    talkers: ['linux'],
    pattern: /^Kernel panic - not syncing: (.*)/,
    means: 'a kernel panic',
    source: 'Linux kernel/panic.c',
  },
  {
    name: 'kernel-panic-end',
    kind: 'fatal',
    talkers: ['linux'],
    pattern: /^---\[ end Kernel panic - not syncing: (.*)/,
    follows: { signs: ['kernel-panic'] },
    means: 'a kernel panic',
    source: 'Linux kernel/panic.c',
  },
  {
    name: 'kernel-oops',
    kind: 'trouble',
    talkers: ['linux'],
    pattern:
      /^(Unable to handle kernel .*|Internal error: .*|Oops(?:: | - ).*|BUG: .*|[kK]ernel BUG at .*|SError Interrupt on CPU\d+.*|Bad mode in .{1,40} handler detected.*|Unhandled (?:\d\d-bit .{1,40} exception on CPU\d+|fault: ).*|BUG [\w-]{1,40} \(.{1,80}\): .*|list_(?:add|del) (?:double )?corruption.*|refcount_t: .*|Insufficient stack space to handle exception!.*|Fixing recursive fault but reboot is needed!)/,
    endsInReset: true,
    means: "an exception or a bug of a domain's kernel",
    source: source.fault,
  },
  {
    name: 'kernel-stall',
    kind: 'trouble',
    talkers: ['linux'],
    pattern:
      /^((?:NMI )?watchdog: (?:(?:CPU\d+: )?Watchdog detected hard LOCKUP|BUG: soft lockup).*|(?:rcu: )?INFO: rcu\w* .*(?:detected.*stall|self-detected stall).*|rcu: \w+ kthread (?:starved|timer wakeup).*|INFO: task .{1,80} blocked (?:in I\/O wait |on an? .{1,60} )?for more than \d+ seconds.*)/,
    endsInReset: true,
    means: "a domain's kernel that stands still",
    source: source.stall,
  },
  {
    name: 'kernel-warning',
    kind: 'trouble',
    talkers: ['linux'],
    pattern:
      /^(WARNING: (?:CPU: \d+ PID: \d+ |\S+:\d+ at |.*drivers\/).*|WARNING: (?:possible |inconsistent |bad |suspicious |held |Nested |chain |lock held ).*|DEBUG_LOCKS_WARN_ON\(.*|INFO: trying to register non-static key\..*)/,
    means: "a warning of a domain's kernel about itself",
    source: 'Linux kernel/panic.c, __warn; kernel/locking/lockdep.c',
  },
  {
    name: 'kernel-sanitizer',
    kind: 'trouble',
    talkers: ['linux'],
    pattern: /^((?:UBSAN|KASAN|KCSAN|KFENCE|KMSAN): .*)/,
    means: "a report of a domain's kernel about itself",
    source: 'Linux lib/ubsan.c, mm/kasan/report.c, kernel/kcsan/report.c',
  },
  {
    name: 'kernel-out-of-memory',
    kind: 'trouble',
    talkers: ['linux'],
    pattern:
      /^([\w./:-]{1,40} invoked oom-killer: .*|[\w./:-]{1,40}: page allocation failure: .*|(?:Out of memory|Memory cgroup out of memory): Killed process .*|Out of memory and no killable processes.*)/,
    endsInReset: true,
    means: 'a domain without memory',
    source: 'Linux mm/oom_kill.c, mm/page_alloc.c',
  },
];

/** Made by the watch: the kernel of a domain starts a second time. */
export const kernelRestarts: Sign = {
  name: 'kernel-restarts',
  kind: 'trouble',
  talkers: ['linux'],
  pattern: linuxText.booting,
  means: 'a domain that starts again by itself',
  source: 'Linux arch/arm64/kernel/setup.c',
};
