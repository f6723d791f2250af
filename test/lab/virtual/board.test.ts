/** Runs over the virtual board's real transports: the good ones, and what goes wrong on a board or around it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { BoardType } from '../../../src/board/board-type.ts';
import { loadBoardTypeBooting } from '../../../src/board/board-types.ts';
import type { OpenBoard } from '../../../src/lab/open-board.ts';
import type { RecordedEvent } from '../../../src/verdict/recording/event.ts';
import { runOnBoard, type JudgedRun } from '../../../src/run/run.ts';
import { findScenario, loadScenario } from '../../../src/scenario/load.ts';
import type { VirtualFaults } from '../../../src/lab/virtual/faults.ts';
import { openVirtualBoard } from '../../../src/lab/virtual/open.ts';

const v4h = 'rcar-v4h-white-hawk';
const project = path.resolve(import.meta.dirname, '../../..');
const scratch = mkdtempSync(path.join(tmpdir(), 'scmi-hil-virtual-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

interface Attempt {
  readonly type?: string;
  /** One of the type's ways to boot. */
  readonly boot?: string;
  /** U-Boot is told by a script. */
  readonly script?: boolean;
  readonly scenario?: string;
  readonly deadlines?: Partial<BoardType['deadlines']>;
  readonly faults?: VirtualFaults;
  /** The fault of the lab or the deployment. */
  readonly spoil?: (board: OpenBoard) => OpenBoard;
}

interface Result extends JudgedRun {
  readonly events: readonly RecordedEvent[];
  readonly faults: string;
}

/** Runs once, and sees that nothing is left: power, hold, sockets, pseudo-terminals. */
async function attempt(t: ExecutionContext, asked: Attempt): Promise<Result> {
  const { type: name = v4h, scenario = 'dom0-and-guest', spoil = board => board } = asked;
  const type = loadBoardTypeBooting(name, asked.boot);
  const events: RecordedEvent[] = [];
  const before = resources();
  const boot = asked.script === true ? withScript(type.boot) : type.boot;
  const patient = { ...type, boot, deadlines: { ...type.deadlines, ...asked.deadlines } };
  const open = await openVirtualBoard(patient, {
    name: 'virtual',
    ...(asked.faults !== undefined && { faults: asked.faults }),
  });
  let session: JudgedRun;
  try {
    const board = spoil(open);
    session = await runOnBoard({
      board,
      scenario: loadScenario(findScenario(scenario, project).file, board.type),
      runs: path.join(scratch, 'runs'),
      signal: new AbortController().signal,
      controller: 'test',
      command: 'test',
      onEvent: event => events.push(event),
    });
    t.is(await open.power.state(AbortSignal.timeout(1000)), 'off', 'the board is left powered');
  } finally {
    await open.close();
  }
  await settled(() => resources() === before);
  t.is(resources(), before, 'a port, socket or process is left');
  return { ...session, events, faults: session.verdict.faults.map(({ what }) => what).join('\n') };
}

/** A lab with `uBoot: { script: true }`. */
function withScript({ uBoot, ...boot }: BoardType['boot']): BoardType['boot'] {
  return { ...boot, ...(uBoot !== undefined && { uBoot: { ...uBoot, script: true } }) };
}

for (const type of [v4h, 'rpi5']) {
  test.serial(`${type}: Dom0 and a guest are booted, looked at and judged`, async t => {
    const { verdict, outcome, faults } = await attempt(t, { type });
    t.is(outcome, 'completed', faults);
    t.is(verdict.outcome, 'met');
    t.is(verdict.counts.missed + verdict.counts.contradicted, 0);
    t.true(verdict.counts.met > 40);
  });

  test.serial(`${type}: a Xen panic that is predicted is the right end of a run`, async t => {
    const { verdict, events } = await attempt(t, { type, scenario: 'dom0-given-management-agent' });
    t.is(verdict.outcome, 'met');
    t.true(events.some(event => event.kind === 'milestone' && event.data.name === 'xen-panic'));
  });
}

for (const [server, way] of [
  [{}, 'sftp'],
  [{ noSftp: true }, 'shell'],
] as const) {
  test.serial(`guests' files go into Dom0 by ${way}, as its server answers, and whole`, async t => {
    const { verdict, events, faults } = await attempt(t, { faults: server });
    t.is(verdict.outcome, 'met', faults);
    const files = events.flatMap(event => (event.kind === 'file' ? event.data : []));
    t.deepEqual(
      files.map(({ domain, path: file, by }) => [domain, path.basename(file), by]),
      [
        ['dom0', 'guest.cfg', way],
        ['dom0', 'guest.dtb', way],
      ],
    );
    t.true(files.every(({ bytes }) => bytes > 100));
  });
}

