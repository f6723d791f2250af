/** Domains of a virtual board that are reached over consoles alone, by whole runs. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { loadBoardType } from '../../../src/board/board-types.ts';
import type { OpenBoard } from '../../../src/lab/open-board.ts';
import type { RecordedEvent } from '../../../src/verdict/recording/event.ts';
import { runOnBoard, type JudgedRun } from '../../../src/run/run.ts';
import { findScenario, loadScenario } from '../../../src/scenario/load.ts';
import type { Scenario, Step } from '../../../src/model/predict/scenario.ts';
import { openVirtualBoard } from '../../../src/lab/virtual/open.ts';
import { makeStandIn } from '../../../src/lab/virtual/stand-in.ts';

const v4h = 'rcar-v4h-white-hawk';
const project = join(import.meta.dirname, '../../..');
const scratch = mkdtempSync(join(tmpdir(), 'scmi-hil-consoles-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

interface Ran extends JudgedRun {
  readonly events: readonly RecordedEvent[];
}

const noNetwork: Partial<OpenBoard> = {
  ssh: { connect: () => Promise.reject(new Error('there is no network')) },
  consoleLogin: { user: 'root', only: true },
};

/** Runs a scenario on a board that is reached otherwise than a virtual one. */
async function runWith(
  t: ExecutionContext,
  {
    scenario: name = 'dom0-and-guest',
    of = whole => whole,
  }: { scenario?: string; of?: (whole: Scenario) => Scenario },
  change: Partial<OpenBoard> | ((board: OpenBoard) => Partial<OpenBoard>),
): Promise<Ran> {
  const open = await openVirtualBoard(loadBoardType(v4h), { name: 'virtual' });
  t.teardown(() => open.close());
  const board: OpenBoard = {
    ...open,
    ...(typeof change === 'function' ? change(open) : change),
  };
  const events: RecordedEvent[] = [];
  const session = await runOnBoard({
    board,
    scenario: of(loadScenario(findScenario(name, project).file, board.type)),
    runs: join(scratch, 'runs'),
    signal: AbortSignal.timeout(60_000),
    controller: 'test',
    command: 'test',
    onEvent: event => events.push(event),
  });
  t.is(await open.power.state(AbortSignal.timeout(1000)), 'off', 'the board is left powered');
  return { ...session, events };
}

const faultsOf = ({ verdict }: JudgedRun) => verdict.faults.map(({ what }) => what).join('\n');

function withOption(option: string) {
  return (scenario: Scenario): Scenario => {
    const chosen = scenario.hostTree.node('/chosen');
    const options = `${chosen?.string('xen,xen-bootargs') ?? ''} ${option}\0`;
    chosen?.properties.set('xen,xen-bootargs', Buffer.from(options));
    return scenario;
  };
}

test.serial(
  'a board whose Dom0 has a serial console alone comes to its verdict, and its guest with it',
  async t => {
    const ran = await runWith(t, {}, noNetwork);
    t.is(ran.verdict.outcome, 'met', faultsOf(ran));
    t.true(ran.verdict.counts.met > 40);
    const answered = ran.events.flatMap(({ kind, source, data }) =>
      kind === 'answer' ? `${data.domain} by ${source}` : [],
    );
    t.deepEqual(new Set(answered), new Set(['dom0 by console', 'guest by console']));
    t.true(readFileSync(join(ran.directory, 'collected', 'xl-dmesg.txt'), 'utf8').includes('Xen version'));
  },
);

test.serial('input that Xen has kept for itself is switched to Dom0 before a key is typed', async t => {
  const ran = await runWith(t, { of: withOption('conswitch=ax') }, { ...noNetwork, guest: () => undefined });
  t.is(ran.verdict.outcome, 'met', faultsOf(ran));
  const typed = ran.events.flatMap(({ kind, data }) => (kind === 'sent' && 'text' in data ? data.text : []));
  const keys = typed.indexOf('\u0001\u0001\u0001');
  t.true(keys > typed.findIndex(text => text.startsWith('booti')));
  t.true(keys < typed.findIndex(text => text.includes('PS1=')));
});

test.serial(
  'a guest without a network is reached over its console, by way of a Dom0 that has one',
  async t => {
    const guestLogins = new Map([['guest', { user: 'root', only: true }]]);
    const ran = await runWith(t, {}, { guestLogins, guest: () => undefined });
    t.is(ran.verdict.outcome, 'met', faultsOf(ran));
    t.true(ran.verdict.counts.met > 40);
    const reached = ran.events.flatMap(({ kind, data }) =>
      kind === 'milestone' && data.name === 'reachable' ? `${data.domain} ${data.line ?? 'by SSH'}` : [],
    );
    t.deepEqual(new Set(reached), new Set(['dom0 by SSH', 'guest on the console of guest']));
  },
);

