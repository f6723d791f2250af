import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { loadBoardType } from '../../src/board/board-types.ts';
import { prepareDeployment } from '../../src/run/deployment.ts';
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

test.serial(
  'a probe whose messages go astray, and that hears no request of xl, does as predicted',
  async t => {
    const file = path.join(scratch, 'astray.yaml');
    const message = '{ protocol: 0x10, id: 0x0 }';
    writeFileSync(
      file,
      `schema: 1
name: astray
title: Messages through memory of its own
guests: { guest: { probe: true } }
steps:
  - create: guest
  - scmi: { in: guest, message: ${message}, page: 0x41000000 }
  - memory: { in: guest, write: 0x41000004, values: [1] }
  - scmi: { in: guest, message: ${message}, page: 0x41000000, function: "\${guest2.functionId}" }
  - memory: { in: guest, write: 0x41000004, values: [1] }
  - scmi: { in: guest, message: ${message}, page: 0x41000000 }
  - reboot: guest
  - shutdown: guest
  - scmi: { in: guest, message: ${message} }
  - destroy: guest
`,
    );
    await using board = await openVirtualBoard(loadBoardType('rpi5'), { name: 'virtual' });
    const { verdict } = await runOnBoard({
      board,
      scenario: loadScenario(file, board.type),
      runs: path.join(scratch, 'runs'),
      signal: new AbortController().signal,
      controller: 'test',
      command: 'test',
      stateDirectory: mkdtempSync(path.join(scratch, 'state-')),
    });
    t.deepEqual(verdict.faults, []);
    t.deepEqual(
      verdict.judgements
        .filter(({ outcome }) => outcome !== 'met')
        .map(({ expectation }) => expectation.text),
      [],
    );
    const unhandled = verdict.judgements.filter(({ expectation }) => /Unhandled/.test(expectation.text));
    t.is(unhandled.length, 1);
  },
);

for (const name of ['rpi5', 'rcar-v4h-white-hawk']) {
  test.serial(
    `${name}: the probe is booted in place of Xen without boot modules, and asked on the console`,
    async t => {
      const type = loadBoardType(name);
      await using board = await openVirtualBoard(type, { name: 'virtual' });
      const scenario = loadScenario(findScenario('firmware-alone-wrong-length', scratch).file, board.type);
      const { files, hostTree } = await prepareDeployment(board, scenario);
      t.deepEqual(
        [...files.keys()].filter(file => /kernel|ramdisk/.test(file)),
        [],
      );
      t.is(
        hostTree.node('/chosen')?.children.filter(child => child.isCompatible('multiboot,module')).length,
        0,
      );
      const { verdict } = await runOnBoard({
        board,
        scenario,
        runs: path.join(scratch, 'runs'),
        signal: new AbortController().signal,
        controller: 'test',
        command: 'test',
        stateDirectory: mkdtempSync(path.join(scratch, 'state-')),
      });
      t.deepEqual(verdict.faults, []);
      t.is(verdict.outcome, 'met');
      t.is(verdict.judgements.filter(({ expectation }) => expectation.source === 'probe').length, 9);
    },
  );
}
