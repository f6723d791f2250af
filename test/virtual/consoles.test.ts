/** Domains of a virtual board that are reached over consoles alone, by whole runs. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { loadBoardType } from '../../src/board/board-types.ts';
import type { OpenBoard } from '../../src/board/open-board.ts';
import type { RecordedEvent } from '../../src/recording/event.ts';
import { runOnBoard, type Session } from '../../src/run/session.ts';
import { findScenario, loadScenario } from '../../src/scenario/load.ts';
import type { Scenario } from '../../src/scenario/scenario.ts';
import { openVirtualBoard } from '../../src/virtual/open.ts';

const v4h = 'rcar-v4h-white-hawk';
const project = join(import.meta.dirname, '../..');
const scratch = mkdtempSync(join(tmpdir(), 'scmi-hil-consoles-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

interface Ran extends Session {
  readonly events: readonly RecordedEvent[];
}

/** Runs a scenario on a board where SSH to Dom0 is not tried. */
async function byConsole(
  t: ExecutionContext,
  {
    scenario: name = 'dom0-and-guest',
    of = whole => whole,
  }: { scenario?: string; of?: (whole: Scenario) => Scenario },
  change: Partial<OpenBoard> = {},
): Promise<Ran> {
  const open = await openVirtualBoard(loadBoardType(v4h), { name: 'virtual' });
  t.teardown(() => open.close());
  const board: OpenBoard = {
    ...open,
    ssh: { connect: () => Promise.reject(new Error('there is no network')) },
    consoleLogin: { user: 'root', only: true },
    guest: () => undefined,
    ...change,
  };
  const events: RecordedEvent[] = [];
  const session = await runOnBoard({
    board,
    scenario: of(loadScenario(findScenario(name, project).file, board.type)),
    runs: join(scratch, 'runs'),
    signal: AbortSignal.timeout(60_000),
    controller: 'test',
    command: 'test',
    stateDirectory: mkdtempSync(join(scratch, 'state-')),
    onEvent: event => events.push(event),
  });
  t.is(await open.power.state(AbortSignal.timeout(1000)), 'off', 'the board is left powered');
  return { ...session, events };
}

const faultsOf = ({ verdict }: Session) => verdict.faults.map(({ what }) => what).join('\n');

function withOption(option: string) {
  return (scenario: Scenario): Scenario => {
    const chosen = scenario.hostTree.node('/chosen');
    const options = `${chosen?.string('xen,xen-bootargs') ?? ''} ${option}\0`;
    chosen?.properties.set('xen,xen-bootargs', Buffer.from(options));
    return scenario;
  };
}

test.serial('a board whose Dom0 has a serial console alone comes to its verdict', async t => {
  const ran = await byConsole(t, { scenario: 'dom0-without-agent' });
  t.is(ran.verdict.outcome, 'met', faultsOf(ran));
  const answers = ran.events.filter(({ kind, source }) => kind === 'answer' && source === 'console');
  t.true(answers.length > 5, `${answers.length} answers`);
  t.true(readFileSync(join(ran.directory, 'collected', 'xl-dmesg.txt'), 'utf8').includes('Xen version'));
});

test.serial('input that Xen has kept for itself is switched to Dom0 before a key is typed', async t => {
  const ran = await byConsole(t, { scenario: 'dom0-without-agent', of: withOption('conswitch=ax') });
  t.is(ran.verdict.outcome, 'met', faultsOf(ran));
  const typed = ran.events.flatMap(({ kind, data }) => (kind === 'sent' && 'text' in data ? data.text : []));
  const keys = typed.indexOf('\u0001\u0001\u0001');
  t.true(keys > 0);
  const booted = typed.findIndex(text => text.startsWith('booti') || text === '\r');
  t.true(booted < keys);
});
