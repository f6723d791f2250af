import test from 'ava';
import { type Actor, createActor, fromCallback, fromPromise, setup, type SimulatedClock } from 'xstate';
import type { ConsoleEvent } from '../../machines/console-event.ts';
import { deploy, type Fetched, type TransferEvent } from '../../machines/deploy.ts';
import { domain, type DomainEvent } from '../../machines/domain.ts';
import type { Fault } from '../../machines/fault.ts';
import { power, type PowerState } from '../../machines/power.ts';
import { run, type RunEvent } from '../../machines/run.ts';
import { type StepInput, type StepResult, steps } from '../../machines/steps.ts';
import { xen, type XenOutput } from '../../machines/xen.ts';
import type { TftpEvent } from '../../src/lab/drivers/tftp/tftp.ts';
import type { Prediction } from '../../src/model/predict/prediction.ts';
import { emptyPrediction } from '../../src/model/predict/prediction.ts';
import type { Step } from '../../src/model/predict/scenario.ts';
import { HostUnreachable, NoLogin } from '../../src/lab/drivers/ssh/client.ts';
import { deadlines, never, settle, simulation, told } from './scripted.ts';

function watcher(expectedPanic: string | null = null, payload?: string) {
  const { clock, lines, world } = simulation();
  const console = told<ConsoleEvent>();
  const seen: { output?: XenOutput; loggedIn: number; probes: number } = { loggedIn: 0, probes: 0 };
  const parent = setup({
    types: {
      events: {} as { type: 'dom0LoggedIn' | 'probeReady' } | { type: 'xenIsDue'; xenSeen: boolean },
    },
    actors: { xen: xen.provide({ actors: { console: console.logic, askForLogin: never() } }) },
  }).createMachine({
    invoke: {
      id: 'xen',
      src: 'xen',
      input: { world, expectedPanic, ...(payload !== undefined && { payload }) },
      onDone: { actions: ({ event }) => void (seen.output = event.output) },
    },
    on: {
      dom0LoggedIn: { actions: () => void seen.loggedIn++ },
      probeReady: { actions: () => void seen.probes++ },
      xenIsDue: { actions: ({ self, event }) => self.getSnapshot().children['xen']?.send(event) },
    },
  });
  const actor = createActor(parent, { clock });
  actor.start();
  return {
    clock,
    seen,
    lines,
    tell: console.tell,
    handOver: (xenSeen = false) => actor.send({ type: 'xenIsDue', xenSeen }),
  };
}

type Watcher = ReturnType<typeof watcher>;
const toDom0 = ({ handOver, tell }: Watcher) => {
  handOver();
  tell({ type: 'console.xen', line: 'Xen version 4.22' });
  tell({ type: 'console.login', line: 'board login: ' });
};

test('Xen: from hand-over by its banner to the login, of which the run is told once, and on it watches', t => {
  const board = watcher();
  toDom0(board);
  board.clock.increment(10_000_000);
  t.is(board.seen.loggedIn, 1);
  t.is(board.seen.output, undefined);
});

