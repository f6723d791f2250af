import test from 'ava';
import { createActor, fromPromise, type SimulatedClock } from 'xstate';
import { boot, type BootPlan } from '../../machines/boot.ts';
import { bootRpi } from '../../machines/boot-rpi.ts';
import { bootUBootWith } from '../../machines/boot-u-boot.ts';
import type { ConsoleEvent } from '../../machines/console-event.ts';
import { power, type PowerState } from '../../machines/power.ts';
import type { TransferEvent } from '../../machines/deploy.ts';
import type { TftpEvent } from '../../src/lab/drivers/tftp/tftp.ts';
import { deadlines, never, settle, simulation, told } from './scripted.ts';

/** A switch that turns at once and says so, and keeps count. */
function switchThatTurns() {
  const turned: string[] = [];
  let state: PowerState = 'off';
  const logic = power.provide({
    actors: {
      switchPower: fromPromise<void, { to: 'on' | 'off' }>(async ({ input }) => {
        turned.push(input.to);
        state = input.to;
      }),
      readPower: fromPromise<PowerState, undefined>(async () => state),
    },
  });
  return { logic, turned };
}

const load = [
  { file: 'xen', address: 0x48200000, size: 300 },
  { file: 'dtb', address: 0x48000000, size: 40 },
];

const uBootPlan: BootPlan['uBoot'] = {
  interrupt: ' ',
  commands: ['setenv a 1', 'setenv b'],
  load,
  start: 'booti 1 - 2',
};

/** A board that is switched on, and whose console, transfers and keyboard are the test's. */
function boardOf(
  plan: BootPlan,
  answers: Readonly<Record<string, string>> = {},
  typing: Promise<void> = Promise.resolve(),
) {
  const { clock, lines, world: silent } = simulation();
  const notes: string[] = [];
  /** Of the serial line. */
  const trouble: string[] = [];
  const world = {
    ...silent,
    note: (text: string) => void notes.push(text),
    lineTrouble: () => trouble.at(0),
  };
  // Each boot loader has a console of its own, of which one is listened to at a time.
  const consoles = [told<ConsoleEvent>(), told<ConsoleEvent>()] as const;
  const transfers = told<TransferEvent>();
  const { logic, turned } = switchThatTurns();
  const typed: string[] = [];
  const startedOver: number[] = [];
  const actor = createActor(
    boot.provide({
      actions: { startOver: () => void startedOver.push(turned.length) },
      actors: {
        power: logic,
        bootRpi: bootRpi.provide({ actors: { console: consoles[0].logic, transfers: transfers.logic } }),
        bootUBoot: bootUBootWith({
          console: consoles[1].logic,
          press: fromPromise<void, { text: string }>(
            async ({ input }) => void typed.push(JSON.stringify(input.text)),
          ),
          ask: fromPromise<string, { command: string }>(async ({ input: { command } }) => {
            typed.push(command);
            const answer = answers[command] ?? defaultAnswer(command);
            if (answer === 'silence') await new Promise(() => undefined);
            return answer;
          }),
          type: fromPromise<void, { command: string }>(async ({ input }) => {
            typed.push(input.command);
            await typing;
          }),
        }),
      },
    }),
    { clock, input: { world, plan } },
  );
  actor.start();
  const tell = (event: ConsoleEvent) => {
    lines.push(event.line);
    consoles.find(({ isListening }) => isListening())?.tell(event);
  };
  const say = async (type: Exclude<ConsoleEvent['type'], 'console.crash'>, line: string = type) => {
    tell({ type, line });
    await settle();
  };
  return { actor, clock, notes, say, startedOver, tell, transfers, trouble, turned, typed };
}

const uBoot = (answers?: Readonly<Record<string, string>>, typing?: Promise<void>) =>
  boardOf({ uBoot: uBootPlan }, answers, typing);

const enter = JSON.stringify('\r');

function defaultAnswer(command: string): string {
  const file = load.find(each => command.endsWith(` ${each.file}`));
  return file === undefined ? '' : `Bytes transferred = ${file.size} (x hex)`;
}

/** Moves the clock in small steps, with what becomes due in between. */
async function pass(clock: SimulatedClock, milliseconds: number): Promise<void> {
  for (let left = milliseconds; left > 0; left -= 50) {
    clock.increment(Math.min(50, left));
    await settle();
  }
}

const faultOf = (actor: { getSnapshot(): { output?: { fault: { what: string } | null } | undefined } }) =>
  actor.getSnapshot().output?.fault?.what;

/** The countdown, and the prompt that follows the key. */
async function toPrompt({ say }: Pick<ReturnType<typeof uBoot>, 'say'>): Promise<void> {
  await say('console.autoboot');
  await say('console.prompt');
}