test.serial(
  'a domain that Xen started itself is reached on the console of Xen, in turns with Dom0',
  async t => {
    const looks: readonly Step[] = ['domU1', 'dom0', 'domU1'].map(domain => ({ do: 'look', domain }));
    const ran = await runWith(
      t,
      { scenario: 'dom0less-domain-runs', of: whole => ({ ...whole, steps: looks }) },
      noNetwork,
    );
    t.is(ran.verdict.outcome, 'met', faultsOf(ran));
    const asked = ran.events.flatMap(({ kind, source, data }) =>
      kind === 'answer' && source === 'console' ? data.domain : [],
    );
    t.deepEqual(
      asked.filter((domain, index) => domain !== asked[index - 1]),
      ['domU1', 'dom0', 'domU1'],
    );
  },
);

/** A board whose Dom0 is Zephyr, and whose network belongs to the domain that Xen starts beside it. */
function zephyrBoard(board: OpenBoard): Partial<OpenBoard> {
  const { type, images } = board;
  return {
    type: { ...type, dom0: { ...type.dom0, login: String.raw`uart:~\$ ?$` } },
    dom0System: 'zephyr',
    gateway: 'domU1',
    consoleLogin: { user: 'root', only: true },
    guest: () => undefined,
    images: new Map([
      ...images,
      ['kernel', makeStandIn('zephyr', 200_000)],
      ['guest-kernel', images.get('kernel') ?? ''],
    ]),
  };
}

test.serial(
  'where Dom0 is Zephyr, its shell makes domains, their consoles and SSH to another one lead into them',
  async t => {
    const guest = { name: 'domu', config: 'name = "linux_pv_domu"\n', origin: 'test', files: new Map() };
    const steps: readonly Step[] = [
      { do: 'look', domain: 'dom0' },
      { do: 'look', domain: 'domU1' },
      { do: 'create', guest: 'domu' },
      { do: 'command', domain: 'domu', run: 'uname -m' },
      { do: 'command', domain: 'dom0', run: 'xu list' },
      { do: 'shutdown', guest: 'domu' },
      { do: 'command', domain: 'domu', run: 'uname -s' },
      { do: 'destroy', guest: 'domu' },
    ];
    const ran = await runWith(
      t,
      {
        scenario: 'dom0less-domain-runs',
        of: whole => ({ ...whole, steps, guests: new Map([['domu', guest]]) }),
      },
      zephyrBoard,
    );
    t.is(ran.verdict.outcome, 'met', faultsOf(ran));
    const answers = ran.events.flatMap(({ kind, source, data }) =>
      kind === 'answer' && data.domain !== 'domU1' ? [[source, data.domain, data.command, data.status]] : [],
    );
    t.deepEqual(answers, [
      ['console', 'dom0', 'xu create linux_pv_domu', 0],
      ['console', 'linux_pv_domu', 'uname -m', 0],
      ['console', 'dom0', 'xu list', 0],
      ['console', 'linux_pv_domu', 'uname -s', 0],
      ['console', 'dom0', 'xu destroy linux_pv_domu', 0],
    ]);
    const looked = ran.events.filter(
      ({ kind, source, data }) => kind === 'answer' && source === 'ssh' && data.domain === 'domU1',
    );
    t.true(looked.length > 5);
    const notDone = ran.events.flatMap(({ kind, data }) =>
      kind === 'step' && data.detail?.startsWith('not done') === true ? `${data.do}: ${data.detail}` : [],
    );
    t.deepEqual(notDone, [
      'look: not done: dom0 runs Zephyr, which has nothing to look at',
      'shutdown: not done: the toolstack of this Dom0 has no shutdown',
    ]);
    t.regex(readFileSync(join(ran.directory, 'collected', 'xu-list.txt'), 'utf8'), /domU1 +1 /);
  },
);

test.serial('a domain that Zephyr cannot make is a step that failed', async t => {
  const guest = { name: 'domu', config: 'name = "nobody"\n', origin: 'test', files: new Map() };
  const guests = new Map([['domu', guest]]);
  const of = (whole: Scenario): Scenario => ({ ...whole, steps: [{ do: 'create', guest: 'domu' }], guests });
  const ran = await runWith(t, { scenario: 'dom0less-domain-runs', of }, zephyrBoard);
  t.is(ran.verdict.outcome, 'failed');
  const missed = ran.verdict.judgements.filter(({ outcome }) => outcome === 'contradicted');
  t.deepEqual(
    missed.map(({ expectation }) => expectation.text),
    ['xu create nobody ends with exit status 0'],
  );
});