const ends: readonly {
  readonly name: string;
  readonly happens: (board: Watcher) => void;
  readonly fault: RegExp | null;
  readonly class?: Fault['class'];
  readonly panicked?: boolean;
  readonly expectedPanic?: string;
}[] = [
  {
    name: 'no banner by its deadline',
    happens: ({ handOver, clock, lines }) => {
      lines.push('Starting kernel ...');
      handOver();
      clock.increment(1700);
    },
    fault:
      /^waited 1\.7 s for Xen's banner: nothing came after the hand-over, since 0\.0 s into the run; the console's last line: Starting kernel \.\.\.\n {4}Starting kernel \.\.\.$/,
    class: 'infrastructure',
  },
  {
    name: 'a console that never ends its line',
    happens: ({ handOver, clock, lines }) => {
      lines.push('x'.repeat(100_000));
      handOver();
      clock.increment(1700);
    },
    fault: /the console's last line: \.\.\.x{200}\n {4}\.\.\.x{200}$/,
    class: 'infrastructure',
  },
  {
    name: 'no login by its deadline',
    happens: ({ handOver, clock }) => {
      handOver(true);
      clock.increment(1800);
    },
    fault: /^waited 1\.8 s for Dom0's login, since 0\.0 s/,
  },
  {
    name: 'a panic that the model predicts',
    happens: ({ handOver, tell, clock }) => {
      handOver(true);
      tell({ type: 'console.xenPanic', line: 'Error creating domain 0 (rc = -17)' });
      clock.increment(1000);
    },
    expectedPanic: 'Error creating domain 0 (rc = -17)',
    fault: null,
    panicked: true,
  },
  {
    name: 'another panic than the model predicts',
    happens: ({ handOver, tell, clock }) => {
      handOver(true);
      tell({ type: 'console.xenPanic', line: 'Could not set up d0 guest OS (rc = -2)' });
      clock.increment(1000);
    },
    expectedPanic: 'Error creating domain 0 (rc = -17)',
    fault: /^Xen panicked: Could not set up d0 guest OS \(rc = -2\)$/,
    panicked: true,
  },
  {
    name: 'a panic long after Dom0 is up',
    happens: board => {
      toDom0(board);
      board.tell({ type: 'console.xenPanic', line: 'GUEST BUG' });
      board.tell({ type: 'console.reset', line: 'NOTICE:  BL31: v2.7' });
    },
    fault: /^Xen panicked: GUEST BUG$/,
    panicked: true,
  },
  {
    name: 'a reset while Xen boots',
    happens: ({ handOver, tell }) => {
      handOver(true);
      tell({ type: 'console.reset', line: 'U-Boot 2023.04' });
    },
    fault: /^the board started again by itself: U-Boot 2023\.04$/,
    class: 'infrastructure',
  },
  {
    name: 'a reset in Linux',
    happens: board => {
      toDom0(board);
      board.tell({ type: 'console.reset', line: 'RPi: BOOTSYS release' });
    },
    fault: /^the board started again by itself: RPi: BOOTSYS release$/,
    class: 'infrastructure',
  },
  {
    name: 'a reset that the software had announced',
    happens: board => {
      toDom0(board);
      board.tell({ type: 'console.reset', line: 'RPi: BOOTSYS release', because: 'kernel-oops' });
    },
    fault: /^the board started again by itself: RPi: BOOTSYS release$/,
  },
  {
    name: 'a Dom0 that ends',
    happens: board => {
      toDom0(board);
      board.tell({ type: 'console.halt', line: 'Hardware Dom0 halted: halting machine' });
      board.clock.increment(1000);
    },
    fault: /^Dom0 ended by itself: Hardware Dom0 halted/,
  },
  {
    name: 'a kernel panic of Dom0',
    happens: board => {
      toDom0(board);
      board.tell({ type: 'console.crash', who: 'Dom0', line: 'Kernel panic - not syncing: x' });
      board.clock.increment(1000);
    },
    fault: /^Dom0 crashed: Kernel panic - not syncing: x$/,
  },
  {
    name: 'a panic in EL3 before Xen',
    happens: ({ tell, clock }) => {
      tell({ type: 'console.crash', who: 'firmware', line: 'PANIC in EL3.' });
      clock.increment(1000);
    },
    fault: /^firmware crashed: PANIC in EL3\.$/,
  },
  {
    name: 'a synchronous abort of U-Boot',
    happens: ({ tell, clock }) => {
      tell({
        type: 'console.crash',
        who: 'boot loader',
        line: '"Synchronous Abort" handler, esr 0x96000010',
      });
      clock.increment(1000);
    },
    fault: /^boot loader crashed: "Synchronous Abort"/,
    class: 'infrastructure',
  },
];

for (const { name, happens, fault, expectedPanic, panicked = false, class: kind = 'board' } of ends) {
  test(`Xen: ${name} ends the watch`, t => {
    const board = watcher(expectedPanic);
    happens(board);
    t.is(board.seen.output?.panicked, panicked);
    if (fault === null) t.is(board.seen.output?.fault, null);
    else {
      t.regex(board.seen.output?.fault?.what ?? 'no fault', fault);
      t.is(board.seen.output?.fault?.class, kind);
    }
  });
}

