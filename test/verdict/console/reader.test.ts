import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import * as fc from 'fast-check';
import type { TalkerLine } from '../../../src/verdict/console/line.ts';
import { ConsoleReader } from '../../../src/verdict/console/reader.ts';
import type { SignSeen } from '../../../src/verdict/console/sign.ts';
import { caseDirectories, corpora } from '../../corpus/cases.ts';

const fixture = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/console/${name}`, import.meta.url)));
const bytes = (text: string) => new TextEncoder().encode(text);

function read(input: Uint8Array | string, cuts: readonly number[] = []) {
  const lines: TalkerLine[] = [];
  const signs: SignSeen[] = [];
  const answers: string[] = [];
  const reader = new ConsoleReader({
    line: line => lines.push(line),
    sign: sign => signs.push(sign),
    query: ({ answer }) => answers.push(answer),
  });
  const all = typeof input === 'string' ? bytes(input) : input;
  const places = [0, ...cuts.toSorted((a, b) => a - b), all.length];
  places.slice(1).forEach((end, index) => reader.feed(all.subarray(places[index], end), 0));
  reader.end(0);
  return { reader, lines, signs, answers };
}

const brief = (lines: readonly TalkerLine[]) =>
  lines.map(({ talker, domid, text }) => `${talker}${domid ?? ''}: ${text}`);

test('a line of Xen inside a line of Dom0 is cut out, and the torn line put together again', t => {
  const { lines } = read(
    '(XEN) Freed 400kB init memory.\r\n' +
      '[    1.050881] A(XEN) DOM1: [    0.000000] GICv3: CPU0\r\r\n' +
      'ppArmor: AppArmo(XEN) d1v0: vGICR: SGI: unhandled\r\n' +
      'r initialized\r\r\n',
  );
  t.deepEqual(brief(lines), [
    'xen: Freed 400kB init memory.',
    'linux1: GICv3: CPU0',
    'xen: d1v0: vGICR: SGI: unhandled',
    'linux0: AppArmor: AppArmor initialized',
  ]);
  t.is(lines.at(-1)?.number, 2, 'the line in which it began');
  t.is(lines.at(-1)?.stamp, 1.050881);
});

const intrusion = 'NOTICE:  SCMI: agent 0, protocol 0x10, message 0x3\r\n';
const tornLines: readonly {
  readonly name: string;
  readonly log: string;
  readonly lines: readonly string[];
}[] = [
  {
    name: 'a line of Xen',
    log: `(XEN) scmi: SCMI agent${intrusion}s registered: 3\r\n(XEN) next\r\n`,
    lines: ['tf-a: *', 'xen: scmi: SCMI agents registered: 3', 'xen: next'],
  },
  {
    name: 'a line of Xen, twice',
    log: `(XEN) a${intrusion}b${intrusion}c\r\n`,
    lines: ['tf-a: *', 'tf-a: *', 'xen: abc'],
  },
  {
    name: 'a line of Xen, by two lines in a row',
    log: `(XEN) a${intrusion}${intrusion}bc\r\n`,
    lines: ['tf-a: *', 'tf-a: *', 'xen: abc'],
  },
  {
    name: "a line of Xen's just before its end",
    log: `(XEN) abc${intrusion}\r\n(XEN) next\r\n`,
    lines: ['tf-a: *', 'xen: abc', 'xen: next'],
  },
  {
    name: 'a line of a domain that Xen shows',
    log: `(XEN) DOM1: [    0.1] arm-${intrusion}scmi\r\r\n`,
    lines: ['tf-a: *', 'linux1: arm-scmi'],
  },
  {
    name: 'a line of Xen whose rest never comes',
    log: `(XEN) a${intrusion}(XEN) next\r\n`,
    lines: ['tf-a: *', 'xen: a', 'xen: next'],
  },
];

for (const { name, log, lines: expected } of tornLines) {
  test(`${name}, torn by the firmware, is put together again`, t => {
    const { lines } = read(log);
    t.deepEqual(
      brief(lines),
      expected.map(text => text.replace('*', intrusion.trim())),
    );
    // A whole line tells the place of its rest; an incomplete one tells that it has no end.
    const first = lines.find(({ talker }) => talker !== 'tf-a');
    t.is(first?.number, 1);
    t.not(first?.restIn === undefined, first?.unterminated === undefined);
  });
}

test('text of firmware behind a line of Xen that has no newline tears nothing', t => {
  const message = 'scmi: could not assign dev for d0 agent:0 dev_id:7 (-13)';
  t.deepEqual(brief(read(`(XEN) ${message}${intrusion}dom0# \r\n`).lines).slice(0, 2), [
    `xen: ${message}`,
    `tf-a: ${intrusion.trim()}`,
  ]);
});