test('U-Boot: the countdown is interrupted when it is seen, then one command at a time up to the hand-over', async t => {
  const { actor, say, typed, turned } = uBoot();
  await settle();
  await say('console.banner');
  t.deepEqual(typed, []);
  await say('console.autoboot');
  t.deepEqual(typed, ['" "']);
  await say('console.prompt');
  t.deepEqual(typed.slice(1), [
    'setenv a 1',
    'setenv b',
    'tftpboot 0x48200000 xen',
    'tftpboot 0x48000000 dtb',
    'booti 1 - 2',
    enter,
  ]);
  t.is(actor.getSnapshot().status, 'active');
  await say('console.handOver');
  t.deepEqual(actor.getSnapshot().output, { fault: null, attempts: 1, xenSeen: false });
  t.deepEqual(turned, ['on']);
});

test('U-Boot: a board that stands at its prompt already is asked by Enter whether it does', async t => {
  const { clock, say, typed } = uBoot();
  await say('console.prompt');
  await pass(clock, 1050);
  t.deepEqual(typed, [enter]);
  await say('console.prompt');
  t.is(typed[1], 'setenv a 1');
});

test('U-Boot: what looks like a prompt before the countdown does not make it miss the countdown', async t => {
  const { say, typed } = uBoot();
  await say('console.prompt');
  await say('console.autoboot');
  t.deepEqual(typed, ['" "']);
  await say('console.prompt');
  t.is(typed[1], 'setenv a 1');
});

for (const [type, what] of [
  ['console.autoboot', "U-Boot's countdown began after what looked like its prompt"],
  ['console.handOver', 'U-Boot ran its stored boot command before it was interrupted'],
  ['console.xen', 'the board started Xen by itself before U-Boot was told to'],
] as const) {
  test(`U-Boot: ${type} while commands are typed asks for a power cycle`, async t => {
    const { actor, clock, notes, say, turned } = uBoot({ 'setenv b': 'silence' });
    await toPrompt({ say });
    await say(type);
    await pass(clock, 5000);
    t.deepEqual(turned.slice(0, 3), ['on', 'off', 'on']);
    t.is(actor.getSnapshot().status, 'active');
    t.true(
      notes.some(text => text.includes(what)),
      notes.join(),
    );
  });
}

