/** Text by which a program says that it is in trouble is found wherever it stands in a run that passed without it. */
import test, { type ExecutionContext } from 'ava';
import { signs } from '../../../src/verdict/console/signs.ts';
import { judge } from './judged.ts';
import { judgeConsole } from '../../../src/verdict/verify/judge.ts';
import { edited } from './mutated-recording.ts';
import { type PassedRun, passedRun } from './passed-run.ts';

/** An example of each sign of the table: `linux`, `xen`, or as firmware and boot loaders write it. */
const examples: Readonly<
  Record<string, { readonly by: 'linux' | 'xen' | 'other'; readonly texts: readonly string[] }>
> = {
  'kernel-panic': { by: 'linux', texts: ['Kernel panic - not syncing: Attempted to kill init!'] },
  'kernel-panic-end': {
    by: 'linux',
    texts: ['---[ end Kernel panic - not syncing: sysrq triggered crash ]---'],
  },
  'kernel-oops': {
    by: 'linux',
    texts: [
      'Unable to handle kernel NULL pointer dereference at virtual address 0000000000000010',
      'Unable to handle kernel paging request at virtual address ffff800012345678',
      'Internal error: Oops: 0000000096000004 [#1] SMP',
      'Internal error: synchronous external abort: 0000000096000210 [#1] SMP',
      'Oops: Fatal exception in interrupt',
      'BUG: scheduling while atomic: swapper/0/0/0x00000002',
      'BUG: KASAN: slab-out-of-bounds in scmi_xfer_get+0x10/0x20',
      'BUG: KCSAN: data-race in do_xfer / scmi_rx_callback',
      'BUG: sleeping function called from invalid context at kernel/locking/mutex.c:580',
      'BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 31s!',
      'kernel BUG at mm/slub.c:448!',
      'SError Interrupt on CPU0, code 0x00000000be000011 -- SError',
      'Bad mode in Error handler detected on CPU0, code 0xbf000002 -- SError',
      'Insufficient stack space to handle exception!',
      'Unhandled 64-bit el1h sync exception on CPU0, ESR 0x0000000002000000 -- BRK (AArch64)',
      'BUG kmalloc-64 (Not tainted): Poison overwritten',
      'list_del corruption, ffff000001234500->next is LIST_POISON1 (dead000000000100)',
      'refcount_t: underflow; use-after-free.',
    ],
  },
  'kernel-stall': {
    by: 'linux',
    texts: [
      'watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [swapper/0:1]',
      'watchdog: Watchdog detected hard LOCKUP on cpu 1',
      'watchdog: CPU1: Watchdog detected hard LOCKUP on cpu 0',
      'INFO: task xl:512 blocked in I/O wait for more than 120 seconds.',
      'rcu: INFO: rcu_preempt self-detected stall on CPU',
      'rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:',
      'INFO: rcu_sched detected stalls on CPUs/tasks:',
      'rcu: rcu_preempt kthread starved for 5252 jiffies!',
      'INFO: task kworker/0:1:12 blocked for more than 120 seconds.',
    ],
  },
  'kernel-warning': {
    by: 'linux',
    texts: [
      'WARNING: CPU: 0 PID: 1 at drivers/firmware/arm_scmi/driver.c:1199 do_xfer+0x150/0x170',
      'WARNING: drivers/firmware/arm_scmi/driver.c:1199 at do_xfer+0x150/0x170, CPU#0: swapper/0/1',
      'WARNING: possible circular locking dependency detected',
      'WARNING: inconsistent lock state',
      'WARNING: suspicious RCU usage',
      'DEBUG_LOCKS_WARN_ON(lock->magic != lock)',
      'INFO: trying to register non-static key.',
    ],
  },
  'kernel-sanitizer': {
    by: 'linux',
    texts: ['UBSAN: array-index-out-of-bounds in drivers/firmware/arm_scmi/clock.c:301:9'],
  },
  'kernel-out-of-memory': {
    by: 'linux',
    texts: [
      'xl invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0',
      'xl: page allocation failure: order:4, mode:0x40cc0(GFP_KERNEL|__GFP_COMP), nodemask=(null)',
      'Out of memory: Killed process 123 (xl) total-vm:5120kB, anon-rss:1024kB',
    ],
  },
  'zephyr-fatal': { by: 'linux', texts: ['>>> ZEPHYR FATAL ERROR 0: CPU exception on CPU 0'] },
  'zephyr-assertion': { by: 'linux', texts: ['ASSERTION FAIL [0] @ WEST_TOPDIR/zephyr/kernel/sched.c:100'] },
  'xen-panic': { by: 'xen', texts: ['Panic on CPU 0:'] },
  'xen-trap': {
    by: 'xen',
    texts: [
      'Watchdog timer detects that CPU0 is stuck!',
      '*** DOUBLE FAULT ***',
      "Assertion 'x == y' failed at common/sched/core.c:1",
      'Xen BUG at common/domain.c:100',
      'BUG at common/domain.c:100',
      'CPU0: Unexpected Trap: Data Abort',
      'FATAL TRAP: vec 14, #PF[0002]',
      'FATAL PAGE FAULT',
      'Hypervisor Trap. HSR=0x96000007 EC=0x25 IL=1 Syndrome=0x7',
    ],
  },
  'xen-warning': {
    by: 'xen',
    texts: [
      'Xen WARN at arch/arm/gic.c:400',
      'WARN at arch/arm/gic.c:400',
      'UBSAN: Undefined behaviour in common/firmware/scmi.c:12:34',
    ],
  },
  'xen-domain-crash': {
    by: 'xen',
    texts: ['Domain 1 (vcpu#0) crashed on cpu#0:', 'domain_crash called from arch/arm/traps.c:1300'],
  },
  'xen-domain-watchdog': {
    by: 'xen',
    texts: ['Watchdog timer 0 fired for d0', 'Watchdog timer fired for domain 0'],
  },
  'hwdom-failed': {
    by: 'xen',
    texts: [
      'Hardware Dom0 shutdown: watchdog rebooting machine',
      'Hardware Dom0 crashed: rebooting machine in 5 seconds.',
      'Hardware Dom0 shutdown (unknown reason 9): rebooting machine in 5 seconds.',
      'Hardware domain 0 did unsupported soft reset, rebooting.',
    ],
  },
  'xen-reboots': {
    by: 'xen',
    texts: ['Hardware Dom0 shutdown: rebooting machine', 'Reboot in five seconds...'],
  },
  'xen-halts': {
    by: 'xen',
    texts: ['Hardware Dom0 halted: halting machine', "Manual reset required ('noreboot' specified)"],
  },
  'el3-panic': {
    by: 'other',
    texts: [
      'PANIC in EL3.',
      'PANIC at PC : 0x0000000046013a30',
      'Unhandled Exception in EL3.',
      'Unhandled Exception from lower EL.',
      'Unhandled External Abort received on 0x80000000 from S-EL0',
    ],
  },
  'el3-assertion': { by: 'other', texts: ['ASSERT: drivers/scmi-msg/smt.c:85'] },
  'el3-error': {
    by: 'other',
    texts: ['ERROR:   Agent 9 Protocol 0x99 Message 0x9: not supported', 'ERROR:   mbox busy'],
  },
  'op-tee-panic': { by: 'other', texts: ['E/TC:0 0 Panic at core/kernel/thread.c:10 <thread_init>'] },
  'synchronous-abort': {
    by: 'other',
    texts: [
      '"Synchronous Abort" handler, esr 0x96000010, far 0x0',
      '"Bad Sync" handler, esr 0x96000010, far 0x0',
    ],
  },
  'u-boot-hangs': { by: 'other', texts: ['### ERROR ### Please RESET the board ###'] },
};