for (const banner of ['U-Boot 2023.04 (Oct 04 2024)', 'RPi: BOOTSYS release VERSION:6947']) {
  test(`"${banner}" is never the rest of a line of Xen`, t => {
    const { lines } = read(`(XEN) Freed 4k${intrusion}${banner}\r\n`);
    t.deepEqual(
      lines.map(({ text }) => text),
      [intrusion.trim(), 'Freed 4k', banner],
    );
    t.true(lines[1]?.unterminated);
  });
}

const badPrefixes = [
  'XEN) ',
  '(EN) ',
  '(XN) ',
  '(XE) ',
  '(XEN ',
  '(XEN)',
  '((XEN) ',
  '(XXEN) ',
  '(XEEN) ',
  '(XENN) ',
  '(XEN)) ',
];

test("a line is Xen's though its prefix lacks a character, or has one twice, and it says so", t => {
  for (const prefix of badPrefixes) {
    const { lines } = read(`(XEN) Xen version 4.22\r\n${prefix}scmi: one\r\n(XEN) two\r\n`);
    t.deepEqual(brief(lines), ['xen: Xen version 4.22', 'xen: scmi: one', 'xen: two'], prefix);
    t.deepEqual(
      lines.map(({ damaged }) => damaged),
      [undefined, true, undefined],
      prefix,
    );
  }
});

test('a board that starts again in the middle of a line of Xen has torn nothing', t => {
  const { lines } = read('(XEN) Freed 4kNOTICE:  BL31: v2.7(release)\r\nU-Boot 2023.04\r\n');
  t.deepEqual(brief(lines), [
    'xen: Freed 4k',
    'tf-a: NOTICE:  BL31: v2.7(release)',
    'u-boot: U-Boot 2023.04',
  ]);
});

test('a prompt stays a prompt when Xen writes behind it, and what is typed later belongs to it', t => {
  const reader = new ConsoleReader({});
  reader.feed(bytes('(XEN) Freed 4kB init memory.\r\ndom0# \u001b[6n(XEN) scmi: Free domain 1\r\n'), 0);
  t.deepEqual(reader.tails(), [{ talker: 'linux', domid: 0, text: 'dom0# ', number: 2 }]);
  reader.feed(bytes('xl list\r\r\n'), 1);
  t.is(reader.lastLines(1)[0]?.text, 'dom0# xl list');
});

test('a message of Xen that lacks its newline is told from what is glued to it', t => {
  const boot = read(
    '(XEN) scmi: could not assign dev for d0 agent:0 dev_id:7 (-13)Device tree generation failed (-13).\r\n',
  );
  t.deepEqual(brief(boot.lines), [
    'xen: scmi: could not assign dev for d0 agent:0 dev_id:7 (-13)',
    'xen: Device tree generation failed (-13).',
  ]);
  const running = read(
    '(XEN) Xen version 4.22\r\n(XEN) Freed 4kB init memory.\r\n' +
      '(XEN) scmi: could not assign dev for d1 agent:2 dev_id:7 (-13)assign dom1 -> -1\r\r\n' +
      'dom0# assign 5\r\r\n<3>sci: assign device /acdev5 to d1\r\n',
  );
  t.deepEqual(brief(running.lines).slice(2), [
    'xen: scmi: could not assign dev for d1 agent:2 dev_id:7 (-13)',
    'linux0: assign dom1 -> -1',
    'linux0: dom0# assign 5',
    'xen: sci: assign device /acdev5 to d1',
  ]);
});