for (const answer of [
  'Using ethernet@e6800000 device\nWaiting for PHY auto negotiation to complete......... TIMEOUT !\nCould not initialize PHY ethernet@e6800000',
  'phy_startup() failed: -110FAILED: -110',
  'ethernet@e6800000: No link.',
]) {
  test(`U-Boot: a fetch that says "${answer.slice(-30)}" asks for a power cycle, and names the link`, async t => {
    const { actor, clock, say, turned } = uBoot({ 'tftpboot 0x48200000 xen': answer });
    for (let attempt = 0; attempt < 3; attempt++) {
      await pass(clock, attempt === 0 ? 0 : 2100);
      await toPrompt({ say });
    }
    await pass(clock, 100);
    t.deepEqual(turned, ['on', 'off', 'on', 'off', 'on']);
    t.regex(faultOf(actor) ?? '', /^U-Boot's Ethernet has no link: /);
  });
}

test('U-Boot: a server that answers no ARP request yet asks for a power cycle', async t => {
  const answer = 'Using ethernet@e6800000 device\nLoading: *\nARP Retry count exceeded; starting again';
  const { actor, clock, say, turned } = uBoot({ 'tftpboot 0x48200000 xen': answer });
  for (let attempt = 0; attempt < 3; attempt++) {
    await pass(clock, attempt === 0 ? 0 : 2100);
    await toPrompt({ say });
  }
  await pass(clock, 100);
  t.deepEqual(turned, ['on', 'off', 'on', 'off', 'on']);
  t.regex(
    faultOf(actor) ?? '',
    /^nothing answers on U-Boot's Ethernet: ARP Retry count exceeded; starting again/,
  );
});

test('U-Boot: while no prompt follows the key, Ctrl-C asks for one', async t => {
  const { clock, say, typed } = uBoot();
  await say('console.autoboot');
  await pass(clock, 1050);
  t.deepEqual(typed, ['" "', String.raw`"\u0003"`]);
});

type Waiting = {
  readonly name: string;
  readonly reach: (board: ReturnType<typeof uBoot>) => Promise<void>;
  readonly answers?: Readonly<Record<string, string>>;
  readonly milliseconds: number;
  readonly fault: RegExp;
};

const waiting: readonly Waiting[] = [
  {
    name: 'silence after power on',
    reach: async () => settle(),
    // Three attempts, with a discharge between them.
    milliseconds: 3 * 1300 + 2 * 2000,
    fault:
      /^waited 1\.3 s for the first sign of life of the boot loader, since 6\.\d s into the run; the console was silent$/,
  },
  {
    name: 'a banner and no countdown',
    reach: async ({ clock, say }) => {
      for (let attempt = 1; attempt < 3; attempt++) {
        await say('console.banner');
        await pass(clock, 1400 + 2000);
      }
      await say('console.banner', 'U-Boot 2023.04');
    },
    milliseconds: 1400,
    fault:
      /^waited 1\.4 s for U-Boot's countdown or prompt, since .*; the console's last line: U-Boot 2023\.04\n[\s\S]*U-Boot 2023\.04$/,
  },
  {
    name: 'a countdown and no prompt',
    reach: async ({ clock, say }) => {
      for (let attempt = 1; attempt < 3; attempt++) {
        await say('console.autoboot');
        await pass(clock, 1400 + 2000);
      }
      await say('console.autoboot', 'Hit any key');
    },
    milliseconds: 1400,
    fault: /^waited 1\.4 s for U-Boot's prompt, since/,
  },
  {
    name: 'a setting without an answer',
    answers: { 'setenv b': 'silence' },
    reach: toPrompt,
    milliseconds: 1400,
    fault: /^waited 1\.4 s for the prompt after `setenv b`, since/,
  },
  {
    name: 'a file that does not come to its end',
    answers: { 'tftpboot 0x48000000 dtb': 'silence' },
    reach: toPrompt,
    milliseconds: 16_000,
    fault: /^waited 16\.0 s for the end of `tftpboot 0x48000000 dtb`, since/,
  },
  {
    name: 'a start without a hand-over',
    reach: toPrompt,
    milliseconds: 1700,
    fault: /^waited 1\.7 s for U-Boot's `Starting kernel`, since/,
  },
];

for (const { name, reach, answers, milliseconds, fault } of waiting) {
  test(`U-Boot: ${name} fails at its deadline, not before`, async t => {
    const board = uBoot(answers);
    await reach(board);
    await pass(board.clock, milliseconds - 100);
    t.is(board.actor.getSnapshot().status, 'active');
    await pass(board.clock, 150);
    t.regex(faultOf(board.actor) ?? 'no fault', fault);
  });
}

const refusals: readonly {
  name: string;
  answers?: Record<string, string>;
  signs?: ConsoleEvent[];
  fault: RegExp;
}[] = [
  {
    name: 'an answer that is an error',
    answers: { 'setenv a 1': '## Error inserting "a" variable, errno=1' },
    fault: /^U-Boot refused `setenv a 1`: ## Error inserting/,
  },
  {
    name: 'fewer bytes than the file has',
    answers: { 'tftpboot 0x48200000 xen': 'done\nBytes transferred = 299 (12b hex)' },
    fault: /did not load the file: 299 bytes came, xen has 300$/,
  },
  {
    name: 'a count of bytes that stays garbled',
    answers: {
      'tftpboot 0x48200000 xen': 'done\nBytes transferred = 30 (12c hex)',
      'printenv filesize': 'filesze=12c',
    },
    fault: /may not have loaded the file: U-Boot's count of its bytes comes garbled: filesze=12c$/,
  },
  {
    name: 'another count of bytes than the garbled one had',
    answers: {
      'tftpboot 0x48200000 xen': 'done\nBytes transferred = 30 (12c hex)',
      'printenv filesize': 'filesize=12b',
    },
    fault: /comes garbled: filesize=12b$/,
  },
  {
    name: 'a TFTP error',
    answers: { 'tftpboot 0x48200000 xen': "Loading: *\nTFTP error: 'Access violation' (2)\nNot retrying..." },
    fault: /did not load the file: TFTP error: 'Access violation' \(2\)$/,
  },
  {
    name: 'a prompt where the kernel should start',
    signs: [{ type: 'console.prompt', line: '=> ' }],
    fault: /^U-Boot did not start `booti 1 - 2`/,
  },
];

for (const { name, answers, signs = [], fault } of refusals) {
  test(`U-Boot: ${name} ends the boot with a fault of the lab`, async t => {
    const { actor, say } = uBoot(answers);
    await toPrompt({ say });
    for (const { type, line } of signs) if (type !== 'console.crash') await say(type, line);
    t.regex(faultOf(actor) ?? 'no fault', fault);
    t.is(actor.getSnapshot().output?.fault?.class, 'infrastructure');
  });
}

test('U-Boot: a garbled count of bytes is asked for again, and noted', async t => {
  const { say, typed, notes } = uBoot({
    'tftpboot 0x48200000 xen': 'done\nBytes transferred = 30 (12c hex)',
    'printenv filesize': 'filesize=12c',
  });
  await toPrompt({ say });
  t.deepEqual(typed.slice(3, 6), ['tftpboot 0x48200000 xen', 'printenv filesize', 'tftpboot 0x48000000 dtb']);
  t.deepEqual(notes, ['the size of xen came garbled, and was asked for again: it is right']);
});

test('U-Boot: a prompt that comes while the start command is typed again is no refusal', async t => {
  const typed = Promise.withResolvers<void>();
  const { actor, say } = uBoot(undefined, typed.promise);
  await toPrompt({ say });
  await say('console.prompt', '=> ');
  typed.resolve();
  await settle();
  await say('console.handOver');
  t.is(actor.getSnapshot().output?.fault, null);
});

test('U-Boot: a start command whose last words are lost has started Xen where Xen speaks', async t => {
  const { actor, say } = uBoot();
  await toPrompt({ say });
  await say('console.xen');
  t.deepEqual(actor.getSnapshot().output, { fault: null, attempts: 1, xenSeen: true });
});

test('no power cycle is tried where the serial line itself is bad', async t => {
  const { actor, clock, turned, trouble } = uBoot();
  trouble.push('no text');
  await pass(clock, deadlines.firstOutput + 100);
  t.regex(faultOf(actor) ?? 'no fault', /first sign of life .*; no text$/);
  t.deepEqual(turned, ['on']);
});

const scriptPlan: BootPlan['uBoot'] = {
  interrupt: ' ',
  commands: ['setenv ipaddr 1'],
  load: [{ file: 'boot.scr', address: 0x58200000, size: 20 }],
  script: { command: 'source 0x58200000', load },
  start: 'booti 1 - 2',
};
const scriptComes = { 'tftpboot 0x58200000 boot.scr': 'Bytes transferred = 20 (x hex)' };
const transferred = (...sizes: readonly number[]) =>
  sizes.map(size => `Loading: *#\ndone\nBytes transferred = ${size} (${size.toString(16)} hex)`).join('\n');

test('U-Boot: a script is fetched and run; once it has fetched all files whole, Xen is started', async t => {
  const answers = { ...scriptComes, 'source 0x58200000': transferred(300, 40) };
  const { actor, say, typed } = boardOf({ uBoot: scriptPlan }, answers);
  await toPrompt({ say });
  t.deepEqual(typed.slice(1), [
    'setenv ipaddr 1',
    'tftpboot 0x58200000 boot.scr',
    'source 0x58200000',
    'booti 1 - 2',
    enter,
  ]);
  await say('console.handOver');
  t.is(faultOf(actor), undefined);
});

const garbled: readonly {
  readonly name: string;
  readonly answers: readonly string[];
  readonly runs: number;
}[] = [
  {
    name: 'whose words come garbled, and its numbers whole, is run once',
    answers: ['Bytes transferrd = 300 (12c hex)\nBytes trasferred = 40 (28 hex)'],
    runs: 1,
  },
  {
    name: 'of which a number comes garbled is run again',
    answers: ['Bytes transferred = 30 (12c hex)\nBytes transferred = 40 (28 hex)', transferred(300, 40)],
    runs: 2,
  },
  {
    name: 'of which a number comes garbled each time is run four times, and then the lab has failed',
    answers: ['Bytes transferred = 30 (12c hex)'],
    runs: 4,
  },
];

for (const { name, answers, runs } of garbled) {
  test(`U-Boot: a script ${name}`, async t => {
    const left = [...answers];
    const { actor, say, typed, notes } = boardOf(
      { uBoot: scriptPlan },
      {
        ...scriptComes,
        get 'source 0x58200000'() {
          return left.length > 1 ? (left.shift() ?? '') : (left[0] ?? '');
        },
      },
    );
    await toPrompt({ say });
    t.is(typed.filter(command => command === 'source 0x58200000').length, runs);
    t.is(notes.length, Math.min(runs - 1, 3));
    t.is(faultOf(actor) === undefined, runs < 4);
  });
}

const scripts: readonly { readonly name: string; readonly answer: string; readonly fault: RegExp }[] = [
  {
    name: 'fetches fewer bytes than a file has',
    answer: transferred(300, 39),
    fault: /^`source 0x58200000` did not load the files: 39 bytes came, dtb has 40$/,
  },
  {
    name: 'does not get a file',
    answer: `${transferred(300)}\nTFTP error: 'File not found' (1)\nNot retrying...`,
    fault: /^`source 0x58200000` did not load the files: TFTP error: 'File not found' \(1\)$/,
  },
  {
    name: 'is none',
    answer: '## Executing script at 58200000\nWrong image format for "source" command',
    fault: /did not load the files: ## Executing .* \/ Wrong image format for "source" command$/,
  },
  {
    name: 'cannot set a size in the tree',
    answer: `${transferred(300, 40)}\nlibfdt fdt_setprop(): FDT_ERR_NOSPACE`,
    fault: /did not load the files: libfdt fdt_setprop\(\): FDT_ERR_NOSPACE$/,
  },
];

for (const { name, answer, fault } of scripts) {
  test(`U-Boot: a script that ${name} is a fault of the lab, and Xen is not started`, async t => {
    const answers = { ...scriptComes, 'source 0x58200000': answer };
    const { actor, say, typed } = boardOf({ uBoot: scriptPlan }, answers);
    await toPrompt({ say });
    t.regex(faultOf(actor) ?? 'no fault', fault);
    t.is(typed.at(-1), 'source 0x58200000');
  });
}

test('U-Boot: a countdown that ran out is tried again by a power cycle, three times in all', async t => {
  const { actor, clock, say, turned } = uBoot();
  for (let attempt = 0; attempt < 3; attempt++) {
    await settle();
    await say('console.banner');
    await say('console.handOver', 'Starting kernel ...');
    await pass(clock, 2050);
  }
  t.deepEqual(turned, ['on', 'off', 'on', 'off', 'on']);
  t.is(faultOf(actor), 'U-Boot ran its stored boot command before it was interrupted: Starting kernel ...');
});

const lost: readonly {
  readonly name: string;
  readonly answers?: Readonly<Record<string, string>>;
  readonly happens: (board: ReturnType<typeof boardOf>) => unknown;
  readonly fault: RegExp;
}[] = [
  {
    name: 'a reset at the prompt',
    happens: ({ say }) => say('console.reset', 'U-Boot 2023.04'),
    fault: /^the board restarted while U-Boot was at its prompt: U-Boot 2023\.04$/,
  },
  {
    name: 'a console that is away',
    happens: ({ say }) => say('console.gap', 'use /dev/x: the line is gone'),
    fault: /^the console was lost: use \/dev\/x: the line is gone$/,
  },
  {
    name: 'the fourth time that a file starts again',
    answers: { 'tftpboot 0x48200000 xen': 'silence' },
    happens: async ({ say }) => {
      for (let time = 0; time < 4; time++)
        await say('console.refusal', 'ARP Retry count exceeded; starting again');
    },
    fault: /^`tftpboot 0x48200000 xen` does not get through: ARP Retry count exceeded; starting again$/,
  },
  {
    name: 'a transfer that stands still',
    answers: { 'tftpboot 0x48200000 xen': 'silence' },
    happens: ({ actor }) =>
      actor.send({
        type: 'transferStalled',
        fault: { class: 'infrastructure', what: 'the board stopped fetching xen' },
      }),
    fault: /^the board stopped fetching xen$/,
  },
];

for (const { name, answers, happens, fault } of lost) {
  test(`U-Boot: ${name} costs a power cycle, which is noted, and the third time the run`, async t => {
    const board = uBoot(answers);
    const { actor, clock, notes, say, startedOver, turned } = board;
    for (let attempt = 0; attempt < 3; attempt++) {
      await settle();
      await toPrompt({ say });
      await happens(board);
      await pass(clock, 2050);
    }
    t.deepEqual(turned, ['on', 'off', 'on', 'off', 'on']);
    t.regex(faultOf(actor) ?? 'no fault', fault);
    t.deepEqual(startedOver, [1, 3]);
    t.is(notes.length, 2);
    for (const note of notes) t.regex(note.replace(/^power-on \d .*?power-cycled: /, ''), fault);
  });
}

function eeprom(plan: BootPlan = { eeprom: { kernel: 'xen', files: ['config.txt', 'xen'] } }) {
  const { transfers, ...board } = boardOf(plan);
  const transfer = (event: TftpEvent) => transfers.tell({ type: 'transfer', transfer: event });
  let number = 0;
  return {
    ...board,
    transfer,
    request: (file: string) =>
      transfer({ kind: 'request', transfer: ++number, client: '192.0.2.3', file, options: {} }),
    probeEnds: (file: string) =>
      transfer({
        kind: 'ended',
        transfer: number,
        file,
        bytes: 0,
        why: 'client-error',
        detail: 'Early terminate',
      }),
    done: (file: string) =>
      transfer({ kind: 'done', transfer: number, file, bytes: 9, blocks: 1, resent: 0, milliseconds: 1 }),
  };
}

/** State of the boot loader that is followed. */
const states = ({ actor }: Pick<Board, 'actor'>) =>
  JSON.stringify(actor.getSnapshot().children['loader']?.getSnapshot().value);

test('EEPROM: its requests are followed to the kernel, probes that end early are normal, BL31 is the hand-over', async t => {
  const { actor, tell, request, probeEnds, done, turned } = eeprom();
  await settle();
  tell({ type: 'console.banner', line: 'RPi: BOOTSYS release' });
  t.is(states({ actor }), '{"following":"waitingForRequest"}');
  request('config.txt');
  done('config.txt');
  request('xen');
  probeEnds('xen');
  t.is(states({ actor }), '{"following":"fetching"}');
  request('xen');
  done('xen');
  t.is(states({ actor }), '{"following":"handingOver"}');
  tell({ type: 'console.banner', line: 'NOTICE:  BL31: v2.10' });
  t.deepEqual(actor.getSnapshot().output, { fault: null, attempts: 1, xenSeen: false });
  t.deepEqual(turned, ['on']);
});

test("EEPROM: the console may be ahead of the last acknowledgement, and Xen's banner be the first sign", t => {
  const { actor, tell, request } = eeprom();
  request('xen');
  tell({ type: 'console.xen', line: 'Xen version 4.22' });
  t.deepEqual(actor.getSnapshot().output, { fault: null, attempts: 1, xenSeen: true });
});

test('EEPROM, then U-Boot: what the EEPROM starts is interrupted, loads and starts Xen, in one power-on', async t => {
  const { actor, say, request, done, turned, typed } = eeprom({
    eeprom: { kernel: 'u-boot.bin', files: ['config.txt', 'u-boot.bin'] },
    uBoot: uBootPlan,
  });
  await settle();
  await say('console.banner', 'RPi: BOOTSYS release');
  request('u-boot.bin');
  done('u-boot.bin');
  await say('console.handOver', 'Starting OS 5794 ms');
  t.is(states({ actor }), '"toPrompt"');
  await say('console.banner', 'NOTICE:  BL31: v2.10');
  await say('console.banner', 'U-Boot 2024.04');
  await say('console.autoboot');
  await toPrompt({ say });
  t.deepEqual(typed.slice(-2), ['booti 1 - 2', enter]);
  await say('console.handOver', 'Starting kernel ...');
  t.deepEqual(actor.getSnapshot().output, { fault: null, attempts: 1, xenSeen: false });
  t.deepEqual(turned, ['on']);
});

test('EEPROM, then U-Boot: a U-Boot that stays silent costs a power cycle, and the EEPROM is first again', async t => {
  const { actor, clock, say, request, done, turned } = eeprom({
    eeprom: { kernel: 'u-boot.bin', files: ['config.txt', 'u-boot.bin'] },
    uBoot: uBootPlan,
  });
  for (let attempt = 1; attempt <= 3; attempt++) {
    await settle();
    await say('console.banner', 'RPi: BOOTSYS release');
    request('u-boot.bin');
    done('u-boot.bin');
    await say('console.handOver', 'Starting OS 5794 ms');
    await pass(clock, 1300 + 2050);
  }
  t.deepEqual(turned, ['on', 'off', 'on', 'off', 'on']);
  t.regex(faultOf(actor) ?? 'no fault', /^waited 1\.3 s for the first sign of life of the boot loader/);
});

type Board = ReturnType<typeof eeprom>;
const broken: readonly { name: string; breaks: (board: Board) => void; fault: RegExp }[] = [
  {
    name: 'a transfer that the server gave up',
    breaks: ({ request, transfer }) => {
      request('xen');
      const number = 1;
      transfer({ kind: 'request', transfer: 99, client: '192.0.2.3', file: 'xen', options: {} });
      transfer({ kind: 'ended', transfer: 99, file: 'xen', bytes: number, why: 'timeout', detail: 'silent' });
    },
    fault: /^the EEPROM gave up a transfer: xen after 1 bytes \(timeout: silent\)$/,
  },
  {
    name: 'a console that says that it cannot',
    breaks: ({ tell }) => tell({ type: 'console.refusal', line: 'NETBOOT init failed' }),
    fault: /^the EEPROM could not boot from the network: NETBOOT init failed$/,
  },
  {
    name: 'a DHCP server that is silent, in the words before it gives up,',
    breaks: ({ tell }) => {
      tell({ type: 'console.banner', line: '  2.01 DHCP timeout' });
      tell({ type: 'console.refusal', line: 'Boot mode: RESTART (0f) order 0' });
    },
    fault:
      /^the EEPROM could not boot from the network: 2\.01 DHCP timeout; Boot mode: RESTART \(0f\) order 0$/,
  },
  {
    name: 'a console that is away',
    breaks: ({ request, tell }) => {
      request('config.txt');
      tell({ type: 'console.gap', line: 'use /dev/x: the line is gone' });
    },
    fault: /^the console was lost: use \/dev\/x: the line is gone$/,
  },
  {
    name: 'an EEPROM that starts again',
    breaks: ({ request, tell }) => {
      request('config.txt');
      tell({ type: 'console.reset', line: 'RPi: BOOTSYS release' });
    },
    fault: /^the EEPROM started again: RPi: BOOTSYS release$/,
  },
  {
    name: 'a boot from somewhere else',
    breaks: ({ tell }) => tell({ type: 'console.handOver', line: 'Starting OS 5794 ms' }),
    fault: /^the EEPROM went on without having fetched xen: Starting OS/,
  },
];

for (const { name, breaks, fault } of broken) {
  test(`EEPROM: ${name} costs a power cycle, and the third time the run`, async t => {
    const board = eeprom();
    for (let attempt = 1; attempt <= 3; attempt++) {
      await settle();
      t.is(board.turned.filter(to => to === 'on').length, attempt);
      breaks(board);
      await settle();
      await pass(board.clock, 2050);
    }
    t.regex(faultOf(board.actor) ?? 'no fault', fault);
    t.deepEqual(board.turned, ['on', 'off', 'on', 'off', 'on']);
  });
}

test('EEPROM: a file that is not there is named, and no power cycle tried', async t => {
  const { actor, request, tell, turned } = eeprom();
  await settle();
  request('config.txt');
  tell({ type: 'console.banner', line: '  2.01 TFTP 1: file 0000beef/xen not found' });
  tell({ type: 'console.refusal', line: 'Boot mode: RESTART (0f) order 0' });
  await settle();
  t.is(
    faultOf(actor),
    'the EEPROM could not boot from the network: 2.01 TFTP 1: file 0000beef/xen not found; Boot mode: RESTART (0f) order 0',
  );
  t.deepEqual(turned, ['on']);
});

test('EEPROM: a transfer that ended early is the cause and a power cycle tried, not a probe that is normally missing', async t => {
  const { actor, clock, notes, request, probeEnds, done, tell, transfer, turned } = eeprom();
  await settle();
  request('config.txt');
  probeEnds('config.txt');
  request('config.txt');
  done('config.txt');
  transfer({
    kind: 'refused',
    file: '0000beef/overlays/overlay_map.dtb',
    code: 1,
    why: 'not among the files',
  });
  tell({ type: 'console.banner', line: '  2.01 TFTP 1: file 0000beef/overlays/overlay_map.dtb not found' });
  request('xen');
  probeEnds('xen');
  tell({ type: 'console.refusal', line: 'Boot mode: RESTART (0f) order 0' });
  await pass(clock, 2100);
  t.deepEqual(turned, ['on', 'off', 'on']);
  t.is(actor.getSnapshot().status, 'active');
  t.regex(
    notes.join('\n'),
    /xen after 0 bytes \(client-error: Early terminate\); Boot mode: RESTART \(0f\) order 0/,
  );
});

test('EEPROM: its own banner, seen when it has fetched everything already, is no hand-over', async t => {
  const { actor, say, request, done } = eeprom();
  request('xen');
  done('xen');
  await say('console.banner', 'RPi: BOOTSYS release');
  t.is(states({ actor }), '{"following":"handingOver"}');
  await say('console.banner', 'NOTICE:  BL31: v2.10');
  t.is(actor.getSnapshot().output?.fault, null);
});

test('EEPROM: a warm boot after our power cycle ends the run, which blames the switch', async t => {
  const { actor, turned, say } = eeprom();
  await settle();
  await say('console.banner', 'RPi: BOOTSYS release');
  await say('console.warmBoot', 'POWER_OFF_ON_HALT: 0 WAIT_FOR_POWER_BUTTON 0 power-on-reset 0');
  t.is(
    faultOf(actor),
    'the power switch did not cut the supply: POWER_OFF_ON_HALT: 0 WAIT_FOR_POWER_BUTTON 0 power-on-reset 0',
  );
  t.is(actor.getSnapshot().output?.fault?.class, 'infrastructure');
  t.deepEqual(turned, ['on']);
});

test('EEPROM: what is left of a transfer of the attempt before does not break the next one', async t => {
  const { actor, clock, request, transfer, tell } = eeprom();
  await settle();
  request('xen');
  tell({ type: 'console.refusal', line: 'NETBOOT CANCEL' });
  await pass(clock, 2100);
  transfer({ kind: 'request', transfer: 50, client: '192.0.2.3', file: 'config.txt', options: {} });
  transfer({ kind: 'ended', transfer: 1, file: 'xen', bytes: 1, why: 'timeout', detail: 'silent' });
  t.is(states({ actor }), '{"following":"fetching"}');
});

const eepromWaits: readonly {
  name: string;
  reach: (board: Board) => void;
  milliseconds: number;
  fault: RegExp;
}[] = [
  {
    name: 'silence',
    reach: () => undefined,
    milliseconds: 1300,
    fault: /^waited 1\.3 s for the first sign of life of the EEPROM/,
  },
  {
    name: 'no request',
    reach: ({ tell }) => tell({ type: 'console.banner', line: 'RPi: BOOTSYS release' }),
    milliseconds: 1400,
    fault: /^waited 1\.4 s for the first TFTP request of the EEPROM/,
  },
  {
    name: 'no kernel',
    reach: ({ request }) => request('config.txt'),
    milliseconds: 16_000,
    fault: /^waited 16\.0 s for the EEPROM to fetch xen/,
  },
  {
    name: 'no hand-over',
    reach: ({ request, done }) => {
      request('xen');
      done('xen');
    },
    milliseconds: 1700,
    fault: /^waited 1\.7 s for BL31's or Xen's first line after the last file/,
  },
];

for (const { name, reach, milliseconds, fault } of eepromWaits) {
  test(`EEPROM: ${name} is given up at its deadline`, async t => {
    const board = eeprom();
    for (let attempt = 1; attempt <= 3; attempt++) {
      await settle();
      reach(board);
      await pass(board.clock, milliseconds - 50);
      t.is(board.turned.at(-1), 'on');
      await pass(board.clock, 50);
      await pass(board.clock, 2000);
    }
    t.regex(faultOf(board.actor) ?? 'no fault', fault);
  });
}

function supply(actors: Parameters<typeof power.provide>[0]['actors'], heard?: () => number) {
  const { clock, world: deaf } = simulation();
  const world = heard === undefined ? deaf : { ...deaf, heard };
  const machine = power.provide({
    actors: { switchPower: never<void, { to: 'on' | 'off' }>(), readPower: never<PowerState>(), ...actors },
  });
  const actor = createActor(machine, { clock, input: { to: 'on', world } });
  actor.start();
  return { actor, clock };
}

test('power: a switch that never answers is tried three times, each to its deadline', async t => {
  const { actor, clock } = supply({ readPower: fromPromise<PowerState, undefined>(async () => 'off') });
  await settle();
  await pass(clock, 3 * 1200 + 2 * 1000 - 100);
  t.is(actor.getSnapshot().status, 'active');
  await pass(clock, 150);
  t.regex(faultOf(actor) ?? '', /^waited 1\.2 s for the switch to turn on, since/);
  t.is(actor.getSnapshot().output?.was, 'off');
});

for (const [says, fault] of [
  ['on', undefined],
  ['unknown', undefined],
  ['off', 'switch the power on: the switch says that it is still off'],
] as const) {
  test(`power: after it was told to turn on, a switch that says ${says} is ${fault === undefined ? 'believed' : 'tried again'}`, async t => {
    let tried = 0;
    const { actor, clock } = supply({
      switchPower: fromPromise<void, { to: 'on' | 'off' }>(async () => void tried++),
      readPower: fromPromise<PowerState, undefined>(async () => says),
    });
    await settle();
    await pass(clock, 3000);
    t.is(faultOf(actor), fault);
    t.is(tried, fault === undefined ? 1 : 3);
  });
}

test('power: a switch that says off while the board speaks is told so', async t => {
  const { actor, clock } = supply(
    {
      switchPower: fromPromise<void, { to: 'on' | 'off' }>(async () => undefined),
      readPower: fromPromise<PowerState, undefined>(async () => 'off'),
    },
    () => clock.now(),
  );
  await settle();
  await pass(clock, 3000);
  t.is(
    faultOf(actor),
    'switch the power on: the switch says that it is still off, and the board still answers',
  );
});

test('power: a failure that passes leaves no fault', async t => {
  let tried = 0;
  const { actor, clock } = supply({
    switchPower: fromPromise<void, { to: 'on' | 'off' }>(async () => {
      if (++tried === 1) throw new Error('no route to host');
    }),
    readPower: fromPromise<PowerState, undefined>(async () => 'unknown'),
  });
  await settle();
  await pass(clock, 1100);
  t.deepEqual(actor.getSnapshot().output, { fault: null, was: 'unknown' });
});
