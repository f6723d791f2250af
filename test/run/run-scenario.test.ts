import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { loadFirmwareProfile } from '../../src/board/firmware-profile.ts';
import { parseFlat } from '../../src/model/dt/flat.ts';
import { DeviceTree, DtNode } from '../../src/model/dt/tree.ts';
import { emptyPrediction, type Prediction } from '../../src/model/predict/prediction.ts';
import type { RecordedData } from '../../src/verdict/recording/event.ts';
import { prepareDeployment } from '../../src/run/deploy/deployment.ts';
import type { RunOutput } from '../../machines/run-outcome.ts';
import { systemClock } from '../../src/run/clock.ts';
import { runScenario } from '../../src/run/run.ts';
import type { Scenario, Step } from '../../src/model/predict/scenario.ts';
import { quickType, ScriptedBoard, type ScriptedOptions, uBootLife, xenLife } from './scripted-board.ts';

const prediction: Prediction = {
  ...emptyPrediction,
  mediator: { kind: 'multi-agent', registered: true, errno: 0, node: null, agentId: 0 },
};

function scenario(steps: readonly Step[] = []): Scenario {
  const root = new DtNode('', null);
  root.properties.set('#address-cells', Uint8Array.of(0, 0, 0, 2));
  root.properties.set('#size-cells', Uint8Array.of(0, 0, 0, 2));
  return {
    name: 'scripted',
    title: 'Scripted',
    claims: [],
    xen: { mediator: 'multi-agent', debug: true },
    linux: '6.12',
    firmware: { profile: loadFirmwareProfile('rcar_gen4_v2.7_v4x-scmi_pd'), faults: [] },
    hostTree: new DeviceTree(root),
    dom0less: new Map(),
    guests: new Map([
      [
        'domu',
        {
          name: 'domu',
          config: 'name = "domu"\n',
          origin: 'test',
          files: new Map([['/root/scmi-hil/domu.dtb', new Uint8Array([1, 2])]]),
        },
      ],
    ]),
    steps,
    statements: [],
  };
}

interface Ran extends RunOutput {
  readonly events: readonly RecordedData[];
  readonly board: ScriptedBoard;
  readonly directory: string;
}