for (const boot of ['u-boot', 'u-boot-preloaded']) {
  test.serial(`rpi5, ${boot}: the EEPROM starts U-Boot, and U-Boot Xen, in one power-on`, async t => {
    const { verdict, events, faults } = await attempt(t, { type: 'rpi5', boot });
    t.is(verdict.outcome, 'met', faults);
    t.true(verdict.counts.met > 40);
    const files = events.flatMap(({ kind, data }) =>
      kind === 'tftp' && data.event === 'done' ? data.file : [],
    );
    t.is(files.includes('modules'), boot === 'u-boot-preloaded');
    t.is(files.includes('xen'), boot === 'u-boot');
    const milestones = events.flatMap(({ kind, data }) => (kind === 'milestone' ? data.name : []));
    t.deepEqual(
      milestones.filter(name =>
        /^(rpi|eeprom|cold|handover|bl31|u-boot-(banner|autoboot)|xen-banner)/.test(name),
      ),
      [
        'rpi-bootsys-banner',
        'cold-boot',
        'eeprom-link',
        'eeprom-link',
        'eeprom-dhcp',
        'handover',
        'bl31-banner',
        'u-boot-banner',
        'u-boot-autoboot',
        'handover',
        'xen-banner',
      ],
    );
  });
}

for (const asked of [
  { type: v4h },
  { type: 'rpi5' },
  { type: 'rpi5', boot: 'u-boot' },
  { type: 'rpi5', boot: 'u-boot-preloaded' },
]) {
  test.serial(
    `${Object.values(asked).join(', ')}: a dom0less domain boots and is seen on Xen's console`,
    async t => {
      const { verdict, directory, faults } = await attempt(t, { ...asked, scenario: 'dom0less-domain-runs' });
      t.is(verdict.outcome, 'met', faults);
      const recording = readFileSync(path.join(directory, 'recording.jsonl'), 'utf8');
      t.regex(recording, /\(XEN\) DOM1: \[ +0\.\d+\] arm-scmi/);
    },
  );
}

for (const asked of [{ type: v4h }, { type: 'rpi5', boot: 'u-boot' }]) {
  test.serial(`${asked.type}: U-Boot fetches a script that loads the files, and Xen is started`, async t => {
    const scenario = 'dom0less-domain-runs';
    const { verdict, events, faults } = await attempt(t, { ...asked, scenario, script: true });
    t.is(verdict.outcome, 'met', faults);
    const typed = events.flatMap(({ kind, data }) => (kind === 'sent' && 'text' in data ? data.text : ''));
    t.notRegex(typed.join(''), /tftpboot 0x\w+ (?!boot\.scr)|fdt_high/);
    t.regex(typed.join(''), /tftpboot 0x\w+ boot\.scr\rsource 0x\w+\rbooti /);
  });
}

for (const asked of [{}, { script: true }, { boot: 'u-boot-after-bl31' }]) {
  const how = Object.values(asked).join() || 'u-boot';
  test.serial(
    `Sparrow Hawk, ${how}: Xen is started, and BL31 where U-Boot starts it is no reset`,
    async t => {
      const type = 'rcar-v4h-sparrow-hawk';
      const { verdict, events, faults } = await attempt(t, { type, ...asked });
      t.is(verdict.outcome, 'met', faults);
      const milestones = events.flatMap(({ kind, data }) => (kind === 'milestone' ? data.name : []));
      t.deepEqual(
        milestones.filter(name => /^(u-boot-(banner|loads)|bl31|handover|reset|xen-banner)/.test(name)),
        'boot' in asked
          ? ['bl31-banner', 'u-boot-banner', 'handover', 'xen-banner']
          : ['u-boot-banner', 'u-boot-loads-bl31', 'handover', 'bl31-banner', 'xen-banner'],
      );
    },
  );
}

test.serial('a file that a script does not get ends the attempt before Xen is started', async t => {
  const { outcome, faults } = await attempt(t, {
    script: true,
    spoil: board => ({
      ...board,
      tftp: {
        ...board.tftp,
        serve: files => {
          const fewer = new Map([...files.files].filter(([file]) => file !== 'kernel'));
          return board.tftp.serve({ ...files, files: fewer });
        },
      },
    }),
  });
  t.is(outcome, 'infrastructure');
  t.regex(faults, /`source 0x\w+` did not load the files.*TFTP error: 'File not found' \(1\)/);
});

