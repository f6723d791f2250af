import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { loadBoardType } from '../../src/board/board-types.ts';
import { stdoutAddress } from '../../src/model/dt/stdout.ts';
import { writeFlat } from '../../src/model/dt/flat.ts';
import { parseSource } from '../../src/model/dt/source.ts';
import { bootScenario } from '../../src/scenario/load.ts';
import {
  type Answer,
  answerOf,
  channelOf,
  lengthOf,
  type Question,
  sequences,
} from '../fixtures/scmi/vectors.ts';
import {
  canBoot,
  isInstalled,
  makeFirmware,
  powerOn,
  skipped,
  uBoot,
  waitFor,
  withEl3Firmware,
} from './machine.ts';

const directory = canBoot ? mkdtempSync(join(tmpdir(), 'probe-')) : undefined;
const testBoot = directory === undefined ? test.skip : test.serial;
const at = (file: string): string => join(directory ?? '', file);
const [el3, image] = [at('qemu-virt/el3/el3.bin'), at('probe/probe')];

test.before(t => {
  t.timeout(60_000);
  if (directory === undefined) return;
  makeFirmware('qemu-virt/el3', directory);
  makeFirmware('probe', directory);
});
test.after.always(() => {
  if (directory !== undefined) rmSync(directory, { recursive: true });
});

/** A machine on whose console the probe is. */
class Probe {
  readonly machine: ReturnType<typeof powerOn>;
  #tag = 0;
  #read = 0;

  constructor(t: ExecutionContext, options: readonly string[], within?: number) {
    this.machine = powerOn(t, options, within);
  }

  /** Sends lines without waiting in between; what was answered to each, without its tag. */
  async ask(...commands: readonly string[]): Promise<string[]> {
    const first = this.#tag + 1;
    this.#tag += commands.length;
    const lines = commands.map((command, index) => `#${first + index} ${command}\n`);
    this.machine.qemu.stdin.write(lines.join(''));
    const answers: string[] = [];
    for (const tag of commands.keys()) answers.push(await this.next(`probe: #${first + tag} `));
    return answers;
  }

