/** The time of a run on QEMU, and the controller's part of it, beside an expect script that boots the same. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { boardOf, loadLab } from '../src/lab/load-lab.ts';
import { openBoard } from '../src/lab/open.ts';
import type { OpenBoard } from '../src/lab/open-board.ts';
import { imageDirectory } from '../src/lab/images/places.ts';
import { checkQemuVirt } from '../src/lab/images/qemu-virt.ts';
import type { RecordedEvent } from '../src/verdict/recording/event.ts';
import { bytesOf } from '../src/run/deploy/deployed-file.ts';
import { prepareDeployment } from '../src/run/deploy/deployment.ts';
import { runOnBoard } from '../src/run/run.ts';
import { findScenario, loadScenario } from '../src/scenario/load.ts';
import { type Bench, measurementLine } from './bench.ts';

const samples = 5;
const { env } = process;
const images = imageDirectory('qemu-virt', env);
const entry = boardOf(loadLab({ cwd: import.meta.dirname, env }), 'qemu-virt');
const scenario = loadScenario(findScenario('hwdom-forwarding', '/').file, entry.type);

export const run: Bench = async () => {
  const why = await cannotRun();
  if (why !== undefined) {
    process.stdout.write(`run on QEMU: not measured, ${why}\n`);
    return [];
  }
  const directory = mkdtempSync(path.join(tmpdir(), 'bench-qemu-'));
  try {
    const runs: Awaited<ReturnType<typeof throughController>>[] = [];
    const scripts: number[] = [];
    // In turns, so that what else this machine does meets both.
    for (let sample = 0; sample < samples; sample++) {
      runs.push(await throughController(directory));
      scripts.push(await throughExpect(directory));
    }
    const medianOf = (part: keyof (typeof runs)[number]) => median(runs.map(each => each[part]));
    const [script, verdict, busy] = [median(scripts), medianOf('verdict'), medianOf('busy')];
    const of = `median of ${samples}`;
    return [
      {
        name: `run on QEMU from power on to verdict, ${of}`,
        value: verdict,
        unit: 's',
        beside: 'no script does that',
      },
      {
        name: `of it, to Dom0's shell, ${of}`,
        value: medianOf('shell'),
        unit: 's',
        beside: `${script.toFixed(1)} s for an expect script that boots the same`,
      },
      {
        name: `of it, the controller's own processor time, ${of}`,
        value: busy,
        unit: 's',
        beside: `${((100 * busy) / verdict).toFixed(1)} % of the run`,
      },
    ];
  } finally {
    rmSync(directory, { recursive: true });
  }
};

/** Seconds since the board was switched on. */
async function throughController(runs: string) {
  await using board = await open();
  let [on, shell] = [Number.NaN, Number.NaN];
  const onEvent = ({ t, kind, data }: RecordedEvent): void => {
    if (kind === 'power' && data.action === 'on') on = t;
    if (kind === 'milestone' && data.name === 'dom0-login') shell = t;
  };
  const { verdict, milliseconds, cpu } = await runOnBoard({
    board,
    scenario,
    runs,
    signal: AbortSignal.timeout(240_000),
    controller: 'bench',
    command: 'bench',
    onEvent,
  });
  if (verdict.outcome !== 'met') throw new Error(`the run ended ${verdict.outcome}`);
  return {
    verdict: (milliseconds - on) / 1000,
    shell: (shell - on) / 1000,
    busy: (cpu.user + cpu.system) / 1000,
  };
}

/** Seconds that bench/qemu-expect.exp takes with what a run would serve. */
async function throughExpect(above: string): Promise<number> {
  await using board = await open();
  const served = mkdtempSync(path.join(above, 'tftp-'));
  for (const [name, file] of (await prepareDeployment(board, scenario)).files) {
    writeFileSync(path.join(served, name), await bytesOf(file));
  }
  const script = path.join(import.meta.dirname, 'qemu-expect.exp');
  const said = execFileSync('expect', [script, images, served], { timeout: 240_000 }).toString();
  return Number(said.trim().split('\n').at(-1));
}

function open(): Promise<OpenBoard> {
  return openBoard(entry, { env });
}

async function cannotRun(): Promise<string | undefined> {
  const missing = ['qemu-system-aarch64', 'expect'].filter(
    program => spawnSync(program, ['-v']).error !== undefined,
  );
  if (missing.length > 0) return `no ${missing.join(', ')}`;
  const [wrong] = await checkQemuVirt(images);
  return wrong === undefined ? undefined : `${wrong}: scmi-hil images fetch qemu-virt`;
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

if (import.meta.main) {
  for (const measured of await run()) process.stdout.write(`${measurementLine(measured)}\n`);
}
