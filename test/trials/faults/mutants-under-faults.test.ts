/** Boards with a bug, in labs that fail: what a verdict forgives the lab, it must not forgive the board. */
import { availableParallelism, tmpdir } from 'node:os';
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { virtualBoard } from '../../../src/lab/load-lab.ts';
import { openBoard } from '../../../src/lab/open.ts';
import { requiredFault } from '../../../src/lab/virtual-faults.ts';
import { mutantNamed } from '../../../src/trials/mutants/index.ts';
import { runOnBoard } from '../../../src/run/run.ts';
import { findScenario, loadScenario } from '../../../src/scenario/load.ts';
import { Turns } from '../../run/turns.ts';

/** Result of `dom0-and-guest` in a lab that does not fail. */
const caught = [
  { mutant: 'forwards-only-for-dom0', board: 'virtual-rpi5' },
  { mutant: 'permits-nothing', board: 'virtual-v4h' },
  { mutant: 'keeps-channel', board: 'virtual-v4h' },
  { mutant: 'skips-reset', board: 'virtual-rpi5' },
  { mutant: 'needs-reset', board: 'virtual-v4h' },
  { mutant: 'libxl-forgets-agent-id', board: 'virtual-v4h' },
  { mutant: 'libxl-destroys-nothing', board: 'virtual-v4h' },
  { mutant: 'fw-reset-refused', board: 'virtual-rpi5' },
  { mutant: 'fw-one-clock-too-few', board: 'virtual-v4h' },
] as const;

/** Those that a run gets over. Over a serial line alone a run is long: `most` keeps it to some mutants. */
const faults = [
  { fault: 'torn-lines', most: Infinity },
  { fault: 'characters-lost', most: Infinity },
  { fault: 'adapter-comes-back', most: Infinity },
  { fault: 'dom0-without-network', most: 3 },
] as const;

const scratch = mkdtempSync(path.join(tmpdir(), 'scmi-hil-mutants-under-faults-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

/** Most of a run is waiting. */
const turns = new Turns(4 * availableParallelism());

for (const { fault: named, most } of faults) {
  const fault = requiredFault(named);
  for (const { mutant: name, board } of caught.slice(0, most)) {
    const entry = virtualBoard(board);
    test(`${fault.name}: ${name} on ${board} does not pass`, async t => {
      t.timeout(180_000);
      const deviations = mutantNamed(name)?.deviations;
      if (deviations === undefined) throw new Error(`there is no mutant ${name}`);
      const { verdict } = await turns.take(async () => {
        const scenario = loadScenario(findScenario('dom0-and-guest', process.cwd()).file, entry.type);
        const { firmware, linux, xen } = scenario;
        const software = { firmware, linux, xen };
        const directory = mkdtempSync(path.join(scratch, 'run-'));
        await using open = await openBoard(entry, { env: {}, software, deviations, faults: fault.faults });
        return await runOnBoard({
          board: open,
          scenario,
          runs: directory,
          signal: AbortSignal.timeout(170_000),
          controller: 'test',
          command: 'a test',
          mutant: name,
          faults: [fault.name],
        });
      });
      t.true(verdict.outcome === 'failed' || verdict.outcome === 'infrastructure', verdict.outcome);
    });
  }
}
