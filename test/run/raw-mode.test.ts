import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { loadBoardType } from '../../src/board/board-types.ts';
import { runOnBoard } from '../../src/run/run.ts';
import { loadScenario } from '../../src/scenario/load.ts';
import type { Verdict } from '../../src/verdict/verify/verdict.ts';
import { openVirtualBoard } from '../../src/lab/virtual/open.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'scmi-hil-raw-mode-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

type RawMode = 'none' | 'exclusive' | 'coexisting';

interface Trial {
  /** The scenario's raw mode of the kernels, and the real one. */
  readonly predicted: RawMode;
  readonly there: RawMode;
  readonly steps: string;
  /** The step that the statement is about. */
  readonly step?: string;
}

async function runWith(trial: Trial): Promise<Verdict> {
  const { predicted, there, steps, step = 0 } = trial;
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
      const verdict = await runWith({ predicted, there: 'coexisting', steps: messages });
      t.is(verdict.outcome, 'met');
      t.deepEqual(
        byHand(verdict).map(({ outcome }) => outcome),
        ['met', 'met', 'met', 'met'],
      );
      t.is(byHand(verdict)[1]?.seen?.text, '09400000fdffffff');
    },
  );

  test.serial(`a kernel without raw mode is no failure, said to have ${predicted}`, async t => {
    const verdict = await runWith({ predicted, there: 'none', steps: messages });
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
  const verdict = await runWith({
    predicted: 'exclusive',
    there: 'exclusive',
    steps: `${messages}\n  - look: guest\n  - look: dom0`,
  });
  t.is(verdict.outcome, 'met');
  t.deepEqual(
    byHand(verdict).map(({ outcome }) => outcome),
    ['met', 'met', 'met', 'met'],
  );
});

test.serial('a domain without an SCMI instance has nothing to send through', async t => {
  const steps = `  - scmi: { in: dom0, message: { protocol: 0x10, id: 0x0 } }
  - create: without
  - scmi: { in: without, message: { protocol: 0x10, id: 0x0 } }
    as: by-hand`;
  const verdict = await runWith({ predicted: 'coexisting', there: 'coexisting', steps, step: 'by-hand' });
  t.is(verdict.outcome, 'met');
  t.deepEqual(
    byHand(verdict).map(({ outcome, why }) => [outcome, why]),
    [
      ['met', undefined],
      ['not-observable', 'the kernel of without has no SCMI instance'],
    ],
  );
});

for (const [what, id, outcome] of [
  ['may change something', 0x7, 'not-observable'],
  ['only asks', 0x6, 'contradicted'],
] as const) {
  test.serial(
    `what comes after a message that ${what}, and that was not sent, is ${outcome} if it is another`,
    async t => {
      const steps = `  - scmi: { in: dom0, message: { protocol: 0x14, id: ${id} }, payload: [0] }
  - command: { run: echo as before }
    as: later`;
      const verdict = await runWith({ predicted: 'none', there: 'none', steps, step: 'later' });
      const [, claim] = byHand(verdict);
      t.is(claim?.outcome, outcome);
      if (outcome === 'contradicted') return;
      t.regex(
        claim?.why ?? '',
        /^scmi was not done \(the kernel of dom0 has no SCMI raw mode\), so what comes after/,
      );
    },
  );
}