test("Xen's own lines are told from Dom0 printing them again, and from a guest that has the input", t => {
  const { lines } = read(
    '(XEN) Xen version 4.22\r\n(XEN) Freed 4kB init memory.\r\n' +
      'dom0# xl dmesg\r\r\n(XEN) scmi: Got agent count 4\r\r\n' +
      "(XEN) *** Serial input to DOM1 (type 'CTRL-a' three times to switch input)\r\n(XEN) hello\r\r\n",
  );
  t.deepEqual(brief(lines).slice(2), [
    'linux0: dom0# xl dmesg',
    'linux0: (XEN) scmi: Got agent count 4',
    "xen: *** Serial input to DOM1 (type 'CTRL-a' three times to switch input)",
    'linux1: hello',
  ]);
});

test('each stage of a boot is known by its text', t => {
  const { lines } = read(fixture('v4h-boot.log'));
  const talkers = lines.map(({ talker }) => talker).filter((talker, at, all) => talker !== all[at - 1]);
  t.deepEqual(talkers, ['tf-a', 'u-boot', 'xen', 'linux']);
});

test('the signs of a boot come in order, each once, and no restart is seen in it', t => {
  const { signs } = read(fixture('v4h-boot.log'));
  t.deepEqual(
    signs.map(({ name }) => name),
    [
      'bl2-banner',
      'bl31-banner',
      'u-boot-banner',
      'u-boot-autoboot',
      'handover',
      'xen-bare-banner',
      'xen-banner',
      'xen-loads-dom0',
      'xen-booted',
      'dom0-kernel',
    ],
  );
  t.deepEqual(
    read(fixture('rpi5-boot.log')).signs.map(({ name }) => name),
    [
      'rpi-bootsys-banner',
      'cold-boot',
      'eeprom-link',
      'eeprom-link',
      'eeprom-dhcp',
      'handover',
      'bl31-banner',
      'xen-bare-banner',
      'xen-banner',
      'xen-loads-dom0',
      'xen-booted',
      'dom0-kernel',
    ],
  );
});

for (const { what, said, expected } of [
  {
    what: 'a panic of Xen comes with its message, and the restart that follows is announced',
    said:
      '(XEN) Xen version 4.22\r\n(XEN) ****\r\n(XEN) Panic on CPU 0:\r\n(XEN) Error creating domain 0 (rc = -17)\r\n' +
      '(XEN) Reboot in five seconds...\r\nNOTICE:  BL1: v2.10\r\n',
    expected: ['xen-panic Error creating domain 0 (rc = -17)', 'reset xen-reboots'],
  },
  {
    what: 'a panic whose message never came is a panic all the same',
    said: '(XEN) Panic on CPU 0:\r\n',
    expected: ['xen-panic '],
  },
  {
    what: 'a banner of firmware out of the middle of a Linux line is a reset',
    said: '[    9.000000] eth0: link NOTICE:  BL31: v2.7(release)\r\n',
    expected: ['reset '],
  },
  {
    what: 'BL31 that an U-Boot at EL3 has loaded is no reset, but the next one is',
    said:
      "\r\nU-Boot 2025.07 (Jan)\r\n=> bootm\r\n   Trying 'tfa-bl31-1' loadables subimage\r\n\r\nStarting kernel ...\r\n" +
      '\r\nNOTICE:  BL31: v2.14(release)\r\n(XEN) Xen version 4.22\r\nNOTICE:  BL31: v2.14(release)\r\n',
    expected: ['reset '],
  },
  {
    what: 'a second banner of U-Boot is a reset',
    said: '\r\nU-Boot 2023.01 (Jan)\r\n=> \r\n\r\nU-Boot 2023.01 (Jan)\r\n',
    expected: ['reset '],
  },
  {
    what: 'a banner that was asked for is none',
    said:
      '\r\nU-Boot 2023.01 (Jan)\r\n=> version\r\nU-Boot 2023.01 (Jan)\r\n(XEN) Xen version 4.22\r\n' +
      "(XEN) 'h' pressed -> showing installed handlers\r\n(XEN) Xen version 4.22\r\n",
    expected: [],
  },
  {
    what: 'Linux, U-Boot and EL3 each have their way to fail',
    said:
      'U-Boot 2023.01\r\n"Synchronous Abort" handler, esr 0x96000010\r\nresetting ...\r\nNOTICE:  BL31: v2\r\n' +
      '(XEN) Xen version 4\r\n[    1.000000] Kernel panic - not syncing: VFS\r\nPANIC in EL3.\r\n',
    expected: [
      'synchronous-abort "Synchronous Abort" handler, esr 0x96000010',
      'reset u-boot-resets',
      'kernel-panic VFS',
      'el3-panic PANIC in EL3',
    ],
  },
]) {
  test(what, t => {
    const fatal = read(said).signs.filter(({ kind }) => kind === 'fatal' || kind === 'reset');
    t.deepEqual(
      fatal.map(({ name, detail }) => `${name} ${detail ?? ''}`),
      expected,
    );
  });
}

