import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { loadBoardType } from '../../../src/board/board-types.ts';
import { loadFirmwareProfile } from '../../../src/board/firmware-profile.ts';
import { prepareDeployment } from '../../../src/run/deploy/deployment.ts';
import { runOnBoard } from '../../../src/run/run.ts';
import { findScenario, loadScenario } from '../../../src/scenario/load.ts';
import { FirmwareAlone } from '../../../src/model/predict/firmware-alone.ts';
import { openVirtualBoard } from '../../../src/lab/virtual/open.ts';
import { type Terminal, Vuart } from '../../../src/lab/virtual/vuart.ts';

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

const intoWords = (words: string[]): Terminal => ({
  show: text => void words.push(text),
  ended: () => void words.push('end'),
});

test("a guest's UART keeps the probe's first line for a terminal that attaches, says nothing once a call has not come back, and ends with the guest", t => {
  const firmware = { profile: loadFirmwareProfile('reference'), faults: [] };
  const observer = { console: () => {}, message: () => {} };
  const vuart = new Vuart(new FirmwareAlone({ firmware, observer, uart: 0x2200_0000 }).probe);
  const [first, second]: [string[], string[]] = [[], []];
  const attachment = vuart.attach(intoWords(first));
  attachment.line('#1 read 0x0 0');
  attachment.detach();
  const again = vuart.attach(intoWords(second));
  again.line('');
  again.line('#2 hvc 0x84000001');
  again.line('#3 read 0x0 1');
  vuart.end();
  const ready = 'probe: ready version=1 el=2 uart=0x22000000 conduit=smc\r\n';
  t.deepEqual(first, [ready, 'probe: #1 error words: wrong\r\n']);
  t.deepEqual(second, ['', ready, 'end']);
});

for (const [name, uart] of [
  ['rpi5', '0x107d001000'],
  ['rcar-v4h-white-hawk', '0xe6540000'],
] as const) {
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
      const { verdict, directory } = await runOnBoard({
        board,
        scenario,
        runs: path.join(scratch, 'runs'),
        signal: new AbortController().signal,
        controller: 'test',
        command: 'test',
      });
      t.deepEqual(verdict.faults, []);
      t.is(verdict.outcome, 'met');
      const recording = readFileSync(path.join(directory, 'recording.jsonl'), 'utf8');
      t.true(recording.includes(`probe: ready version=1 el=2 uart=${uart} conduit=smc`));
      const answers = verdict.judgements.filter(
        ({ expectation }) => expectation.source === 'probe' && expectation.claim === undefined,
      );
      t.is(answers.length, 9);
    },
  );
}