/** At Dom0's stage the text is anybody's; in the boot loader's it is tested with the reader. */
const ofBootLoader = new Set(['u-boot-resets']);

test('every sign of trouble has an example', t => {
  const names = signs.filter(({ kind }) => kind === 'trouble' || kind === 'fatal' || kind === 'restart');
  t.deepEqual(
    names
      .filter(({ name }) => !ofBootLoader.has(name))
      .filter(({ name, pattern }) => {
        const example = examples[name];
        return example === undefined || !example.texts.some(text => pattern.test(text));
      }),
    [],
  );
});

const prompts = [
  '~ # ',
  '/ # ',
  '# ',
  'root@host:~# ',
  'sh-5.2# ',
  'bash-5.1$ ',
  '[root@x ~]# ',
  '\u001b[1;32mroot@x\u001b[0m:~# ',
  '~ # \u001b[6n',
  'host login: ',
];

/** @returns the text as its program may write it, each beginning with a name for it */
function forms(by: 'linux' | 'xen' | 'other', text: string): readonly (readonly [string, string])[] {
  if (by === 'other') {
    return [
      ['alone', `${text}\r\n`],
      ...prompts.map(prompt => [`behind "${prompt}"`, `${prompt}${text}\r\n`] as const),
    ];
  }
  if (by === 'xen') {
    return [
      ['alone', `(XEN) ${text}\r\n`],
      ['with uptime', `(XEN) [   99.123456] ${text}\r\n`],
      ['with date', `(XEN) [2026-12-01 10:00:00] ${text}\r\n`],
      ['with date and milliseconds', `(XEN) [2026-12-01 10:00:00.123] ${text}\r\n`],
      ['with cycles', `(XEN) [00000001a2b3c4d5] ${text}\r\n`],
      ...prompts.map(prompt => [`behind "${prompt}"`, `${prompt}(XEN) ${text}\r\n`] as const),
      ['behind a kernel line', `[    2.000000] usb 1-1: new(XEN) ${text}\r\n`],
    ];
  }
  return [
    ['alone', `[   99.000000] ${text}\r\n`],
    ['with caller', `[   99.000000][    T1] ${text}\r\n`],
    ['without stamp', `${text}\r\n`],
    ...prompts.map(prompt => [`stamped behind "${prompt}"`, `${prompt}[   99.000000] ${text}\r\n`] as const),
    ...prompts.map(prompt => [`behind "${prompt}"`, `${prompt}${text}\r\n`] as const),
    ['short stamp', `~ # [   99.0] ${text}\r\n`],
    ['behind half a line', `Starting network[   99.000000] ${text}\r\n`],
    ['behind a kernel line', `[    2.000000] usb 1-1: new[   99.000000] ${text}\r\n`],
    ['of a domain', `(XEN) DOM1: [   99.000000] ${text}\r\n`],
    ['of a domain, with uptime', `(XEN) [   99.123456] DOM1: [   99.000000] ${text}\r\n`],
    ['of a domain, without stamp', `(XEN) DOM1: ${text}\r\n`],
    ['of a domain at its prompt', `(XEN) DOM1: ~ # [   99.000000] ${text}\r\n`],
    ['of a guest', `(d1) [   99.000000] ${text}\r\n`],
  ];
}