test('the probe in place of Xen: its first line is waited for, then it is watched', t => {
  const board = watcher(null, 'probe');
  board.handOver();
  t.is(board.seen.probes, 0);
  board.tell({ type: 'console.probe', line: 'probe: ready version=1 el=2' });
  board.clock.increment(10_000_000);
  t.is(board.seen.probes, 1);
  t.is(board.seen.output, undefined);
  board.tell({ type: 'console.reset', line: 'U-Boot 2023.04' });
  t.regex(board.seen.output?.fault?.what ?? '', /^the board started again by itself/);
});

test('the probe in place of Xen: without its first line the watch ends at the deadline of Xen’s banner', t => {
  const board = watcher(null, 'probe');
  board.handOver();
  board.tell({ type: 'console.xen', line: 'Xen version 4.22' });
  board.clock.increment(1700);
  t.regex(board.seen.output?.fault?.what ?? '', /^waited 1\.7 s for the probe's first line/);
  t.is(board.seen.probes, 0);
});

test('Xen: banners before the hand-over are the boot loader’s affair', t => {
  const board = watcher();
  board.tell({ type: 'console.banner', line: 'U-Boot' });
  board.tell({ type: 'console.reset', line: 'U-Boot' });
  board.tell({ type: 'console.xen', line: 'Xen version, started by a stored boot command' });
  board.tell({ type: 'console.login', line: 'login: ' });
  t.is(board.seen.output, undefined);
  t.is(board.seen.loggedIn, 0);
});

function fileServer(files: readonly string[]) {
  const { clock, world } = simulation();
  const server = told<TransferEvent>();
  const seen: { stalls: Fault[]; fault: Fault | null | undefined; fetched?: Fetched } = {
    stalls: [],
    fault: undefined,
  };
  const parent = setup({
    types: { events: {} as { type: 'transferStalled'; fault: Fault } | { type: 'handedOver' } },
    actors: {
      deploy: deploy.provide({
        actors: { serve: server.logic as never },
        actions: { filesFetched: (_, fetched) => void (seen.fetched = fetched) },
      }),
    },
  }).createMachine({
    invoke: {
      id: 'deploy',
      src: 'deploy',
      input: { world, files },
      onDone: { actions: ({ event }) => void (seen.fault = event.output.fault) },
    },
    on: {
      transferStalled: { actions: ({ event }) => void seen.stalls.push(event.fault) },
      handedOver: { actions: ({ self, event }) => self.getSnapshot().children['deploy']?.send(event) },
    },
  });
  const actor = createActor(parent, { clock });
  actor.start();
  const tell = (transfer: TftpEvent) => server.tell({ type: 'transfer', transfer });
  return {
    clock,
    seen,
    isServing: server.isListening,
    handOver: () => actor.send({ type: 'handedOver' }),
    startOver: () => actor.getSnapshot().children['deploy']?.send({ type: 'attemptOver' }),
    request: (transfer: number, file: string) =>
      tell({ kind: 'request', transfer, client: '192.0.2.2', file, options: {} }),
    progress: (transfer: number, file: string, bytes: number) =>
      tell({ kind: 'progress', transfer, file, bytes, size: 1000 }),
    done: (transfer: number, file: string) =>
      tell({ kind: 'done', transfer, file, bytes: 1000, blocks: 1, resent: 0, milliseconds: 1 }),
    ended: (transfer: number, file: string, why: 'client-error' | 'timeout') =>
      tell({ kind: 'ended', transfer, file, bytes: 0, why, detail: '' }),
    refusedOnConsole: (transfer: number, file: string) =>
      tell({ kind: 'refused', transfer, file, code: 1, why: 'File not found' }),
  };
}

test('deploy: when the board was handed over and had asked for every file, serving ends without a fault', t => {
  const { seen, handOver, request, done, ended, isServing } = fileServer(['xen', 'cmdline.txt']);
  request(1, 'xen');
  done(1, 'xen');
  request(2, 'cmdline.txt');
  ended(2, 'cmdline.txt', 'client-error');
  t.true(isServing());
  handOver();
  t.is(seen.fault, null);
  t.false(isServing());
});

test('deploy: what was fetched is told at the hand-over; of an attempt that is made again, nothing', t => {
  const { clock, seen, handOver, request, done, ended, startOver } = fileServer(['xen', 'config.txt']);
  request(1, 'xen');
  done(1, 'xen');
  startOver();
  clock.increment(500);
  request(2, 'config.txt');
  done(2, 'config.txt');
  request(3, 'xen');
  ended(3, 'xen', 'client-error');
  request(4, 'config.txt');
  done(4, 'config.txt');
  request(5, 'xen');
  clock.increment(1200);
  done(5, 'xen');
  clock.increment(100);
  handOver();
  t.deepEqual(seen.fetched, { files: ['config.txt', 'xen'], bytes: 3000, milliseconds: 1200 });
});

test('deploy: files that the board never asked for are named', t => {
  const { seen, handOver, request, done } = fileServer(['xen', 'dtb', 'kernel']);
  request(1, 'xen');
  done(1, 'xen');
  handOver();
  t.regex(seen.fault?.what ?? '', /^the board went on without asking this server for dtb, kernel$/);
  t.is(seen.fault?.class, 'infrastructure');
});

test('deploy: a transfer stalls when no packet comes for the whole of the deadline, and not before', t => {
  const { clock, seen, request, progress } = fileServer(['xen']);
  request(1, 'xen');
  clock.increment(1400);
  progress(1, 'xen', 256);
  clock.increment(1400);
  t.deepEqual(seen.stalls, []);
  clock.increment(100);
  t.deepEqual(
    seen.stalls.map(({ what }) => what),
    ['the board stopped fetching xen after 256 bytes: no packet for 1.5 s, since 1.4 s into the run'],
  );
});

test('deploy: a client that fell silent is a stall also where the server gave up first; a probe that ends is none', t => {
  const { clock, seen, request, ended } = fileServer(['xen']);
  request(1, 'xen');
  ended(1, 'xen', 'client-error');
  clock.increment(5000);
  t.deepEqual(seen.stalls, []);
  request(2, 'xen');
  ended(2, 'xen', 'timeout');
  clock.increment(1500);
  t.is(seen.stalls.length, 1);
});

test('deploy: a request that the console shows as refused is no longer under way', t => {
  const { clock, seen, request, refusedOnConsole } = fileServer(['xen']);
  request(1, 'pieeprom.sig');
  refusedOnConsole(1, 'pieeprom.sig');
  clock.increment(5000);
  t.deepEqual(seen.stalls, []);
});

const silent = () => new Promise<StepResult>(() => undefined);

const twoSteps: readonly Step[] = [
  { do: 'create', guest: 'one' },
  { do: 'wait', milliseconds: 500 },
];

function scenarioOf(
  step: (index: number, step: Step) => Promise<StepResult>,
  given: readonly Step[] = twoSteps,
  reach: () => Promise<void> = async () => undefined,
) {
  const { clock, world } = simulation();
  const actor = createActor(
    steps.provide({
      actors: {
        reachDom0: fromPromise<void, undefined>(reach),
        checkToolstack: fromPromise<void, undefined>(async () => undefined),
        step: fromPromise<StepResult, StepInput>(({ input }) => step(input.index, input.step)),
      },
    }),
    { clock, input: { steps: given, world, prediction: emptyPrediction } },
  );
  actor.start();
  const faults = () => actor.getSnapshot().output?.faults.map(({ class: kind, what }) => `${kind}: ${what}`);
  return { actor, clock, faults };
}

test('steps: they are run in order, and a fault of one does not keep the next from being run', async t => {
  const ran: number[] = [];
  const { faults } = scenarioOf(async index => {
    ran.push(index);
    return { faults: [{ class: 'board', what: `fault ${index}` }], goOn: true };
  });
  await settle();
  t.deepEqual(ran, [0, 1]);
  t.deepEqual(faults(), ['board: fault 0', 'board: fault 1']);
});

test('steps: after one that leaves nothing to stand on, none is run', async t => {
  const ran: number[] = [];
  const { faults } = scenarioOf(async index => {
    ran.push(index);
    return { faults: [{ class: 'board', what: 'Dom0 is gone' }], goOn: false };
  });
  await settle();
  t.deepEqual(ran, [0]);
  t.deepEqual(faults(), ['board: Dom0 is gone']);
});

test('steps: a scenario without steps does not ask for SSH', async t => {
  const { faults } = scenarioOf(
    async () => ({ faults: [], goOn: true }),
    [],
    () => Promise.reject(new Error('asked')),
  );
  await settle();
  t.deepEqual(faults(), []);
});

test('steps: a step that does not end is given up by name, a wait sooner than a guest', async t => {
  const create = scenarioOf(silent);
  await settle();
  create.clock.increment(1900 + 4 * 2000 - 1);
  t.is(create.faults(), undefined);
  create.clock.increment(1);
  t.regex(create.faults()?.[0] ?? '', /^board: waited 9\.9 s for step 1 \(create one\) to end/);
  const wait = scenarioOf(silent, [{ do: 'wait', milliseconds: 500 }]);
  await settle();
  wait.clock.increment(2500);
  t.regex(wait.faults()?.[0] ?? '', /^board: waited 2\.5 s for step 1 \(wait\) to end/);
});

test('steps: a Dom0 that does not answer SSH is a fault of the lab', async t => {
  const { clock, faults } = scenarioOf(
    async () => ({ faults: [], goOn: true }),
    twoSteps,
    () => new Promise(() => undefined),
  );
  clock.increment(1900);
  t.regex(faults()?.[0] ?? '', /^infrastructure: waited 1\.9 s for Dom0 to answer SSH/);
});

function guest(actors: Parameters<typeof domain.provide>[0]['actors'] = {}, runs = false, refusal?: Error) {
  const { clock, world: alone } = simulation();
  const world = refusal === undefined ? alone : { ...alone, refusal: () => refusal };
  const fine = fromPromise<number, undefined>(async () => 0);
  const machine = domain.provide({
    actors: {
      create: fine,
      destroy: fine,
      shutdown: fine,
      reboot: fine,
      connect: fromPromise<void, undefined>(async () => undefined),
      ...actors,
    },
  });
  const actor = createActor(machine, { clock, input: { name: 'one', world, runs } });
  actor.start();
  const tell = async (...events: DomainEvent['type'][]) => {
    for (const type of events) {
      actor.send({ type });
      await settle();
    }
    return actor.getSnapshot().value;
  };
  return { actor, clock, tell, fault: () => actor.getSnapshot().context.fault?.what };
}

const refusals = [
  [new HostUnreachable('log in to one', 'nothing listens there', 'see that it is up'), 'board'],
  [new NoLogin('log in to one', 'the server is silent', 'see its log'), 'infrastructure'],
] as const;

for (const [refusal, kind] of refusals) {
  test(`domain: a guest of which the last word is "${refusal.message}" is a fault of class ${kind}`, async t => {
    const { actor, clock, tell } = guest(
      { connect: fromPromise(() => new Promise<void>(() => undefined)) },
      true,
      refusal,
    );
    await tell('reach');
    clock.increment(1900);
    const { fault } = actor.getSnapshot().context;
    t.is(fault?.class, kind);
    t.true(fault?.what.startsWith(`waited 1.9 s for one to answer SSH (${refusal.message}), since`));
    t.is(fault?.hint, refusal.hint);
  });
}

const lives: readonly (readonly [DomainEvent['type'][], string])[] = [
  [['create'], 'created'],
  [['create', 'reach'], 'reachable'],
  [['create', 'reach', 'lost'], 'created'],
  [['create', 'reach', 'ended'], 'absent'],
  [['create', 'reach', 'halted'], 'halted'],
  [['create', 'reach', 'halted', 'reach'], 'halted'],
  [['create', 'reach', 'halted', 'destroy'], 'absent'],
  [['create', 'destroy'], 'absent'],
  [['create', 'destroy', 'create', 'reach'], 'reachable'],
  [['create', 'reach', 'shutdown'], 'absent'],
  [['create', 'reach', 'reboot'], 'created'],
  [['reach'], 'absent'],
];

for (const [events, state] of lives) {
  test(`domain: ${events.join(', ')} leaves it ${state}`, async t => {
    t.is<string, string>(await guest().tell(...events), state);
  });
}

test('domain: one that the toolstack refuses is not there, unless one of its name was there before', async t => {
  const refuse = { create: fromPromise<number, undefined>(async () => 1) };
  t.is(await guest(refuse).tell('create'), 'refused');
  t.is(await guest(refuse, true).tell('create'), 'created');
});

for (const [events, milliseconds, fault] of [
  [['create'], 4000, /^waited 4\.0 s for `xl create` of one/],
  [['reach'], 1900, /^waited 1\.9 s for one to answer SSH/],
  [['destroy'], 2000, /^waited 2\.0 s for `xl destroy one`/],
  [['shutdown'], 62_000, /^waited 62\.0 s for `xl shutdown` of one/],
  [['reboot'], 62_000, /^waited 62\.0 s for `xl reboot` of one/],
] as const) {
  test(`domain: ${events[0]} has a deadline that names it`, async t => {
    const status = never<number>();
    const {
      actor,
      clock,
      tell,
      fault: what,
    } = guest(
      { create: status, destroy: status, shutdown: status, reboot: status, connect: never<void>() },
      true,
    );
    await tell(...events);
    clock.increment(milliseconds - 1);
    t.false(actor.getSnapshot().hasTag('settled'));
    clock.increment(1);
    t.true(actor.getSnapshot().hasTag('settled'));
    t.regex(what() ?? 'no fault', fault);
  });
}

interface Lab {
  readonly actor: Actor<typeof run>;
  readonly clock: SimulatedClock;
  readonly done: string[];
  readonly outcome: () => string | undefined;
  readonly faults: () => readonly string[] | undefined;
}

/** A run whose board boots by magic: only what is around the boot is looked at. */
function lab(
  actors: Parameters<typeof run.provide>[0]['actors'] = {},
  state: () => PowerState = () => 'off',
): Lab {
  const { clock, world } = simulation();
  const done: string[] = [];
  const noted = (what: string) => fromPromise<void, undefined>(async () => void done.push(what));
  const machine = run.provide({
    actors: {
      reserve: noted('reserve'),
      release: noted('release'),
      predict: fromPromise<Prediction, undefined>(async () => ({ panic: null }) as Prediction),
      offerFiles: fromPromise<void, undefined>(async () => undefined),
      holdConsole: fromCallback<never, undefined>(({ sendBack }) => {
        done.push('open');
        sendBack({ type: 'consoleOpened' });
        return () => void done.push('close');
      }) as never,
      power: power.provide({
        actors: {
          switchPower: fromPromise<void, { to: 'on' | 'off' }>(async ({ input }) => void done.push(input.to)),
          readPower: fromPromise<PowerState, undefined>(async () => state()),
        },
      }),
      deploy: deploy.provide({ actors: { serve: told<TransferEvent>().logic as never } }),
      xen: xen.provide({ actors: { console: told<ConsoleEvent>().logic, askForLogin: never() } }),
      boot: never<never, never>() as never,
      collect: fromPromise<void, { dom0Reached: boolean }>(async () => void done.push('collect')),
      ...actors,
    },
  });
  const actor = createActor(machine, {
    clock,
    input: {
      world,
      files: [],
      steps: [],
      boot: {},
    },
  });
  actor.start();
  return {
    actor,
    clock,
    done,
    outcome: () => actor.getSnapshot().output?.outcome,
    faults: () => actor.getSnapshot().output?.faults.map(({ what }) => what),
  };
}

const end = ['collect', 'off', 'close', 'release'];

test('run: a line that does not open is given up at its deadline, and the power is switched off all the same', async t => {
  const { clock, done, faults } = lab({ holdConsole: told<never>().logic as never });
  await settle();
  clock.increment(1199);
  await settle();
  t.deepEqual(done, ['reserve']);
  clock.increment(1);
  await settle();
  t.deepEqual(done, ['reserve', 'collect', 'off', 'release']);
  t.regex(faults()?.[0] ?? '', /^waited 1\.2 s for the serial port to open/);
});

test('run: a board that was on is left to discharge before it is switched on', async t => {
  let asked = 0;
  // On before it is told, off once it was.
  const { actor, clock } = lab({}, () => (asked++ === 0 ? 'on' : 'off'));
  await settle();
  clock.increment(1999);
  t.true(actor.getSnapshot().matches({ attended: { working: 'poweringOff' } }));
  clock.increment(1);
  t.true(actor.getSnapshot().matches({ attended: { working: { on: 'deploying' } } }));
});

for (const [says, fault] of [
  ['on', undefined],
  ['unknown', undefined],
  ['off', 'THE BOARD MAY STILL BE POWERED: the switch said that it was off while the board still answered'],
] as const) {
  test(`run: a switch that says ${says} of a board that has booted is ${fault === undefined ? 'believed' : 'not the one of this board'}`, async t => {
    let isOn = false;
    const booted = { fault: null, attempts: 1, xenSeen: true };
    const { actor, faults } = lab({
      boot: fromPromise(async () => {
        isOn = true;
        return booted;
      }) as never,
      power: power.provide({
        actors: {
          switchPower: fromPromise<void, { to: 'on' | 'off' }>(async () => {
            if (says !== 'unknown') isOn = false;
          }),
          readPower: fromPromise<PowerState, undefined>(async () => (isOn ? says : 'off')),
        },
      }),
    });
    await settle();
    actor.send({ type: 'interrupt' });
    await settle();
    t.deepEqual(faults()?.slice(1), fault === undefined ? [] : [fault]);
  });
}

for (const [what, event, outcome] of [
  ['Ctrl-C', { type: 'interrupt' }, 'interrupted'],
  ['a lost line', { type: 'consoleLost', error: new Error('unplugged') }, 'infrastructure'],
] as const satisfies readonly (readonly [string, RunEvent, string])[]) {
  test(`run: ${what} in the boot leads through ${end.join(', ')}`, async t => {
    const { actor, done, outcome: came } = lab();
    await settle();
    t.deepEqual(done, ['reserve', 'open', 'off']);
    actor.send(event);
    await settle();
    t.deepEqual(done.slice(3), end);
    t.is(came(), outcome);
  });
}

test('run: collecting has a deadline, and a second Ctrl-C cuts it short', async t => {
  const hangs = { collect: never<void, { dom0Reached: boolean }>() };
  const slow = lab(hangs);
  await settle();
  slow.actor.send({ type: 'interrupt' });
  slow.clock.increment(2099);
  await settle();
  t.is(slow.outcome(), undefined);
  slow.clock.increment(1);
  await settle();
  t.is(slow.outcome(), 'interrupted');
  const hurried = lab(hangs);
  await settle();
  hurried.actor.send({ type: 'interrupt' });
  hurried.actor.send({ type: 'interrupt' });
  await settle();
  t.deepEqual(hurried.done.slice(-3), ['off', 'close', 'release']);
});

test('run: a board that somebody else has is not touched', async t => {
  const { done, faults, outcome } = lab({
    reserve: fromPromise<void, undefined>(() => Promise.reject(new Error('ada holds it'))),
  });
  await settle();
  t.deepEqual(done, []);
  t.is(outcome(), 'infrastructure');
  t.deepEqual(faults(), ['reserve the board: ada holds it']);
});

test('run: neither a reservation, a place for the files nor a release that hangs keeps the run from its end', async t => {
  for (const actors of [
    { reserve: never<void>() },
    { predict: never<Prediction>() },
    { offerFiles: never<void>() },
    { release: never<void>() },
  ]) {
    const { actor, clock, outcome } = lab(actors);
    await settle();
    if ('release' in actors) actor.send({ type: 'interrupt' });
    await settle();
    clock.increment('offerFiles' in actors ? deadlines.deploy : 60_000);
    await settle();
    t.not(outcome(), undefined, Object.keys(actors).join());
  }
});

test('run: the fault of a power that cannot be switched off stands out', async t => {
  const { clock, faults } = lab({
    power: power.provide({
      actors: {
        switchPower: fromPromise<void, { to: 'on' | 'off' }>(() => Promise.reject(new Error('PDU is gone'))),
        readPower: fromPromise<PowerState, undefined>(async () => 'unknown'),
      },
    }),
  });
  for (let second = 0; second < 8; second++) {
    await settle();
    clock.increment(1000);
  }
  t.deepEqual(faults(), [
    'switch the power off: PDU is gone',
    'THE BOARD MAY STILL BE POWERED: switch the power off: PDU is gone',
  ]);
});
