import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { loadBoardType } from '../../src/board/board-types.ts';
import { runOnBoard } from '../../src/run/session.ts';
import { loadScenario } from '../../src/scenario/load.ts';
import type { Verdict } from '../../src/verify/verdict.ts';
import { openVirtualBoard } from '../../src/virtual/open.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'scmi-hil-raw-mode-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

type RawMode = 'none' | 'exclusive' | 'coexisting';

/** @param predicted what the scenario says of the kernels; `there`: what they really have */
async function runWith(
  predicted: RawMode,
  there: RawMode,
  steps: string,
  step: string | number = 0,
): Promise<Verdict> {
  const name = `${predicted}-${there}`;
  const file = path.join(scratch, `${name}.yaml`);
  writeFileSync(
    file,
    `schema: 1
name: ${name}
title: Messages by hand
linuxRawMode: ${predicted}
guests: { guest: {}, without: { agent: none } }
steps:
${steps}
statements:
  - { claims: [], words: Dom0 is answered, step: ${step}, output: "0040....00000000.*" }
`,
  );
  const type = loadBoardType('rpi5');
  await using board = await openVirtualBoard({ ...type, linuxRawMode: there }, { name: 'virtual' });
  const { verdict } = await runOnBoard({
    board,
    scenario: loadScenario(file, type),
    runs: path.join(scratch, 'runs'),
    signal: new AbortController().signal,
    controller: 'test',
    command: 'test',
    stateDirectory: mkdtempSync(path.join(scratch, 'state-')),
  });
  return verdict;
}

const messages = `  - scmi: { in: dom0, message: { protocol: 0x10, id: 0x0 } }
  - create: guest
  - scmi: { in: guest, message: { protocol: 0x10, id: 0x9 }, payload: [2, 1, 1] }
  - scmi: { in: guest, message: { protocol: 0x14, id: 0x7, token: 3 }, payload: [0, 1] }`;

const byHand = ({ judgements }: Verdict) =>
  judgements.filter(({ expectation }) => /through its kernel|Dom0 is answered/.test(expectation.text));

for (const predicted of ['none', 'coexisting'] as const) {
  test.serial(
    `a kernel with raw mode beside its drivers answers as predicted, said to have ${predicted}`,
    async t => {
      const verdict = await runWith(predicted, 'coexisting', messages);
      t.is(verdict.outcome, 'met');
      t.deepEqual(
        byHand(verdict).map(({ outcome }) => outcome),
        ['met', 'met', 'met', 'met'],
      );
      t.is(byHand(verdict)[1]?.seen?.text, '09400000fdffffff');
    },
  );

  test.serial(`a kernel without raw mode is no failure, said to have ${predicted}`, async t => {
    const verdict = await runWith(predicted, 'none', messages);
    t.is(verdict.outcome, 'met');
    t.deepEqual(verdict.faults, []);
    t.deepEqual(
      byHand(verdict).map(({ outcome, why }) => [outcome, why]),
      [
        ['not-observable', 'the kernel of dom0 has no SCMI raw mode'],
        ['not-observable', 'not done: the kernel of guest has no SCMI raw mode'],
        ['not-observable', 'not done: the kernel of guest has no SCMI raw mode'],
        ['not-observable', 'the kernel of dom0 has no SCMI raw mode'],
      ],
    );
  });
}

test.serial('a kernel with raw mode alone binds no SCMI driver, and answers all the same', async t => {
  const verdict = await runWith('exclusive', 'exclusive', `${messages}\n  - look: guest\n  - look: dom0`);
  t.is(verdict.outcome, 'met');
  t.deepEqual(
    byHand(verdict).map(({ outcome }) => outcome),
    ['met', 'met', 'met', 'met'],
  );
});

test.serial('a domain without an SCMI instance has nothing to send through', async t => {
  const steps = `  - scmi: { in: dom0, message: { protocol: 0x10, id: 0x0 } }
  - create: without
  - scmi: { in: without, message: { protocol: 0x10, id: 0x0 } }`;
  const verdict = await runWith('coexisting', 'coexisting', `${steps}\n    as: by-hand`, 'by-hand');
  t.is(verdict.outcome, 'met');
  t.deepEqual(
    byHand(verdict).map(({ outcome, why }) => [outcome, why]),
    [
      ['met', undefined],
      ['not-observable', 'the kernel of without has no SCMI instance'],
    ],
  );
});