const runs = [
  ['dom0-and-guest', 'virtual-v4h'],
  ['dom0less-domain-runs', 'virtual-rpi5'],
] as const;
const recorded = new Map<string, PassedRun>();

test.before('runs that pass', async t => {
  t.timeout(120_000);
  await Promise.all(
    runs.map(async ([scenario, board]) => recorded.set(scenario, await passedRun(scenario, board))),
  );
});

/** Where the text is put: behind a line that comes in every boot. */
const places = [/(?<=init memory\.\r*\n)/, /(?<=Booting Linux[^\n]*\n)/, /(?=BusyBox v)/] as const;

for (const [scenario] of runs) {
  test(`${scenario}: whatever is in trouble is found, wherever it says so`, t => {
    t.timeout(300_000);
    const missed: string[] = [];
    for (const [name, { by, texts }] of Object.entries(examples)) {
      for (const text of texts) {
        for (const [form, written] of forms(by, text)) {
          for (const place of places) {
            const { outcome, is } = judgedWith(t, scenario, written, place);
            if (outcome === 'met' || !is)
              missed.push(`${name}: ${form}: ${text} (${place.source}): ${outcome}`);
          }
        }
      }
    }
    t.deepEqual(missed, []);
  });

  test(`${scenario}: a board, or a domain, that starts again is found`, t => {
    const missed: string[] = [];
    const again = [
      'NOTICE:  BL31: v2.7(release):v2.7',
      'NOTICE:  BL31: Built : 10:00:00, Oct 16 2024',
      'NOTICE:  BL1: v2.10.0(debug)',
      'NOTICE:  BL2: v2.10.0(debug)',
      'NOTICE:  Booting Trusted Firmware',
      '[    0.125709] NOTICE:  BL2: R-Car Gen4 Initial Program Loader(CA76) Rev.1.0',
      'U-Boot 2025.07 (Jul 07 2025 - 12:00:00 +0000)',
      'U-Boot SPL 2025.07 (Jul 07 2025 - 12:00:00 +0000)',
      '[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x411fd070]',
    ];
    for (const text of again) {
      for (const before of ['', ...prompts]) {
        const place = places[2];
        if (judgedWith(t, scenario, `${before}${text}\r\n`, place).outcome === 'met')
          missed.push(`${before}${text}`);
      }
    }
    t.deepEqual(missed, []);
  });

  test(`${scenario}: text that a program prints is no trouble`, t => {
    const blamed: string[] = [];
    const linux = Object.values(examples).flatMap(({ by, texts }) => (by === 'linux' ? texts : []));
    for (const text of [
      ...linux,
      'ERROR:   Agent 9 Protocol 0x99',
      'U-Boot 2025.07 (Jul 07 2025)',
      'NOTICE:  BL31: v2.7(release)',
    ]) {
      for (const written of [
        `~ # echo ${text}\r\r\n`,
        `~ # grep '${text}' /var/log/messages\r\r\n~ # `,
        `~ # cat log\r\r\n${text}\r\r\n~ # `,
        `~ # dmesg | grep old\r\r\n[    0.000001] ${text}\r\r\n~ # `,
        `~ # xl dmesg\r\r\n(XEN) ${text}\r\r\n~ # `,
        `kern.warn kernel: [   99.000000] ${text}\r\r\n`,
      ]) {
        const { outcome } = judgedWith(t, scenario, written, places[2]);
        if (outcome !== 'met') blamed.push(`${outcome}: ${written}`);
      }
    }
    t.deepEqual(blamed, []);
  });
}

