/** How fast the states of the model are walked, on each board type that has agents to give. */
import type { BoardType } from '../src/board/board-type.ts';
import { boardTypeNames, loadBoardType } from '../src/board/board-types.ts';
import { type Exploration, explore } from '../src/trials/explore/explore.ts';
import { predict } from '../src/model/predict/predict.ts';
import { bootScenario } from '../src/scenario/load.ts';
import { type Bench, type Measurement, measurementLine } from './bench.ts';

export const run: Bench = async () =>
  boardTypeNames()
    .map(loadBoardType)
    .filter(({ xen }) => xen.mediator === 'multi-agent')
    .flatMap(measure);

function measure(board: BoardType): Measurement[] {
  const scenario = bootScenario(board);
  const { type } = board;
  let fastest: { readonly walk: Exploration; readonly seconds: number } | undefined;
  for (let round = 0; round < 3; round++) {
    const start = performance.now();
    const walk = explore(scenario, { depth: 6 });
    const seconds = (performance.now() - start) / 1000;
    if (fastest === undefined || seconds < fastest.seconds) fastest = { walk, seconds };
  }
  if (fastest === undefined) return [];
  const { walk, seconds } = fastest;
  const boots = bootsPerSecond(scenario);
  const work = `${walk.states} states and ${walk.transitions.length} transitions in ${seconds.toFixed(1)} s`;
  return [
    {
      name: `explore ${type}, states`,
      value: walk.states / seconds,
      unit: 'states/s',
      beside: `the goal of thousands in seconds; ${work}`,
    },
    {
      name: `explore ${type}, steps`,
      value: walk.steps / seconds,
      unit: 'steps/s',
      beside: `${boots.toFixed(0)} boots/s with kernels, which a walk without snapshots would need for each step`,
    },
  ];
}

function bootsPerSecond(scenario: Parameters<typeof predict>[0]): number {
  const start = performance.now();
  const rounds = 100;
  for (let round = 0; round < rounds; round++) predict(scenario);
  return (1000 * rounds) / (performance.now() - start);
}

if (import.meta.main) {
  for (const measured of await run()) process.stdout.write(`${measurementLine(measured)}\n`);
}
