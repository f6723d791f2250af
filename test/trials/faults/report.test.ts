import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { projectDirectory } from '../../../src/config/project-directory.ts';
import { faultTable, requiredFault } from '../../../src/lab/virtual-faults.ts';
import { faultLine, faultsPage, faultSummary } from '../../../src/trials/faults/report.ts';
import type { FaultTrial } from '../../../src/trials/faults/fault-trials.ts';

const trial = (parts: Partial<FaultTrial> = {}): FaultTrial => ({
  fault: requiredFault('torn-lines'),
  board: 'virtual-rpi5',
  outcome: 'met',
  cause: '',
  attempts: 1,
  milliseconds: 1234,
  directory: 'runs/x',
  ...parts,
});

test('docs/faults.md has every fault, with what it comes to: npm run faults writes it', t => {
  const page = readFileSync(path.join(projectDirectory, 'docs/faults.md'), 'utf8');
  const trials = faultTable.map(fault => trial({ fault }));
  t.deepEqual(told(page), told(faultsPage(trials, 'dom0-and-guest')));
});

/** Times and causes are those of the machine that wrote it; all else follows from the table. */
function told(page: string): readonly string[] {
  return page
    .split('\n')
    .map(line => (line.startsWith('| `') ? line.split(' | ').slice(0, 3).join(' | ') : line));
}

test('a fault is a line that says how the run ended, and of what', t => {
  const widths = { fault: 12, board: 12 };
  t.is(faultLine(trial(), widths), 'ok     torn-lines    virtual-rpi5  met              1.2 s\n');
  t.is(
    faultLine(trial({ attempts: 2, cause: 'the line \x1b was cut', wrong: 'it is to recover' }), widths),
    'WRONG  torn-lines    virtual-rpi5  met              1.2 s  2 power-ons:  the line \\x1b was cut\n' +
      '       it is to recover; see runs/x\n',
  );
});

test('the page gives the span of the times, and the first cause without places that are others each time', t => {
  const page = faultsPage(
    [
      trial({ cause: 'a | b: scmi-hil-adapter-x1/usb-if00 is gone', milliseconds: 1000 }),
      trial({ cause: 'another', attempts: 2, milliseconds: 2000 }),
    ],
    'dom0-and-guest',
  );
  t.regex(page, /^\| `torn-lines` .* \| 1, 2 \| 1\.0–2\.0 s \| a \\\| b: …\/usb-if00 is gone \|$/m);
});

test('the summary counts what came out as it must', t => {
  t.is(
    faultSummary([trial(), trial({ wrong: 'it is to recover' })], 61_000),
    '1 of 2 runs came out as they must, in 61.0 s',
  );
});