test.serial('a dom0less domain whose kernel is none ends the boot, and the run is no success', async t => {
  const { verdict, directory } = await attempt(t, {
    scenario: 'dom0less-domain-runs',
    spoil: withImages(() => [['guest-kernel', new Uint8Array(100_000)]]),
    deadlines: { xenBanner: 800, dom0: 800, collect: 300 },
  });
  t.not(verdict.outcome, 'met');
  t.regex(
    readFileSync(path.join(directory, 'recording.jsonl'), 'utf8'),
    /Could not set up domain domU1 \(rc = -22\)/,
  );
});

for (const [mistake, spoil, expected] of [
  [
    'a kernel in the place of Xen',
    withImages(images => [['xen', image(images, 'kernel')]]),
    { outcome: /infrastructure|completed/, seen: /Xen/ },
  ],
  [
    'something that is no kernel for Dom0',
    withImages(() => [['kernel', new Uint8Array(100_000)]]),
    { outcome: /completed/, seen: /Could not set up d0 guest OS/ },
  ],
  [
    'something that is no arm64 Image for Xen',
    withImages(() => [['xen', new Uint8Array(100_000)]]),
    { outcome: /infrastructure|completed/, seen: /Bad Linux ARM64 Image magic!/ },
  ],
  [
    'a start command that names the wrong tree',
    withBoot({ start: 'booti ${xen} - ${kernel}' }),
    {
      outcome: /infrastructure|completed/,
      seen: /Did not find a cmdline Flattened Device Tree|valid device tree/,
    },
  ],
  [
    'a server address that is not the lab’s',
    (board: OpenBoard) => ({ ...board, network: { ...board.network, server: '192.0.2.9' } }),
    { outcome: /infrastructure/, seen: /ARP Retry count exceeded/ },
  ],
] as const) {
  test.serial(`a deployment with ${mistake} does not pass`, async t => {
    const { outcome, verdict, directory } = await attempt(t, {
      spoil,
      deadlines: { xenBanner: 800, dom0: 800, bootLoader: 4000, deploy: 8000, collect: 300 },
    });
    t.regex(outcome, expected.outcome);
    t.not(verdict.outcome, 'met');
    t.regex(readFileSync(path.join(directory, 'recording.jsonl'), 'utf8'), expected.seen);
  });
}

test.serial('text of the board after the last answer is recorded before the power goes off', async t => {
  for (let round = 0; round < 2; round++) {
    const { verdict } = await attempt(t, { type: 'rpi5', scenario: 'destroy-and-create-again' });
    t.is(verdict.counts.missed, 0);
  }
});

test.serial('SIGTERM ends a run like Ctrl-C, with exit code 130', async t => {
  const state = mkdtempSync(path.join(scratch, 'state-'));
  const child = spawn(
    process.execPath,
    [
      'bin/scmi-hil.js',
      'run',
      'dom0-and-guest',
      '--board',
      'virtual-v4h',
      '--runs',
      path.join(scratch, 'killed'),
    ],
    { cwd: project, env: { ...process.env, XDG_STATE_HOME: state }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  child.stdout.on('data', (bytes: Buffer) => {
    const before = output;
    output += bytes.toString();
    // Once: a second one would not wait for the clean-up.
    if (!before.includes('BL31') && output.includes('BL31')) child.kill('SIGTERM');
  });
  child.stderr.resume();
  const [code] = await once(child, 'close', { signal: AbortSignal.timeout(30_000) });
  t.is(code, 130, output);
});

type Image = string | Uint8Array;

function withImages(change: (images: ReadonlyMap<string, Image>) => readonly (readonly [string, Image])[]) {
  return (board: OpenBoard): OpenBoard => ({
    ...board,
    images: new Map([...board.images, ...change(board.images)]),
  });
}

function withBoot(change: { readonly start: string }) {
  return (board: OpenBoard): OpenBoard => {
    const { boot } = board.type;
    if (boot.uBoot === undefined) throw new Error('this is about U-Boot');
    return { ...board, type: { ...board.type, boot: { ...boot, uBoot: { ...boot.uBoot, ...change } } } };
  };
}

function image(images: ReadonlyMap<string, Image>, name: string): Image {
  const found = images.get(name);
  if (found === undefined) throw new Error(`no image ${name}`);
  return found;
}

/** Resources that keep this process busy: sockets, terminals, children. Timers come and go. */
function resources(): string {
  return process
    .getActiveResourcesInfo()
    .filter(name => /Socket|TTY|UDP|TCP|Pipe|Process/.test(name))
    .toSorted()
    .join(' ');
}

/** Closing takes the event loop a few turns. */
async function settled(isSettled: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200 && !isSettled(); turn++) await new Promise(resolve => setTimeout(resolve, 5));
}