  /** Waits for the next line of the console, which has this text at its start; the rest of it. */
  async next(start: string): Promise<string> {
    const { text } = this.machine;
    await waitFor(this.machine, '\n', this.#read);
    const end = text.value.indexOf('\n', this.#read);
    const line = text.value.slice(this.#read, end);
    this.#read = end + 1;
    if (!line.startsWith(start)) throw new Error(`the console has ${line} where ${start} was expected`);
    return line.slice(start.length);
  }
}

async function powerProbe(t: ExecutionContext, name: string, ...options: readonly string[]): Promise<Probe> {
  const machine = withEl3Firmware(el3, image, at(`${name}.log`));
  const probe = new Probe(t, [...machine, ...options]);
  await probe.next('probe: ready version=1 el=2 uart=0x9000000 conduit=smc');
  return probe;
}

const firmwareLog = (name: string): string[] => readFileSync(at(`${name}.log`), 'latin1').split('\r\n');
const protocolVersion = '0x47ff1000 0x82000003 00400000';

testBoot(`every command is carried out at EL2${skipped}`, async t => {
  const probe = await powerProbe(t, 'commands');
  t.deepEqual(
    await probe.ask(
      'smc 0x84000000',
      'smc 0x8400000a 0x84000003 2 3',
      'smc 0x82000010 1 2 3 4 5 6 18446744073709551615',
      'read 0x47ff1000 2',
      'write 0x50000000 1 0xffffffff 0xABCdef',
      'read 0x50000000 4',
      `scmi ${protocolVersion}`,
      'scmi 0x47ff1000 0x82000003 0040000011',
      'scmi 0x47ff1000 0x82000010 00400000',
      'read 0x47ff1004 1',
    ),
    [
      'ok x0=0x10001 x1=0x0 x2=0x0 x3=0x0',
      'ok x0=0x0 x1=0x84000003 x2=0x2 x3=0x3',
      'ok x0=0xffffffffffffffff x1=0x1 x2=0x2 x3=0x3',
      'ok 0x00000000 0x00000001',
      'ok',
      'ok 0x00000001 0xffffffff 0x00abcdef 0x00000000',
      'ok x0=0x0 status=0x1 length=12 reply=004000000000000000000200',
      'ok x0=0x0 status=0x1 length=8 reply=00400000f6ffffff',
      'ok x0=0xffffffffffffffff status=0x0 length=4 reply=00400000',
      'ok 0x00000000',
    ],
  );
  const [loop = ''] = await probe.ask(`loop 100 0x47ff2000 0x82000004 00400000`);
  t.regex(loop, /^ok count=100 failed=0 ticks=0x[0-9a-f]+ frequency=62500000$/);
  const [denied = ''] = await probe.ask('loop 3 0x47ff2000 0x82000004 0b4000000300000000000000');
  t.regex(denied, /^ok count=3 failed=3 /);
  const log = firmwareLog('commands').filter(line => line.includes('agent 2 proto 0x10 msg 0x0'));
  t.is(log.length, 100);
  t.deepEqual(await probe.ask('off'), ['ok']);
  t.is(await probe.machine.exit, 0);
});

const refused: readonly (readonly [command: string, answer: string])[] = [
  ['', 'error words: unknown command'],
  ['reset', 'error words: unknown command'],
  ['smc', 'error words: too few'],
  ['smc 1 2 3 4 5 6 7 8 9', 'error words: too many'],
  ['read 0x47ff1000', 'error words: too few'],
  ['read 0x47ff1000 1 1', 'error words: too many'],
  ['read 0x47ff1000 0', 'error count: 1 to 64'],
  ['read 0x47ff1000 65', 'error count: 1 to 64'],
  ['read 0x47ff1002 1', 'error address: a multiple of 4'],
  ['write 0x47ff1000', 'error words: too few'],
  [`write 0x50000000 ${'1 '.repeat(64)}1`, 'error words: too many'],
  [`write 0x50000000 ${'1 '.repeat(640)}1`, 'error line: 1023 characters at most'],
  ['write 0x50000000 0x100000000', 'error number: a word has 32 bits'],
  ...['0x', 'x1', '1f', '0x1g', '-1', '', '18446744073709551616', '0x10000000000000000'].map(
    word =>
      [
        `smc 0x84000000 ${word}`,
        'error number: hexadecimal with 0x, or decimal, of 64 bits at most',
      ] as const,
  ),
  ...['00', '0040000', '004000zz', 'ab'.repeat(105)].map(
    message =>
      [
        `scmi 0x47ff1000 0x82000003 ${message}`,
        'error message: 4 to 104 bytes in hexadecimal digits',
      ] as const,
  ),
  ['loop 0x100000000 0x47ff1000 0x82000003 00400000', 'error number: a word has 32 bits'],
];

testBoot(`a line that is no command is refused with the reason, and touches nothing${skipped}`, async t => {
  const probe = await powerProbe(t, 'refused');
  t.deepEqual(
    await probe.ask(...refused.map(([command]) => command)),
    refused.map(([, answer]) => answer),
  );
  t.deepEqual(await probe.ask('read 0x50000000 2'), ['ok 0x00000000 0x00000000']);
  const untagged = ['smc 0x84000000', '#', '#x smc 0x84000000', '#12345678901 smc 0x84000000', ' '];
  probe.machine.qemu.stdin.write(untagged.map(line => `${line}\n`).join(''));
  for (const _ of untagged) t.is(await probe.next('probe: error tag: '), '# and up to 10 decimal digits');
  probe.machine.qemu.stdin.write('\n\r\n\r#007 smc 0x84000000\r\n');
  for (const _ of [1, 2, 3]) await probe.next('probe: ready ');
  t.is(await probe.next('probe: #007 '), 'ok x0=0x10001 x1=0x0 x2=0x0 x3=0x0');
  t.false(firmwareLog('refused').some(line => line.includes('SCMI: smc')));
});

testBoot(`an exception ends its command, not the probe${skipped}`, async t => {
  const probe = await powerProbe(t, 'faults');
  const answers = await probe.ask(
    'read 0xfff00000000 1',
    'write 0xfff00000004 1',
    // Secure RAM, and over the end of RAM.
    'read 0xe000000 1',
    'read 0xbffffffc 2',
    'hvc 0x84000000',
    'scmi 0xfff00000000 0x82000003 00400000',
    'loop 5 0xfff00000000 0x82000003 00400000',
    'smc 0x84000000',
  );
  const [classes, addresses] = [/^fault esr=0x([0-9a-f]{8})/, /far=(0x[0-9a-f]+)$/].map(pattern =>
    answers.slice(0, -1).map(answer => pattern.exec(answer)?.[1] ?? answer),
  );
  const dataAbort = 0x25;
  const hvc = 0x16;
  t.deepEqual(
    classes?.map(syndrome => Number.parseInt(syndrome, 16) >>> 26),
    [dataAbort, dataAbort, dataAbort, dataAbort, hvc, dataAbort, dataAbort],
  );
  t.deepEqual(addresses, [
    '0xfff00000000',
    '0xfff00000004',
    '0xe000000',
    '0xc0000000',
    '0x0',
    '0xfff00000004',
    '0xfff00000004',
  ]);
  t.is(answers.at(-1), 'ok x0=0x10001 x1=0x0 x2=0x0 x3=0x0');
});

testBoot(
  `a channel that stays busy is told, and is free again when somebody writes so${skipped}`,
  async t => {
    const stuck = ['-device', 'loader,addr=0x47fff000,data=0x8,data-len=4'];
    const probe = await powerProbe(t, 'stuck', ...stuck);
    const send = `scmi ${protocolVersion}`;
    const answer = 'ok x0=0x0 status=0x0 length=12 reply=004000000000000000000200';
    t.deepEqual(await probe.ask(send, send, `loop 2 ${protocolVersion}`, 'write 0x47ff1004 1', send), [
      answer,
      'error channel busy',
      'error channel busy',
      'ok',
      answer,
    ]);
  },
);

testBoot(`a wrong length and a doorbell while free are made of write, smc and read${skipped}`, async t => {
  const probe = await powerProbe(t, 'made');
  const areas: readonly (readonly [channel: number, length: number, after: number])[] = [
    [0, 0, 0x3],
    [0, 105, 0x3],
    [1, 4, 0x3],
    [0, 4, 0x1],
  ];
  for (const [channel, length, after] of areas) {
    const area = `write 0x47ff2000 0 ${channel} 0 0 0 ${length} 0x4000 0`;
    t.deepEqual(await probe.ask(area, 'smc 0x82000004', 'read 0x47ff2004 1'), [
      'ok',
      'ok x0=0x0 x1=0x0 x2=0x0 x3=0x0',
      `ok 0x0000000${after}`,
    ]);
  }
});

testBoot(`U-Boot's booti starts it, where it was loaded${skipped}`, async t => {
  const machine = withEl3Firmware(el3, uBoot, at('u-boot.log'));
  const { qemu, text, exit } = powerOn(t, [
    ...machine,
    '-device',
    `loader,file=${image},addr=0x50200000,force-raw=on`,
  ]);
  await waitFor({ qemu, text, exit }, 'Hit any key');
  qemu.stdin.write(' ');
  await waitFor({ qemu, text, exit }, '\n=> ');
  qemu.stdin.write('booti 0x50200000 - 0x40000000\n');
  await waitFor({ qemu, text, exit }, 'probe: ready version=1 el=2 uart=0x9000000 conduit=smc\n');
  qemu.stdin.write(`#1 scmi ${protocolVersion}\n`);
  await waitFor(
    { qemu, text, exit },
    'probe: #1 ok x0=0x0 status=0x1 length=12 reply=004000000000000000000200\n',
  );
  // Its first instruction, a branch: nobody has moved it.
  const branch = readFileSync(image).readUInt32LE().toString(16).padStart(8, '0');
  qemu.stdin.write('#2 read 0x50200000 1\n#3 off\n');
  await waitFor({ qemu, text, exit }, `probe: #2 ok 0x${branch}\n`);
  t.is(await exit, 0);
});

/** QEMU as the hypervisor of a guest at EL1, which has no EL3. */
const powerGuest = (t: ExecutionContext, ...options: readonly string[]): Probe =>
  new Probe(t, ['-machine', 'virt', '-kernel', image, ...options]);

testBoot(`at EL1 it calls its hypervisor, and survives a call that is undefined${skipped}`, async t => {
  const probe = powerGuest(t);
  await probe.next('probe: ready version=1 el=1 uart=0x9000000 conduit=hvc');
  const answers = await probe.ask('hvc 0x84000000', 'smc 0x84000000', 'read 0xfff00000000 1', 'off');
  t.regex(answers[0] ?? '', /^ok x0=0x1000[0-9] x1=0x0 x2=0x0 x3=0x0$/);
  t.deepEqual(answers.slice(1), [
    'fault esr=0x2000000 far=0x0',
    'fault esr=0x96000010 far=0xfff00000000',
    'ok',
  ]);
  t.is(await probe.machine.exit, 0);
});

/** The machine's UART, as trees may describe it; `others` come before it. */
const treeWithUart = (stdout: string, others = ''): string => `/dts-v1/; / {
  #address-cells = <2>; #size-cells = <2>; compatible = "linux,dummy-virt";
  chosen { ${stdout}; };
  aliases { serial0 = "/soc/bus@0/serial@1000"; };
  ${others}
  soc {
    #address-cells = <1>; #size-cells = <1>; ranges = <0x0 0x0 0x7000000 0x100000>, <0x10000000 0x0 0x9000000 0x100000>;
    bus@0 {
      #address-cells = <1>; #size-cells = <1>; ranges = <0x0 0x10000000 0x10000>;
      serial@1000 { compatible = "vendor,uart", "arm,sbsa-uart"; reg = <0x0 0x1000>; };
    };
  };
};`;

const trees: readonly (readonly [title: string, source: string])[] = [
  ['the alias with options that stdout-path names', treeWithUart('stdout-path = "serial0:115200n8"')],
  ['the path that stdout-path names', treeWithUart('stdout-path = "/soc/bus@0/serial@1000"')],
  ['the first one where there is no stdout-path', treeWithUart('bootargs = ""')],
  ['the first one where stdout-path names no UART', treeWithUart('stdout-path = "/chosen"')],
  [
    'the first one that is not disabled, nor on a bus without addresses',
    treeWithUart(
      'bootargs = ""',
      `serial@1 { compatible = "arm,pl011"; reg = <0 1 0 1>; status = "disabled"; };
       dark { #address-cells = <1>; #size-cells = <1>; serial@2 { compatible = "arm,pl011"; reg = <2 1>; }; };`,
    ),
  ],
  [
    'the one that stdout-path names though another comes first',
    treeWithUart(
      'stdout-path = "serial0"',
      `serial@1 { compatible = "arm,pl011"; reg = <0 0x8000000 0 1>; };`,
    ),
  ],
];

for (const [title, source] of trees) {
  testBoot(`its UART is ${title}, its address translated${skipped}`, async t => {
    const blob = at('tree.dtb');
    writeFileSync(blob, writeFlat(parseSource(source)));
    const probe = powerGuest(t, '-dtb', blob);
    t.regex(await probe.next('probe: ready version=1 el=1 '), /^uart=0x9000000 conduit=/);
  });
}

const areaWords = 32;
const free = 1;

/** Commands of a step and the reading of what they were answered. */
interface Plan {
  readonly commands: readonly string[];
  readonly answer: (answers: readonly string[]) => Answer;
}

function planOf(step: Question): Plan {
  const { shmem, functionId } = channelOf(step);
  if (step.functionId === undefined && step.length === undefined && step.channel === undefined) {
    return {
      commands: [
        `write ${shmem} ${[0, free, ...Array<number>(areaWords - 2).fill(0)].join(' ')}`,
        `scmi ${shmem} ${functionId} ${step.message}`,
      ],
      answer: ([, answer = '']) => {
        const [, x0 = '', status, length, reply = ''] =
          /^ok x0=(\S+) status=(\S+) length=(\S+) reply=(.*)$/.exec(answer) ?? [];
        return { x0: signed(x0), status: Number(status), replyLength: Number(length), reply };
      },
    };
  }
  const area = Buffer.alloc(4 * areaWords);
  area.writeUInt32LE(step.channel ?? 0, 4);
  area.writeUInt32LE(lengthOf(step), 20);
  area.write(step.message, 24, 'hex');
  const words = Array.from({ length: areaWords }, (_, word) => area.readUInt32LE(4 * word));
  return {
    commands: [`write ${shmem} ${words.join(' ')}`, `smc ${functionId}`, `read ${shmem} ${areaWords}`],
    answer: ([, call = '', memory = '']) => {
      const after = Buffer.alloc(4 * areaWords);
      for (const [word, value] of memory.split(' ').slice(1).entries())
        after.writeUInt32LE(Number(value), 4 * word);
      const replyLength = after.readUInt32LE(20);
      return {
        x0: signed(/x0=(\S+)/.exec(call)?.[1] ?? ''),
        status: after.readUInt32LE(4),
        replyLength,
        reply: after.subarray(24, 24 + replyLength).toString('hex'),
      };
    },
  };
}

const signed = (x0: string): number => Number(BigInt.asIntN(64, BigInt(x0)));

testBoot(`the firmware answers each vector through the probe as the model does${skipped}`, async t => {
  const within = 120_000;
  const probe = new Probe(t, withEl3Firmware(el3, image, at('vectors.log')), within);
  await probe.next('probe: ready ');
  for (const { title, faults, steps } of sequences) {
    // A reset, which keeps RAM and so the fault word, makes the firmware new.
    await probe.ask(`write 0x47fff000 ${faults}`);
    probe.machine.qemu.stdin.write('#0 smc 0x84000009\n');
    await probe.next('probe: ready ');
    const plans = steps.map(planOf);
    const answers = await probe.ask(...plans.flatMap(({ commands }) => commands));
    let read = 0;
    for (const [index, { commands, answer }] of plans.entries()) {
      const got = answer(answers.slice(read, (read += commands.length)));
      t.deepEqual([got], steps.slice(index, index + 1).map(answerOf), `${title}, step ${index + 1}`);
    }
  }
});

const hasCompiler = isInstalled('gcc');
const withoutCompiler = hasCompiler ? '' : ' (skipped: no gcc)';
const testNatively = hasCompiler ? test : test.skip;
const folderOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Builds a program for the machine that tests, and runs it. */
function native(
  own: string,
  sources: readonly string[],
  folders: readonly string[],
  words: readonly string[],
) {
  const program = join(own, 'program');
  const flags = ['-std=c11', '-Wall', '-Wextra', '-Werror', ...folders.map(each => `-I${folderOf(each)}`)];
  execFileSync('gcc', [...flags, '-o', program, ...sources.map(folderOf)], { timeout: 20_000 });
  return execFileSync(program, words, { encoding: 'utf8', timeout: 5000 });
}

for (const [depth, arriving, received] of [
  [128, 'ab!cdefghijklmnopqrstuvwxyz', 'abc!defghijklmnopqrstuvwxyz'],
  [16, 'ab!cdefghijklmnopqrstuvwxyz', 'abc!defghijklmnop!'],
  [16, '', ''],
] as const) {
  testNatively(
    `on an R-Car's serial port with room for ${depth} it sends all, and tells what of '${arriving}' is damaged${withoutCompiler}`,
    t => {
      t.timeout(30_000);
      const own = mkdtempSync(join(tmpdir(), 'scif-'));
      t.teardown(() => rmSync(own, { recursive: true }));
      const sources = ['native/scif/device.c', '../../firmware/probe/scif.c'];
      const folders = ['native/scif', '../../firmware/probe'];
      const said = 'the quick brown fox jumps over the lazy dog';
      t.is(
        native(own, sources, folders, [String(depth), arriving, said]),
        `sent ${said}, at most 16 waiting, 0 left\nreceived ${received}\n`,
      );
    },
  );
}

for (const [name, found] of [
  ['rpi5', '0x107d001000 arm,pl011 smc'],
  ['rcar-v4h-white-hawk', '0xe6540000 renesas,rcar-gen4-hscif smc'],
  ['rcar-v4h-sparrow-hawk', '0xe6540000 renesas,rcar-gen4-hscif smc'],
  ['qemu-virt', '0x9000000 arm,pl011 smc'],
] as const) {
  testNatively(`in the tree of ${name} it finds the console: ${found}${withoutCompiler}`, t => {
    t.timeout(30_000);
    const own = mkdtempSync(join(tmpdir(), 'platform-'));
    t.teardown(() => rmSync(own, { recursive: true }));
    const { hostTree } = bootScenario(loadBoardType(name));
    writeFileSync(join(own, 'host.dtb'), writeFlat(hostTree));
    t.is(stdoutAddress(hostTree), Number(found.split(' ')[0]));
    const probe = ['platform.c', 'uart.c', 'scif.c', 'text.c'].map(each => `../../firmware/probe/${each}`);
    const common = ['flat_tree.c', 'pl011.c'].map(each => `../../firmware/common/${each}`);
    const folders = ['../../firmware/probe', '../../firmware/common'];
    const sources = ['native/platform.c', ...probe, ...common];
    t.is(native(own, sources, folders, [join(own, 'host.dtb')]), `${found}\n`);
  });
}