test('what a log of Xen or of a kernel says of trouble is found, though the console did not bring it', t => {
  const run = recorded.get('dom0-and-guest');
  if (run === undefined) throw new Error('the run has not passed');
  const judged = (line: string, log: RegExp) => {
    let inserted = 0;
    const recording = edited(run.events, (said, where) => {
      if (where !== 'log' || !log.test(said)) return said;
      inserted++;
      return `${said}${line}\n`;
    });
    t.true(inserted > 0, line);
    return judge({ prediction: run.prediction, recording }).judgements.flatMap(({ outcome, expectation }) =>
      outcome === 'contradicted' ? [expectation.id] : [],
    );
  };
  const ofXen = /^\(XEN\) /m;
  const ofDom0 = /^\[ *\d+\.\d+\] /;
  t.deepEqual(judged('(XEN) Xen WARN at arch/arm/gic.c:400', ofXen), ['unexpected.log.xen-warning.1']);
  t.deepEqual(judged('[   99.000000] BUG: scheduling while atomic', ofDom0), [
    'unexpected.log.kernel-oops.1',
  ]);
  t.deepEqual(judged('[   99.000000] usb 1-1: new device', ofDom0), []);
});

function judgedWith(t: ExecutionContext, scenario: string, written: string, place: RegExp) {
  const run = recorded.get(scenario);
  if (run === undefined) throw new Error(`${scenario} has not passed`);
  let inserted = 0;
  const recording = edited(run.events, (said, where) => {
    if (where !== 'console' || inserted > 0) return said;
    return said.replace(place, () => {
      inserted++;
      return written;
    });
  });
  t.is(inserted, 1, `nothing stands at ${place.source}`);
  const { outcome, judgements } = judge({ prediction: run.prediction, recording });
  return { outcome, is: judgements.some(judgement => judgement.outcome === 'contradicted') };
}

test('a boot loader that crashes before it has started Xen is the lab’s, not a finding', t => {
  const { prediction } = recorded.get('dom0-and-guest') ?? {};
  if (prediction === undefined) throw new Error('the run is missing');
  for (const crash of [
    '"Synchronous Abort" handler, esr 0x96000010, far 0x0',
    '### ERROR ### Please RESET the board ###',
  ]) {
    const log = `U-Boot 2025.07 (Jul 07 2025)\r\n\r\nDRAM:  2 GiB\r\n${crash}\r\n`;
    const { outcome, judgements } = judgeConsole({ prediction, log: new TextEncoder().encode(log) });
    t.is(outcome, 'infrastructure', crash);
    t.deepEqual(
      judgements.filter(each => each.outcome === 'contradicted'),
      [],
    );
  }
});