for (const [what, said, after] of [
  ['nothing', 'Linux is well', undefined],
  ["an oops of Dom0's kernel", 'Internal error: Oops: 96000004', 'kernel-oops'],
  ["a panic of Dom0's kernel", 'Kernel panic - not syncing: VFS', 'kernel-panic'],
] as const) {
  test(`a restart after ${what} says so`, t => {
    const { signs } = read(
      `(XEN) Xen version 4.22\r\n[    1.000000] ${said}\r\nNOTICE:  BL31: v2\r\n(XEN) Xen version 4.22\r\nNOTICE:  BL31: v2\r\n`,
    );
    const resets = signs.filter(({ kind }) => kind === 'reset');
    t.deepEqual(
      resets.map(each => each.after),
      [after, undefined],
    );
  });
}

test('after power-on every banner is due again', t => {
  const signs: string[] = [];
  const reader = new ConsoleReader({ sign: ({ name }) => signs.push(name) });
  reader.feed(bytes('NOTICE:  BL31: v2\r\n(XEN) Xen version 4\r\n[    1.000000] half a li'), 0);
  reader.powerOn(1);
  reader.feed(bytes('NOTICE:  BL31: v2\r\n'), 2);
  t.deepEqual(signs, ['bl31-banner', 'xen-banner', 'bl31-banner']);
});

test('however the bytes are cut, lines, signs and questions are the same', t => {
  const log = new Uint8Array([...fixture('v4h-boot.log'), ...fixture('torn.log')]);
  const whole = read(log);
  t.true(whole.lines.length > 50);
  fc.assert(
    fc.property(fc.array(fc.nat(log.length), { maxLength: 200 }), cuts => {
      const pieces = read(log, cuts);
      t.deepEqual(pieces.lines, whole.lines);
      t.deepEqual(pieces.signs, whole.signs);
      t.is(pieces.answers.length, whole.answers.length);
    }),
    { numRuns: 60 },
  );
  const single = read(log, Array.from(log.keys()));
  t.deepEqual(single.lines, whole.lines);
  t.deepEqual(single.signs, whole.signs);
});

test('no bytes make it fail, and none are kept for ever', t => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 20 }), pieces => {
      const reader = new ConsoleReader({});
      for (const piece of pieces) reader.feed(piece, 0);
      reader.end(0);
      t.deepEqual(reader.tails(), []);
    }),
    { numRuns: 200 },
  );
});

test('invalid UTF-8 and control characters leave the rest of the line readable', t => {
  const { lines } = read(Uint8Array.of(0x5b, 0xff, 0xfe, 0x00, 0x61, 0x07, 0xc3, 0xa4, 0x0d, 0x0a));
  t.is(lines[0]?.text, '[\ufffd\ufffdaä');
});

test('a megabyte without newline is handed out in pieces of bounded length', t => {
  const { lines, reader } = read(new Uint8Array(1 << 20).fill(0x78));
  t.is(lines.length, 128);
  t.true(lines.every(({ text, unterminated }) => text.length === 8192 && unterminated === true));
  t.true(reader.since({ lines: 0, open: undefined }).length <= 128);
});

