import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { loadBoardType } from '../../src/board/board-types.ts';
import { runOnBoard } from '../../src/run/session.ts';
import { findScenario, loadScenario } from '../../src/scenario/load.ts';
import { openVirtualBoard } from '../../src/virtual/open.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'scmi-hil-probe-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

for (const name of ['rpi5', 'rcar-v4h-white-hawk']) {
  test.serial(`${name}: two guests' probes are asked through Dom0, and answer as predicted`, async t => {
    const type = loadBoardType(name);
    await using board = await openVirtualBoard(type, { name: 'virtual' });
    const { verdict } = await runOnBoard({
      board,
      scenario: loadScenario(findScenario('probe-two-guests-at-once', scratch).file, board.type),
      runs: path.join(scratch, 'runs'),
      signal: new AbortController().signal,
      controller: 'test',
      command: 'test',
      stateDirectory: mkdtempSync(path.join(scratch, 'state-')),
    });
    t.deepEqual(verdict.faults, []);
    t.is(verdict.outcome, 'met');
    const answers = verdict.judgements.filter(({ expectation }) => expectation.source === 'probe');
    t.true(answers.length >= 9);
    t.true(answers.every(({ outcome, seen }) => outcome === 'met' && seen !== undefined));
  });
}
