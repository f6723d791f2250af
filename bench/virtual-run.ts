/** The time of a virtual run, and the controller's part of it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadBoardType } from '../src/board/board-types.ts';
import { type RunOptions, runOnBoard } from '../src/run/run.ts';
import { findScenario, loadScenario } from '../src/scenario/load.ts';
import { openVirtualBoard } from '../src/lab/virtual/open.ts';
import { type Bench, type Measurement, measurementLine } from './bench.ts';

export const run: Bench = async () => [...(await measure('rcar-v4h-white-hawk')), ...(await measure('rpi5'))];

/**
 * The wall time of one run, and the share of it in which this process was at work. The virtual board runs in the
 * same process, so the share is an upper bound of the controller's own.
 */
async function measure(boardType: string): Promise<Measurement[]> {
  const runs = mkdtempSync(path.join(tmpdir(), 'scmi-hil-bench-'));
  try {
    const type = loadBoardType(boardType);
    const { file } = findScenario('dom0-and-guest', '/');
    await once();
    const before = process.cpuUsage();
    const start = performance.now();
    const { verdict } = await once();
    const wall = performance.now() - start;
    const { user, system } = process.cpuUsage(before);
    if (verdict.outcome !== 'met') throw new Error(`the run on ${boardType} ended ${verdict.outcome}`);
    const busy = (user + system) / 1000;
    return [
      {
        name: `run on virtual ${boardType}`,
        value: wall / 1000,
        unit: 's',
        beside: 'a real boot takes 12 to 31 s',
      },
      {
        name: `share of it that the controller and its virtual board compute (${boardType})`,
        value: (100 * busy) / wall,
        unit: '%',
        beside: `${(busy / 300).toFixed(1)} % of a real boot of 30 s`,
      },
    ];

    async function once() {
      await using board = await openVirtualBoard(type, { name: 'virtual' });
      const options: RunOptions = {
        board,
        scenario: loadScenario(file, type),
        runs,
        signal: AbortSignal.timeout(60_000),
        controller: 'bench',
        command: 'bench',
      };
      return await runOnBoard(options);
    }
  } finally {
    rmSync(runs, { recursive: true });
  }
}

if (import.meta.main) {
  for (const measured of await run()) process.stdout.write(`${measurementLine(measured)}\n`);
}
