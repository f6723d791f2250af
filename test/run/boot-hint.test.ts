/** Hints of a run for a board that does not come to Xen. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openBoard } from '../../src/lab/open.ts';
import { loadLab } from '../../src/lab/load-lab.ts';
import type { VirtualFaults } from '../../src/lab/virtual-faults.ts';
import { followBoot, type FollowedBoot } from '../../src/doctor/boot.ts';
import { emptyPrediction } from '../../src/model/predict/prediction.ts';
import type { RecordedData } from '../../src/verdict/recording/event.ts';
import { prepareDeployment } from '../../src/run/deploy/deployment.ts';
import { systemClock } from '../../src/run/clock.ts';
import { runScenario } from '../../src/run/run.ts';
import { bootScenario } from '../../src/scenario/load.ts';
import { type Life, quickType, ScriptedBoard, uBootLife, xenLife } from './scripted-board.ts';

function temporary(t: ExecutionContext): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'scmi-hil-boot-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  return directory;
}

async function run(t: ExecutionContext, board: ScriptedBoard) {
  const scenario = bootScenario(board.type);
  const deployment = await prepareDeployment(board, scenario);
  const events: RecordedData[] = [];
  const directory = temporary(t);
  const { faults } = await runScenario({
    board,
    scenario,
    deployment: { ...deployment, boot: { ...deployment.boot, attempts: 1 } },
    predict: () => emptyPrediction,
    recorder: { record: (_, event) => events.push(event) },
    directory,
    signal: new AbortController().signal,
    reservation: { command: 'a test' },
    clock: systemClock(),
  });
  return { faults, events };
}

const hang: Life = wires => wires.hang();

const waitsForLink: Life = async wires => {
  wires.line('RPi: BOOTSYS release VERSION:69471177 DATE: 2025/05/08');
  wires.line('Boot mode: NETWORK (02) order f');
  wires.line('NETWORK: d8:3a:dd:e4:c9:f0 wait for link TFTP: 0.0.0.0');
  await wires.hang();
};

/** Behaviour of the board, and the hint of the run's only fault. */
const stuck: readonly (readonly [title: string, type: string, life: Life, hint: RegExp])[] = [
  ['is silent', 'rcar-v4h-white-hawk', hang, /^nothing came on the console.*: see the supply/],
  [
    'waits for its link',
    'rpi5',
    waitsForLink,
    /wait for link TFTP: 0\.0\.0\.0\): see the cable and the port/,
  ],
  [
    'has no Ethernet in its U-Boot',
    'rcar-v4h-white-hawk',
    uBootLife(hang, command => (command.startsWith('tftpboot') ? 'No ethernet found.' : undefined)),
    /knows no Ethernet device \(No ethernet found\.\): build U-Boot/,
  ],
];

for (const [title, type, life, hint] of stuck) {
  test(`the fault of a board that ${title} says why it is stuck, and what to do`, async t => {
    const board = new ScriptedBoard({
      type: quickType(type, { firstOutput: 400, bootLoader: 800, deploy: 800, command: 400 }),
      life,
    });
    const { faults, events } = await run(t, board);
    t.is(faults.length, 1, JSON.stringify(faults));
    t.regex(faults[0]?.hint ?? '', hint);
    t.true(events.some(event => event.kind === 'fault' && event.data.hint === faults[0]?.hint));
    t.false(board.isOn);
  });
}

test('a board that asks from another address than the lab names is recognized', async t => {
  const board: ScriptedBoard = new ScriptedBoard({
    type: quickType('rpi5', { bootLoader: 800 }),
    life: async wires => {
      wires.line('RPi: BOOTSYS release VERSION:69471177 DATE: 2025/05/08');
      wires.line('Boot mode: NETWORK (02) order f');
      wires.line('LINK STATUS: speed: 1000 full duplex');
      wires.line('DHCP src: d8:3a:dd:00:00:01 192.0.2.1');
      wires.line('YI_ADDR 192.0.2.77');
      board.served?.onStranger?.({
        kind: 'refused',
        client: '192.0.2.77',
        file: 'bd989ae1/config.txt',
        code: 2,
        why: 'no board has this address',
      });
      await wires.hang();
    },
  });
  const { faults, events } = await run(t, board);
  t.regex(faults[0]?.hint ?? '', /from 192\.0\.2\.77, and the lab says 192\.0\.2\.2 .*network\.address: 192/);
  t.like(
    events.find(event => event.kind === 'tftp'),
    { data: { event: 'stranger', client: '192.0.2.77' } },
  );
});

async function follow(t: ExecutionContext, name: string, faults?: VirtualFaults) {
  const entry = loadLab({ cwd: temporary(t), env: { HOME: '/', XDG_CONFIG_HOME: '/' } }).boards.get(name);
  if (entry === undefined) throw new Error(`no board ${name}`);
  await using board = await openBoard(entry, { env: {}, ...(faults !== undefined && { faults }) });
  const titles: string[] = [];
  const followed: FollowedBoot = await followBoot(board, {
    reservation: { command: 'a test' },
    signal: new AbortController().signal,
    told: ({ title }) => titles.push(title),
  });
  t.is(await board.power.state(AbortSignal.timeout(1000)), 'off');
  return { ...followed, titles };
}

for (const name of ['virtual-rpi5', 'virtual-v4h']) {
  test(`the boot of ${name} is followed to Xen, and it is off afterwards`, async t => {
    const { stuck: where, attempts, faults, titles } = await follow(t, name);
    t.is(where, null);
    t.deepEqual(faults, []);
    t.is(attempts, 1);
    t.is(titles[0], 'power on');
    t.is(titles.at(-1), 'Xen speaks');
  });
}

const hindered: readonly (readonly [string, VirtualFaults, step: string, what: RegExp])[] = [
  ['virtual-rpi5', { eeprom: 'no-offer' }, 'offer', /no DHCP server/],
  ['virtual-v4h', { output: 'nothing' }, 'output', /nothing came on the console/],
  ['virtual-v4h', { output: 'wrong-speed' }, 'output', /no text/],
  ['virtual-v4h', { stops: 'after-hand-over' }, 'xen', /handed over/],
];

for (const [name, faults, step, what] of hindered) {
  test(`${name} with ${JSON.stringify(faults)} is stuck before the step ${step}`, async t => {
    const { stuck: where, faults: others } = await follow(t, name, faults);
    t.is(where?.name, step);
    t.regex(where?.what ?? '', what);
    t.deepEqual(others, []);
  });
}

test('a boot that cannot begin says why', async t => {
  const board = new ScriptedBoard({
    type: quickType('rcar-v4h-white-hawk'),
    life: uBootLife(xenLife()),
    open: () => Promise.reject(new Error('the adapter is not there')),
  });
  const { attempts, faults } = await followBoot(board, {
    reservation: { command: 'a test' },
    signal: new AbortController().signal,
    told: () => undefined,
  });
  t.is(attempts, 0);
  t.regex(faults[0]?.what ?? '', /the adapter is not there/);
});