async function run(
  t: ExecutionContext,
  options: Partial<ScriptedOptions> & Pick<ScriptedOptions, 'life'>,
  more: {
    steps?: readonly Step[];
    signal?: AbortSignal;
    panic?: string;
    on?: (event: RecordedData, board: ScriptedBoard) => void;
  } = {},
): Promise<Ran> {
  const directory = await mkdtemp(path.join(tmpdir(), 'scmi-hil-run-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const board = new ScriptedBoard({ type: quickType('rcar-v4h-white-hawk'), ...options });
  const events: RecordedData[] = [];
  const result = await runScenario({
    board,
    scenario: scenario(more.steps),
    deployment: await prepareDeployment(board, scenario()),
    predict: () => ({ ...prediction, panic: more.panic ?? null }),
    recorder: {
      record: (_, event) => {
        events.push(event);
        more.on?.(event, board);
      },
    },
    directory,
    signal: more.signal ?? new AbortController().signal,
    reservation: { command: 'a test' },
    clock: systemClock(),
  });
  return { ...result, events, board, directory };
}

/** Power is off, the line closed, nothing is logged in, nobody holds the board. */
async function nothingLeft(t: ExecutionContext, { board }: Ran) {
  t.false(board.isOn, 'the board has power');
  t.is(
    board.log.findLast(entry => entry.startsWith('power')),
    'power off',
  );
  t.is(
    board.log.filter(entry => entry === 'serial open').length,
    board.log.filter(entry => entry === 'serial closed').length,
  );
  t.is(board.served, undefined, 'its files are still served');
  t.is(board.sessions, 0, 'SSH sessions are open');
}

const milestones = (events: readonly RecordedData[]) =>
  events.flatMap(event => (event.kind === 'milestone' ? event.data.name : []));

test('a board is booted through U-Boot to Dom0, its steps are run and its logs collected', async t => {
  const ran = await run(
    t,
    {
      life: uBootLife(xenLife()),
      shell: (domain, command) => ({ stdout: command === 'uname -r' ? '6.12\n' : `${domain} said so\n` }),
    },
    {
      steps: [
        { do: 'create', guest: 'domu' },
        { do: 'look', domain: 'domu' },
        { do: 'command', domain: 'dom0', run: 'uname -r' },
        { do: 'destroy', guest: 'domu' },
      ],
    },
  );
  t.deepEqual(ran.faults, []);
  t.is(ran.outcome, 'completed');
  t.deepEqual(
    ran.board.log.filter(entry => !entry.startsWith('domu$')),
    [
      'serve',
      'serial open',
      'power off',
      'power on',
      'serve no more',
      'dom0 has /root/scmi-hil/domu.cfg: 14 bytes',
      'dom0 has /root/scmi-hil/domu.dtb: 2 bytes',
      'dom0$ wc -c /var/log/xen/console/guest-domu.log',
      'dom0$ xl create /root/scmi-hil/domu.cfg',
      'dom0$ uname -r',
      'dom0$ xl destroy domu',
      'dom0$ xl list',
      'dom0$ xl dmesg',
      'dom0$ xl list',
      'dom0$ dmesg',
      'dom0$ wc -c /var/log/xen/console/guest-domu.log',
      'power off',
      'serial closed',
    ],
  );
  t.deepEqual(
    milestones(ran.events).filter(name => /^(u-boot|handover|xen-banner|dom0-login|domain)/.test(name)),
    [
      'u-boot-banner',
      'u-boot-autoboot',
      'handover',
      'xen-banner',
      'dom0-login',
      'domain-created',
      'domain-destroyed',
    ],
  );
  const steps = ran.events.flatMap(event =>
    event.kind === 'step' ? `${event.data.index} ${event.data.phase}` : [],
  );
  t.deepEqual(steps, [
    '0 started',
    '0 finished',
    '1 started',
    '1 finished',
    '2 started',
    '2 finished',
    '3 started',
    '3 finished',
  ]);
  t.is(await readFile(path.join(ran.directory, 'collected', 'xl-list.txt'), 'utf8'), 'dom0 said so\n');
  await nothingLeft(t, ran);
});

test('every byte of the console is recorded as it came, typed ones too', async t => {
  const { events } = await run(t, { life: uBootLife(xenLife()), shell: () => ({}) });
  const text = (kind: 'received' | 'sent') =>
    events.map(event => (event.kind === kind && 'text' in event.data ? event.data.text : '')).join('');
  t.true(text('sent').startsWith(' setenv autoload no\rsetenv ipaddr 192.0.2.2\r'), text('sent'));
  t.true(text('sent').endsWith('booti 0x48200000 - 0x48000000\r'));
  t.true(text('received').includes('=> setenv ipaddr 192.0.2.2\r\n=> '));
});

test('the tree that is deployed names the boot modules with their exact sizes', async t => {
  const board = new ScriptedBoard({ type: quickType('rcar-v4h-white-hawk'), life: xenLife() });
  const { files } = await prepareDeployment(board, scenario());
  const dtb = files.get('dtb');
  const tree = parseFlat(dtb instanceof Uint8Array ? dtb : new Uint8Array());
  t.deepEqual(tree.node('/chosen/module@50000000')?.cells('reg'), [0, 0x50000000, 0, 500]);
  t.deepEqual(tree.node('/chosen/module@58000000')?.cells('reg'), [0, 0x58000000, 0, 70]);
  t.deepEqual(tree.node('/chosen/module@50000000')?.strings('compatible'), [
    'multiboot,kernel',
    'multiboot,module',
  ]);
});

const panic = async (wires: Parameters<ReturnType<typeof xenLife>>[0]) => {
  wires.line('(XEN) Xen version 4.22-unstable (@) (aarch64-linux-gnu-gcc) debug=y 2026-11-21');
  for (const line of ['', '****', 'Panic on CPU 0:', 'Error creating domain 0 (rc = -17)', '****', ''])
    wires.line(`(XEN) ${line}`);
  wires.line('(XEN) Reboot in five seconds...');
  await wires.hang();
};

test('a panic that the model predicted is the end of a completed run', async t => {
  const ran = await run(
    t,
    { life: uBootLife(panic) },
    { panic: 'Error creating domain 0 (rc = -17)', steps: [{ do: 'wait', milliseconds: 5 }] },
  );
  t.is(ran.outcome, 'completed');
  t.deepEqual(ran.faults, []);
  t.false(ran.events.some(event => event.kind === 'step'));
  await nothingLeft(t, ran);
});

test('a panic that nobody predicted completes the run too, with a fault of the board', async t => {
  const ran = await run(t, { life: uBootLife(panic) });
  t.is(ran.outcome, 'completed');
  t.deepEqual(ran.faults, [{ class: 'board', what: 'Xen panicked: Error creating domain 0 (rc = -17)' }]);
  await nothingLeft(t, ran);
});

const uBoot = (answer: (command: string) => string | undefined) => uBootLife(xenLife(), answer);

const failures: readonly {
  readonly title: string;
  readonly options: Partial<ScriptedOptions> & Pick<ScriptedOptions, 'life'>;
  readonly outcome?: RunOutput['outcome'];
  readonly fault: RegExp;
  readonly steps?: readonly Step[];
}[] = [
  {
    title: 'a board that says nothing',
    options: { life: wires => wires.hang(), type: quickType('rcar-v4h-white-hawk', { firstOutput: 30 }) },
    fault: /^waited \d+\.\d s for the first sign of life of the boot loader, since .* into the run/,
  },
  {
    title: 'a file of which the wrong number of bytes arrives',
    options: {
      life: uBoot(command => (command.endsWith(' kernel') ? 'Bytes transferred = 499 (1f3 hex)' : undefined)),
    },
    fault: /`tftpboot 0x50000000 kernel` did not load the file: 499 bytes came, kernel has 500/,
  },
  {
    title: 'a file that the server refuses',
    options: {
      life: uBoot(command => (command.endsWith(' xen') ? "TFTP error: 'File not found' (1)" : undefined)),
    },
    fault: /`tftpboot 0x48200000 xen` did not load the file: TFTP error: 'File not found' \(1\)/,
  },
  {
    title: 'a file that another server gave',
    options: {
      life: uBoot(command => (command.endsWith(' xen') ? 'Bytes transferred = 300 (12c hex)' : undefined)),
    },
    fault: /^the board went on without asking this server for xen/,
  },
  {
    title: 'an image that U-Boot does not start',
    options: {
      life: uBoot(command => (command.startsWith('booti') ? 'Bad Linux ARM64 Image magic!' : undefined)),
    },
    fault: /U-Boot did not start `booti 0x48200000 - 0x48000000`: .*Bad Linux ARM64 Image magic!/,
  },
  {
    title: 'a setting that U-Boot refuses',
    options: {
      life: uBoot(command =>
        command.startsWith('setenv ipaddr') ? '## Error inserting "ipaddr" variable, errno=1' : undefined,
      ),
    },
    fault: /U-Boot refused `setenv ipaddr 192\.0\.2\.2`: ## Error inserting/,
  },
  {
    title: 'a transfer that stops in mid-file',
    options: {
      type: quickType('rcar-v4h-white-hawk', { transferStall: 40 }),
      life: uBootLife(xenLife(), (command, wires) => {
        if (!command.startsWith('tftpboot')) return undefined;
        wires.tftp({ kind: 'request', transfer: 1, client: '192.0.2.2', file: 'dtb', options: {} });
        wires.tftp({ kind: 'progress', transfer: 1, file: 'dtb', bytes: 77, size: 100 });
        return wires.hang();
      }),
    },
    fault: /^the board stopped fetching dtb after 77 bytes: no packet for 0\.0 s/,
  },
  {
    title: 'a Xen that never says a word',
    options: {
      type: quickType('rcar-v4h-white-hawk', { xenBanner: 40 }),
      life: uBootLife(wires => wires.hang()),
    },
    outcome: 'infrastructure',
    fault:
      /^waited \d+\.\d s for Xen's banner: nothing came after the hand-over, since .*; the console's last line: .*\n[\s\S]*Starting kernel/,
  },
  {
    title: 'a Dom0 whose login never comes',
    options: {
      type: quickType('rcar-v4h-white-hawk', { dom0: 40 }),
      reachable: () => false,
      life: uBootLife(async wires => {
        wires.line('(XEN) Xen version 4.22-unstable (@) (aarch64-linux-gnu-gcc) debug=y 2026-11-21');
        await wires.hang();
      }),
    },
    outcome: 'completed',
    fault: /^waited \d+\.\d s for Dom0's login/,
  },
  {
    title: 'an SSH server that never answers',
    options: {
      type: quickType('rcar-v4h-white-hawk', { domain: 60 }),
      life: uBootLife(xenLife()),
      reachable: () => false,
    },
    steps: [{ do: 'command', domain: 'dom0', run: 'true' }],
    fault: /^waited \d+\.\d s for Dom0 to answer SSH/,
  },
  {
    title: 'a board that resets by itself in Linux',
    options: {
      life: uBootLife(
        xenLife(async wires => {
          await new Promise(resolve => setTimeout(resolve, 30));
          wires.line();
          wires.line('NOTICE:  BL31: v2.7(release):v2.7');
          await wires.hang();
        }),
      ),
      shell: () => ({}),
    },
    steps: [{ do: 'wait', milliseconds: 5000 }],
    outcome: 'infrastructure',
    fault: /^the board started again by itself: NOTICE: {2}BL31: v2\.7/,
  },
  {
    title: "a kernel panic of Dom0's",
    options: {
      life: uBootLife(
        xenLife(async wires => {
          await new Promise(resolve => setTimeout(resolve, 30));
          wires.print(
            '\r\r\n[    9.0] x\r\r\n[    9.029661] Kernel panic - not syncing: sysrq triggered crash\r\r\n',
          );
          await wires.hang();
        }),
      ),
      shell: () => ({}),
    },
    steps: [{ do: 'wait', milliseconds: 5000 }],
    outcome: 'completed',
    fault: /^Dom0 crashed: Kernel panic - not syncing: sysrq triggered crash/,
  },
  {
    title: 'a command that never ends',
    options: {
      type: quickType('rcar-v4h-white-hawk', { command: 100 }),
      life: uBootLife(xenLife()),
      shell: (_, command) => (command === 'sleep 9999' ? undefined : {}),
    },
    steps: [{ do: 'command', domain: 'dom0', run: 'sleep 9999' }],
    outcome: 'completed',
    fault: /^step 1 \(command\): waited 0\.1 s for `sleep 9999` in dom0 to end/,
  },
  {
    title: 'a port that cannot be opened',
    options: {
      life: xenLife(),
      open: () => Promise.reject(new Error('/dev/ttyUSB7: no such file')),
    },
    fault: /^read the console: \/dev\/ttyUSB7: no such file/,
  },
];

for (const { title, options, outcome = 'infrastructure', fault, steps = [] } of failures) {
  test(`${title}: the run says so and leaves nothing behind`, async t => {
    const ran = await run(t, options, { steps });
    t.is(ran.outcome, outcome, JSON.stringify(ran.faults));
    t.regex(ran.faults.map(({ what }) => what).join('\n'), fault);
    const recorded = ran.events.flatMap(event => (event.kind === 'fault' ? event.data.what : []));
    t.deepEqual(
      recorded,
      ran.faults.map(({ what }) => what),
    );
    await nothingLeft(t, ran);
  });
}

test('a serial line that is lost in the middle ends in power off and release', async t => {
  const ran = await run(
    t,
    { life: uBootLife(xenLife()), shell: () => ({}) },
    {
      steps: [{ do: 'wait', milliseconds: 5000 }],
      on: (event, board) => {
        if (event.kind === 'step') board.unplug();
      },
    },
  );
  t.is(ran.outcome, 'infrastructure');
  t.regex(ran.faults[0]?.what ?? '', /^read the console: the adapter was unplugged/);
  t.false(ran.board.isOn);
  t.is(ran.board.log.at(-1), 'power off');
});

for (const state of ['reserving', 'attended.working.on.deploying.booting', 'attended.working.on.stepping']) {
  test(`Ctrl-C in ${state}: the run ends as interrupted and leaves nothing behind`, async t => {
    const controller = new AbortController();
    const ran = await run(
      t,
      { life: uBootLife(xenLife()), shell: () => ({}) },
      {
        signal: controller.signal,
        steps: [{ do: 'wait', milliseconds: 60_000 }],
        on: event => {
          if (event.kind === 'state' && event.data.machine === 'run' && event.data.state === state)
            setImmediate(() => controller.abort());
        },
      },
    );
    t.is(ran.outcome, 'interrupted');
    if (ran.board.log.length > 0) await nothingLeft(t, ran);
  });
}

test('a switch that does not turn is tried three times, and again at the end, and the fault is loud', async t => {
  const ran = await run(t, {
    life: xenLife(),
    switch: () => Promise.reject(new Error('PDU: no route to host')),
  });
  t.is(ran.outcome, 'infrastructure');
  t.is(ran.board.log.filter(entry => entry === 'power off').length, 6);
  t.regex(ran.faults.at(-1)?.what ?? '', /^THE BOARD MAY STILL BE POWERED: .*PDU: no route to host/);
});

test('a countdown that was missed costs a power cycle, not the run', async t => {
  let boots = 0;
  const ran = await run(t, {
    shell: () => ({}),
    life: async wires => {
      if (++boots > 1) return uBootLife(xenLife())(wires);
      wires.line('U-Boot 2023.04 (Apr 01 2023)');
      wires.line('Starting kernel ...');
      await wires.hang();
    },
  });
  t.is(ran.outcome, 'completed', JSON.stringify(ran.faults));
  t.is(ran.board.log.filter(entry => entry === 'power on').length, 2);
  await nothingLeft(t, ran);
});

for (const [what, xl, shell, fault] of [
  [
    'a Dom0 without xl',
    () => ({ status: 127, stdout: '', stderr: 'sh: xl: not found\n' }),
    () => ({}),
    /^check the toolstack: run `xl list 0` in Dom0: exit status 127, "sh: xl: not found"$/,
  ],
  [
    'an xl of another Xen',
    (command: string) =>
      command === 'xl list 0'
        ? {}
        : { status: 1, stdout: '', stderr: 'libxl: error: failed to retrieve the maximum number of cpus\n' },
    (_: string, command: string) =>
      command.startsWith('cd /sys/hypervisor')
        ? { stdout: 'Xen 4.22-unstable\n/usr/lib/aarch64-linux-gnu/libxenlight.so.4.17\n/usr/lib/xen-4.17\n' }
        : {},
    /failed to retrieve the maximum number of cpus", no row of Dom0; Xen is 4\.22-unstable, its tools are 4\.17$/,
  ],
  [
    'an xl that cannot be started when it creates the guest',
    undefined,
    (_: string, command: string) =>
      command.startsWith('xl create')
        ? { status: 127, stderr: 'xl: error while loading shared libraries: libyajl.so.2' }
        : {},
    /run `xl create \/root\/scmi-hil\/domu.cfg` in dom0: exit status 127, "xl: error while loading shared libraries/,
  ],
] as const) {
  test(`${what} is an infrastructure error, and no answer that is judged`, async t => {
    const ran = await run(
      t,
      { life: uBootLife(xenLife()), shell, ...(xl !== undefined && { xl }) },
      { steps: [{ do: 'create', guest: 'domu' }] },
    );
    t.is(ran.outcome, 'infrastructure', JSON.stringify(ran.faults));
    t.regex(ran.faults[0]?.what ?? '', fault);
    t.false(ran.events.some(event => event.kind === 'answer' && event.data.command.startsWith('xl create')));
    await nothingLeft(t, ran);
  });
}

test('a Dom0 that answers SSH is up, whatever prompt its console shows', async t => {
  const life = uBootLife(async wires => {
    wires.line('(XEN) Xen version 4.22-unstable (@) (aarch64-linux-gnu-gcc) debug=y 2026-11-21');
    wires.print('[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x411fd070]\r\r\n');
    wires.print('<<< my own prompt >>> ');
    await wires.hang();
  });
  const ran = await run(
    t,
    { life, shell: () => ({}), type: quickType('rcar-v4h-white-hawk', { dom0: 20_000 }) },
    { steps: [{ do: 'command', domain: 'dom0', run: 'uname -r' }] },
  );
  t.deepEqual(ran.faults, []);
  t.true(milestones(ran.events).includes('dom0-login'));
});
