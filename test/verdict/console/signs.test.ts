import test from 'ava';
import type { TalkerLine } from '../../../src/verdict/console/line.ts';
import { ConsoleReader } from '../../../src/verdict/console/reader.ts';
import type { SignSeen } from '../../../src/verdict/console/sign.ts';
import { visibleText } from '../../../src/verdict/console/terminal-text.ts';
import { linuxText } from '../../../src/verdict/console/vocabulary/linux.ts';

function read(text: string) {
  const lines: TalkerLine[] = [];
  const signs: SignSeen[] = [];
  const reader = new ConsoleReader({ line: line => lines.push(line), sign: sign => signs.push(sign) });
  reader.feed(new TextEncoder().encode(text), 0);
  reader.end(0);
  return { lines, signs };
}

const booted = '(XEN) Xen version 4.22\r\n(XEN) Freed 4kB init memory.\r\n[    1.000000] Run /init\r\r\n';

for (const [text, after, detail] of [
  ['(XEN) Hardware Dom0 shutdown: watchdog rebooting machine', 'hwdom-failed', undefined],
  ['(XEN) Hardware Dom0 crashed: rebooting machine in 5 seconds.', 'hwdom-failed', undefined],
  [
    '(XEN) Hardware Dom0 shutdown (unknown reason 7): rebooting machine in 5 seconds.',
    'hwdom-failed',
    undefined,
  ],
  ['(XEN) Hardware domain 0 did unsupported soft reset, rebooting.', 'hwdom-failed', undefined],
  ['(XEN) Hardware Dom0 shutdown: rebooting machine', undefined, 'xen-reboots'],
  ['(XEN) Watchdog timer 0 fired for d0', 'xen-domain-watchdog', undefined],
  ['(XEN) Watchdog timer detects that CPU0 is stuck!', 'xen-trap', undefined],
  ['[    9.000000] rcu: INFO: rcu_preempt self-detected stall on CPU', 'kernel-stall', undefined],
  ['[    9.000000] watchdog: BUG: soft lockup - CPU#0 stuck for 22s!', 'kernel-stall', undefined],
  ['[    9.000000] SError Interrupt on CPU0, code 0xbf000002 -- SError', 'kernel-oops', undefined],
  ['[    9.000000] BUG: scheduling while atomic: swapper/0', 'kernel-oops', undefined],
  ['[    9.000000] Linux is well', undefined, undefined],
] as const) {
  test(`a reset after "${text}" says what came before it`, t => {
    const { signs } = read(`${booted}${text}\r\nNOTICE:  BL31: v2.7(release)\r\n`);
    const reset = signs.find(({ kind }) => kind === 'reset');
    t.is(reset?.after, after);
    t.is(reset?.detail, detail);
  });
}

test('firmware that stamps its lines as a kernel does is firmware', t => {
  const { lines, signs } = read(
    '[    0.000037] NOTICE:  BL2: R-Car Gen4 Initial Program Loader(CA76)\r\n[    0.125709] NOTICE:  BL2: v1.5(release)\r\n' +
      '[    0.130001] ERROR:   mbox busy\r\n[    0.140000] without a level\r\n[    0.150000] NOTICE:  BL31: v2.7(release)\r\n',
  );
  t.deepEqual(
    lines.map(({ talker, text, stamp }) => [talker, text, stamp]),
    [
      ['tf-a', 'NOTICE:  BL2: R-Car Gen4 Initial Program Loader(CA76)', 0.000037],
      ['tf-a', 'NOTICE:  BL2: v1.5(release)', 0.125709],
      ['tf-a', 'ERROR:   mbox busy', 0.130001],
      ['tf-a', '[    0.140000] without a level', undefined],
      ['tf-a', 'NOTICE:  BL31: v2.7(release)', 0.15],
    ],
  );
  t.deepEqual(
    signs.map(({ name }) => name),
    ['bl2-banner', 'el3-error', 'bl31-banner'],
  );
});

for (const [prompt, waits] of [
  ['/ # ', true],
  ['# ', true],
  ['~ # ', true],
  ['root@host:~# ', true],
  ['root@host:/etc/xen# ', true],
  ['sh-5.2# ', true],
  ['bash-5.1$ ', true],
  ['[root@x ~]# ', true],
  ['[root@x /etc/xen]# ', true],
  ['root@gentoo ~ # ', true],
  ['uart:~$ ', true],
  ['\u001b[1;32mroot@x\u001b[0m:\u001b[01;34m~\u001b[00m# ', true],
  ['\r\u001b[K/ # \u001b[6n', true],
  ['\u001b]0;root@x: ~\u0007root@x:~# ', true],
  ['=> ', false],
  ['usb 1-1: new device', false],
  ['Loading # of 7: ', false],
] as const) {
  test(`${JSON.stringify(prompt)} is ${waits ? '' : 'not '}a shell's prompt`, t => {
    t.is(linuxText.shellWaits.test(visibleText(prompt)), waits);
  });
}

for (const [written, shown] of [
  ['~ # foo\r\u001b[Kbar', 'bar'],
  ['~ # foo\r\u001b[J/ # ', '/ # '],
  ['abcdef\b\b\u001b[K', 'abcd'],
  ['abcdef\b\b\u001b[1Kx', '    xf'],
  ['abc\u001b[2Kx', '   x'],
  ['100%\r\u001b[0Kdone', 'done'],
] as const) {
  test(`${JSON.stringify(written)} shows ${JSON.stringify(shown)}`, t => {
    t.is(visibleText(written), shown);
  });
}

test('what a command prints is text, and what a kernel says meanwhile is not', t => {
  const { signs } = read(
    `${booted}~ # dmesg\r\r\n[    0.500000] BUG: old\r\r\nBUG: text\r\r\n[    9.000000] BUG: new\r\r\n~ # \r\r\nBUG: unstamped\r\r\n`,
  );
  t.deepEqual(
    signs.filter(({ name }) => name === 'kernel-oops').map(({ detail }) => detail),
    ['BUG: new', 'BUG: unstamped'],
  );
});

const troubles = (text: string) =>
  read(text)
    .signs.filter(({ kind }) => kind === 'trouble')
    .map(({ name, domid }) => [name, domid]);

test('a kernel that starts twice in one domain has restarted, one that `dmesg` shows has not', t => {
  const start = '[    0.000000] Booting Linux on physical CPU 0x0000000000\r\r\n';
  const xen = '(XEN) Xen version 4.22\r\n(XEN) Freed 4kB init memory.\r\n';
  t.deepEqual(troubles(`${xen}${start}[    1.000000] a\r\r\n${start}`), [['kernel-restarts', 0]]);
  t.deepEqual(troubles(`${xen}${start}[    1.000000] a\r\r\n~ # dmesg\r\r\n${start}~ # `), []);
  t.deepEqual(troubles(`${xen}${start}(XEN) DOM1: ${start}`), []);
  t.deepEqual(troubles(`${xen}(XEN) DOM1: ${start}(XEN) DOM1: ${start}`), [['kernel-restarts', 1]]);
});

test('U-Boot that resets the board says so', t => {
  const { signs } = read('\r\nU-Boot 2025.07 (Jul)\r\n=> reset\r\nresetting ...\r\n');
  t.deepEqual(
    signs.map(({ name }) => name),
    ['u-boot-banner', 'u-boot-resets'],
  );
});