test('the memory of a long run is bounded', t => {
  const reader = new ConsoleReader({}, { history: 10_000 });
  for (let at = 0; at < 5000; at++) reader.feed(bytes(`line ${at} of many\r\n`), at);
  const kept = reader.since({ lines: 0, open: undefined });
  t.true(kept.length < 200);
  t.is(kept.at(-1)?.text, 'line 4999 of many');
});

test('backspaces, carriage returns and escape sequences show what a person would see', t => {
  const { lines, answers } = read(
    'Hit any key to stop autoboot:  2 \b\b\b 1 \b\b\b 0 \r\n10%\r100%\r\n\u001b7\u001b[r\u001b[999;999H\u001b[6n\u001b8No EFI\r\n\u001b[1;31mred\u001b[0m\r\n\u001b]0;title\u0007shown\r\n',
  );
  t.deepEqual(
    lines.map(({ text }) => text),
    ['Hit any key to stop autoboot:  0 ', '100%', 'No EFI', 'red', 'shown'],
  );
  t.deepEqual(answers, ['\u001b[24;80R']);
});

test('a question about the cursor is reported at once, with the column in which it stands', t => {
  const answers: string[] = [];
  const reader = new ConsoleReader({ query: ({ answer }) => answers.push(answer) });
  reader.feed(bytes('~ # \u001b'), 0);
  reader.feed(bytes('[6'), 0);
  t.deepEqual(answers, []);
  reader.feed(bytes('n'), 0);
  t.deepEqual(answers, ['\u001b[24;5R']);
});

const prompt = { name: 'prompt', on: 'prompt', pattern: /^=> $/ } as const;

test('a prompt is found however it was split, and if it was there before anybody looked', t => {
  const found: string[] = [];
  const reader = new ConsoleReader({});
  reader.expect([prompt], ({ name }) => found.push(`${name} split`));
  for (const piece of ['\r\n', '=', '>', ' ']) reader.feed(bytes(piece), 0);
  reader.expect([prompt], ({ name }) => found.push(`${name} there`));
  t.deepEqual(found, ['prompt split', 'prompt there']);
});

test('from a mark only what was said later counts', t => {
  const found: string[] = [];
  const reader = new ConsoleReader({});
  reader.feed(bytes('done\r\n=> '), 0);
  const mark = reader.mark();
  const lines = [{ name: 'done', on: 'line', pattern: /^done/ } as const, prompt];
  const wait = reader.expect(lines, ({ name, t: at }) => found.push(`${name} ${at}`), mark);
  reader.feed(bytes('setenv a b'), 1);
  t.true(wait.active);
  reader.feed(bytes('\r\n=> '), 2);
  t.deepEqual(found, ['prompt 2']);
  t.is(wait.match?.talker, 'unknown');
  reader.expect(lines, ({ text }) => found.push(text), { lines: 0, open: undefined });
  t.deepEqual(found, ['prompt 2', 'done']);
});

