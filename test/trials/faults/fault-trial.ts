/** Tests of labs that fail: each fault on each virtual board that can have it, held against what must come of it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { virtualBoard, virtualBoards } from '../../../src/lab/load-lab.ts';
import { canHave, requiredFault } from '../../../src/lab/virtual-faults.ts';
import { tryFault } from '../../../src/trials/faults/fault-trials.ts';
import { findScenario, loadScenario } from '../../../src/scenario/load.ts';
import { Turns } from '../../run/turns.ts';

/** A file of tests each, so that they run side by side; together they are the whole table. */
export const faultGroups = {
  /** The serial line and the typing at a boot loader's prompt, when they are bad. */
  line: [
    'torn-lines',
    'characters-lost',
    'characters-doubled',
    'wrong-baud-rate',
    'input-overrun',
    'first-characters-reordered',
    'autoboot-missed',
    'countdown-eaten',
    'prompt-in-a-log-line',
    'login-overlaid',
    'escape-codes',
  ],
  /** Network, switch, supply, adapter and disk around a board. */
  lab: [
    'tftp-loss',
    'tftp-reorder',
    'tftp-duplicate',
    'tftp-stalls-once',
    'tftp-stalls',
    'file-missing',
    'no-dhcp-offer',
    'switch-says-on',
    'switch-says-off',
    'switch-fails-once',
    'switch-refuses',
    'power-off-refused',
    'warm-boot',
    'reset-in-boot-loader',
    'reset-in-transfer',
    'reset-in-xen',
    'reset-in-dom0',
    'reset-in-step',
    'adapter-gone-in-boot-loader',
    'adapter-gone-in-transfer',
    'adapter-gone-in-xen',
    'adapter-gone-in-dom0',
    'adapter-gone-in-step',
    'adapter-comes-back',
    'wrong-board',
    'other-xen',
    'disk-full',
    'unpredicted-panic',
  ],
  /** Those that are waited for until a deadline: what says nothing, and what a domain or the way to it does. */
  slow: [
    'console-silent',
    'switch-silent',
    'dom0-kernel-hangs',
    'dom0-without-network',
    'ssh-refuses',
    'ssh-hangs',
    'no-sftp',
    'host-key-changes',
    'guest-never-answers',
    'hang-after-hand-over',
    'no-link',
    'dhcp-offer-not-taken',
  ],
} as const;

/**
 * Declares a test for each fault on each board.
 * @param atOnce most of a trial is waiting for a deadline; too many at once make others slip
 */
export function faultTests(names: readonly string[], atOnce = 4): void {
  const scratch = mkdtempSync(path.join(tmpdir(), 'scmi-hil-fault-trials-'));
  test.after.always(() => rmSync(scratch, { recursive: true, force: true }));
  const { file } = findScenario('dom0-and-guest', process.cwd());
  const turns = new Turns(atOnce);
  for (const fault of names.map(requiredFault)) {
    for (const board of Object.keys(virtualBoards).map(virtualBoard)) {
      if (!canHave(fault, board.type)) continue;
      test(`${board.name}: ${fault.title}: ${ends[fault.must]}`, async t => {
        await turns.take(async () => {
          const directory = mkdtempSync(path.join(scratch, `${fault.name}-`));
          const scenario = loadScenario(file, board.type);
          const trial = await tryFault(fault, board, {
            scenario,
            directory,
            signal: AbortSignal.timeout(trialAtMost),
          });
          t.is(trial.wrong, undefined, trial.cause);
        });
      });
    }
  }
}

const ends = {
  recover: 'the run recovers',
  infrastructure: 'the run ends as a failure of the lab that names it',
  finding: 'the run fails',
} as const;

/** No lab makes a run hang. */
const trialAtMost = 280_000;
