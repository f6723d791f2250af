/** UARTs beside the console, over the virtual board's pseudo-terminals and over sockets. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { loadBoardType } from '../../src/board/board-types.ts';
import type { BoardUart } from '../../src/lab/drivers/board.ts';
import type { OpenBoard } from '../../src/lab/open-board.ts';
import { serialTcp } from '../../src/lab/drivers/serial/tcp.ts';
import { readRun } from '../../src/verdict/recording/reader.ts';
import { runFiles } from '../../src/verdict/recording/run-directory.ts';
import type { RecordedEvent } from '../../src/verdict/recording/event.ts';
import { runOnBoard, type JudgedRun } from '../../src/run/run.ts';
import { findScenario, loadScenario } from '../../src/scenario/load.ts';
import { judge } from '../verdict/verify/judged.ts';
import { openVirtualBoard } from '../../src/lab/virtual/open.ts';

const project = path.resolve(import.meta.dirname, '../..');
const scratch = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-uarts-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

interface Asked {
  readonly scenario?: string;
  /** UARTs that the board's type has. */
  readonly types?: Readonly<Record<string, { readonly talkers: 'tf-a'[] }>>;
  /** In place of those that the virtual board has for them. */
  readonly uarts?: ReadonlyMap<string, BoardUart>;
  /** Dom0's kernel stops without a word. */
  readonly hangs?: boolean;
  readonly onEvent?: (event: RecordedEvent) => void;
}

async function run(
  t: ExecutionContext,
  { scenario = 'dom0-and-guest', types = {}, uarts, hangs = false, onEvent }: Asked,
) {
  const type = { ...loadBoardType('rcar-v4h-white-hawk'), uarts: { ...types } };
  const asked = loadScenario(findScenario(scenario, project).file, type);
  await using open = await openVirtualBoard(type, {
    name: 'two-uarts',
    firmware: asked.firmware,
    ...(hangs && { faults: { stops: 'in-dom0-kernel' as const } }),
  });
  const board: OpenBoard = uarts === undefined ? open : { ...open, uarts };
  const session = await runOnBoard({
    board,
    scenario: asked,
    runs: path.join(scratch, 'runs'),
    signal: new AbortController().signal,
    controller: 'test',
    command: 'test',
    ...(onEvent !== undefined && { onEvent }),
  });
  t.is(await open.power.state(AbortSignal.timeout(1000)), 'off', 'the board is left powered');
  return session;
}

const ofFirmware = ({ verdict }: JudgedRun) =>
  verdict.judgements.filter(({ expectation }) => expectation.source === 'firmware');
const said = ({ directory }: JudgedRun, name: string) =>
  readFileSync(path.join(directory, runFiles.console(name)), 'utf8');

test.serial(
  'what firmware says on a UART of its own is predicted, recorded, judged, and judged again',
  async t => {
    const scenario = 'firmware-without-reset-agent';
    const shared = await run(t, { scenario });
    t.is(shared.verdict.outcome, 'met');
    t.deepEqual(
      new Set(ofFirmware(shared).map(({ outcome }) => outcome)),
      new Set(['not-observable'] as const),
    );

    const events: RecordedEvent[] = [];
    const types = { secure: { talkers: ['tf-a' as const] } };
    const own = await run(t, { scenario, types, onEvent: event => events.push(event) });
    t.is(own.verdict.outcome, 'met', JSON.stringify(own.verdict.faults));
    t.deepEqual(new Set(ofFirmware(own).map(({ outcome }) => outcome)), new Set(['met'] as const));
    t.regex(said(own, 'secure'), /^NOTICE: {2}BL3-1[^]*\r\nERROR: {3}Agent 0 Protocol 0x10 Message 0xb: not/);
    t.notRegex(said(own, 'main'), /NOTICE: {2}BL|ERROR: {3}Agent/);
    t.true(
      events.some(
        ({ kind, data }) =>
          kind === 'milestone' && data.name === 'bl31-banner' && data.console === 'secure' && 'line' in data,
      ),
    );

    const { events: recording, lines, damaged } = await readRun(own.directory);
    t.deepEqual(damaged, []);
    const again = judge({ prediction: own.prediction ?? t.fail(), recording, lines, strict: false });
    t.deepEqual(again.counts, own.verdict.counts);
    const header = recording.find(event => event.kind === 'run-started');
    t.deepEqual(header?.data.uarts, { secure: ['tf-a'] });
  },
);