test('a prompt is found though a kernel message was written behind it before anybody looked', t => {
  const reader = new ConsoleReader({});
  const wait = reader.expect([{ name: 'shell', on: 'prompt', pattern: /^dom0# $/ }], () => undefined);
  reader.feed(bytes('dom0# [   13.4] random: crng init done\r\r\n'), 0);
  t.is(wait.match?.name, 'shell');
});

test('a wait that is cancelled finds nothing; one for a talker hears no other', t => {
  const reader = new ConsoleReader({});
  const pattern = { name: 'free', on: 'line', pattern: /Free domain (\d+)/, talkers: ['xen'] } as const;
  const cancelled = reader.expect([pattern], () => t.fail());
  cancelled.cancel();
  const wait = reader.expect([pattern], () => undefined);
  reader.feed(bytes('Free domain 1\r\n(XEN) scmi: Free domain 2\r\n'), 0);
  t.deepEqual(wait.match?.groups, ['2']);
});

const cases = caseDirectories();
const logOf = (directory: string) => readFileSync(path.join(directory, 'console.log'));
(cases.length === 0 ? test.skip : test)("corpus: real logs give Xen's lines to Xen, and nothing else", t => {
  for (const { name, directory } of cases) {
    const log = logOf(directory);
    const { lines } = read(new Uint8Array(log));
    const xen = lines.filter(({ talker }) => talker === 'xen');
    // Independent of the reader: Xen's lines end in one carriage return, a domain's in two.
    const expected =
      log.toString('latin1').match(/\(XEN\) (?!DOM\d+: )[^\r\n]*?(?=\r\n|\(XEN\) |Device tree gen|xcdt )/g) ??
      [];
    const unprefixed = lines.filter(({ text }) => /^(?:Xen 4\.|sci: assign device .*dev)/.test(text)).length;
    t.true(xen.length >= expected.length, `${name}: ${xen.length} of ${expected.length}`);
    t.true(xen.length <= expected.length + unprefixed + 1, `${name}: ${xen.length} of ${expected.length}`);
    const foreign = xen.filter(({ text }) => /CASE|^\[ |\/sys\/|xcdt|^rc=/.test(text));
    t.deepEqual(foreign, [], name);
    const torn = lines.filter(({ talker, text }) => talker === 'linux' && text.includes('(XEN)'));
    t.deepEqual(
      torn.filter(() => name !== 'y-xl-dmesg' && name !== 'y-xl-verbose'),
      [],
      name,
    );
    t.deepEqual(
      lines.filter(({ talker, text }) => talker === 'unknown' && text !== ''),
      [],
      name,
    );
  }
});

(cases.length === 0 ? test.skip : test)(
  'corpus: every domain says each line of its kernel in the order of its time stamps',
  t => {
    for (const { name, directory } of cases) {
      const { lines } = read(new Uint8Array(logOf(directory)));
      const last = new Map<number, number>();
      let again = 0;
      for (const { domid, stamp, text } of lines) {
        if (domid === undefined || stamp === undefined) continue;
        if (stamp < (last.get(domid) ?? 0)) again++;
        else last.set(domid, stamp);
        t.notRegex(text, /^\d*\.\d{6}\]/, name);
      }
      t.true(again < 40 || name.startsWith('z-dom0-reboot') || name.startsWith('t-'), `${name}: ${again}`);
    }
  },
);

(cases.length === 0 ? test.skip : test)(
  'corpus: U-Boot transcripts have each stage once, and a reset only where the board was started twice',
  t => {
    const directory = path.join(corpora[0] ?? '', 'uboot');
    for (const name of readdirSync(directory)) {
      const { lines, signs } = read(new Uint8Array(readFileSync(path.join(directory, name))));
      const seen = signs.map(sign => sign.name);
      const boots = name === 'live-uboot.log' ? 2 : 1;
      t.is(seen.filter(sign => sign === 'u-boot-autoboot').length, boots, name);
      t.is(seen.filter(sign => sign === 'reset').length, boots - 1, name);
      t.is(seen.includes('handover'), seen.includes('dom0-kernel'), name);
      t.deepEqual(
        lines.filter(({ talker, text }) => talker === 'unknown' && text !== ''),
        [],
        name,
      );
    }
  },
);

test('on a line that one talker has to itself all is its, whatever it looks like', t => {
  const lines: TalkerLine[] = [];
  const signs: SignSeen[] = [];
  const reader = new ConsoleReader(
    { line: line => lines.push(line), sign: sign => signs.push(sign) },
    { alone: 'tf-a' },
  );
  reader.feed(
    bytes('SCMI: smc 0x82000002\r\n(XEN) copied\r\n[    1.0] U-Boot 2023.01\r\nPANIC at EL3: v'),
    0,
  );
  t.deepEqual(reader.tails(), [{ talker: 'tf-a', text: 'PANIC at EL3: v', number: 4 }]);
  reader.end(0);
  t.deepEqual(brief(lines), [
    'tf-a: SCMI: smc 0x82000002',
    'tf-a: (XEN) copied',
    'tf-a: [    1.0] U-Boot 2023.01',
    'tf-a: PANIC at EL3: v',
  ]);
  t.deepEqual(
    signs.map(({ name }) => name),
    ['el3-panic'],
  );
});