test.serial('a line that firmware owes on its own UART, where it speaks otherwise, is missed', async t => {
  const scenario = 'firmware-without-reset-agent';
  const types = { secure: { talkers: ['tf-a' as const] } };
  const { directory, prediction } = await run(t, { scenario, types });
  const { events, lines } = await readRun(directory);
  const silent = events.map((event): RecordedEvent => {
    if (event.kind !== 'received' || !('text' in event.data)) return event;
    return { ...event, data: { ...event.data, text: event.data.text.replaceAll('ERROR:   Agent', 'Agent') } };
  });
  const { judgements } = judge({
    prediction: prediction ?? t.fail(),
    recording: silent,
    lines,
    strict: false,
  });
  const owed = judgements.filter(({ expectation }) => expectation.source === 'firmware');
  t.deepEqual(new Set(owed.map(({ outcome }) => outcome)), new Set(['missed'] as const));

  // The same, while its adapter, or the console's, was away.
  for (const [console, outcome] of [
    ['secure', 'infrastructure'],
    ['main', 'missed'],
  ] as const) {
    const on = silent.findLastIndex(({ kind, data }) => kind === 'power' && data.action === 'on');
    const [before, after] = [silent.slice(0, on + 1), silent.slice(on + 1)];
    const [first, last] = [before.at(-1), after.at(-1)];
    if (first === undefined || last === undefined) return t.fail();
    const line = (state: 'away' | 'back', { t: time }: RecordedEvent): RecordedEvent => ({
      t: time,
      source: 'console',
      kind: 'line',
      data: { console, state, detail: 'unplugged' },
    });
    const recording = [...before, line('away', first), ...after.slice(0, -1), line('back', last), last];
    const places = recording.map((_, index) => index + 1);
    const judged = judge({ prediction: prediction ?? t.fail(), recording, lines: places, strict: false });
    const firmware = judged.judgements.filter(({ expectation }) => expectation.source === 'firmware');
    t.deepEqual(new Set(firmware.map(each => each.outcome)), new Set([outcome]));
    t.is(
      judged.faults.some(({ what }) => what.startsWith('the UART of tf-a was away')),
      console === 'secure',
    );
  }
  return t.pass();
});

test.serial('a UART that nobody has named a talker for is recorded, and nothing is judged by it', async t => {
  const strange = Buffer.from(
    '(XEN) scmi: made up\r\n(XEN) Panic on CPU 0:\r\nPANIC in EL3.\r\n[    1.0] arm-scmi: no\r\n\xff\0',
    'latin1',
  );
  const port = await server(t, socket => socket.write(strange));
  const session = await run(t, { uarts: new Map([['radio', { serial: port.driver, talkers: [] }]]) });
  t.is(session.verdict.outcome, 'met', JSON.stringify(session.verdict.faults));
  t.deepEqual(readFileSync(path.join(session.directory, runFiles.console('radio'))), strange);
  t.is(port.connections(), 1);
  t.is(port.open(), 0, 'the line is left open');
});

test.serial(
  'a UART that cannot be opened ends the run before the board is switched on, and is named',
  async t => {
    const closed = await server(t, () => {});
    closed.close();
    const working = await server(t, () => {});
    const powered: unknown[] = [];
    const { outcome, verdict } = await run(t, {
      uarts: new Map([
        ['first', { serial: working.driver, talkers: [] }],
        ['secure', { serial: closed.driver, talkers: ['tf-a'] }],
      ]),
      onEvent: ({ kind, data }) => kind === 'power' && data.action === 'on' && powered.push(data),
    });
    t.is(outcome, 'infrastructure');
    t.is(verdict.outcome, 'infrastructure');
    t.regex(verdict.faults[0]?.what ?? '', /UART secure: .*127\.0\.0\.1:\d+.*nothing listens there/);
    t.deepEqual(powered, []);
    await settled(() => working.open() === 0);
    t.is(working.open(), 0, 'the UART that could be opened is left open');
  },
);

test.serial('a UART that is lost in a run ends it as the lab’s failure, and is named', async t => {
  const port = await server(t, () => {});
  const { outcome, verdict } = await run(t, {
    uarts: new Map([['secure', { serial: port.driver, talkers: ['tf-a'] }]]),
    onEvent: ({ kind, data }) => {
      if (kind === 'milestone' && data.name === 'xen-banner') port.close();
    },
  });
  t.is(outcome, 'infrastructure');
  t.is(verdict.outcome, 'infrastructure');
  t.regex(verdict.faults[0]?.what ?? '', /UART secure: .*127\.0\.0\.1:\d+/);
});

test.serial(
  'a firmware that panics on its own UART has crashed, whatever the console still waits for',
  async t => {
    const port = await server(t, () => {});
    const { outcome, verdict } = await run(t, {
      uarts: new Map([['secure', { serial: port.driver, talkers: ['tf-a'] }]]),
      hangs: true,
      onEvent: ({ kind, data }) => {
        if (kind === 'milestone' && data.name === 'xen-banner')
          port.write('PANIC at EL3: vector 4 of CPU 0\r\n');
      },
    });
    t.is(outcome, 'completed');
    t.is(verdict.outcome, 'failed');
    t.regex(verdict.faults[0]?.what ?? '', /firmware crashed: PANIC at EL3/);
  },
);

/** A port server with one serial port. */
async function server(t: ExecutionContext, connected: (socket: net.Socket) => void) {
  const sockets = new Set<net.Socket>();
  let connections = 0;
  const listener = net.createServer(socket => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    connected(socket.resume());
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as net.AddressInfo;
  const close = () => {
    listener.close();
    for (const socket of sockets) socket.destroy();
  };
  t.teardown(close);
  return {
    driver: serialTcp({ host: '127.0.0.1', port }),
    connections: () => connections,
    open: () => sockets.size,
    write: (text: string) => sockets.forEach(socket => socket.write(text)),
    close,
  };
}

/** An action of a socket's other end is seen a moment later. */
async function settled(isSettled: () => boolean): Promise<void> {
  for (let count = 0; count < 100 && !isSettled(); count++) await new Promise(setImmediate);
}
