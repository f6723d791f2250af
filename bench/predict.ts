/** How many predictions a second. */
import path from 'node:path';
import { loadBoardType } from '../src/board/board-types.ts';
import { predict } from '../src/model/predict/predict.ts';
import { listScenarios, loadScenario } from '../src/scenario/load.ts';
import { type Bench, measurementLine } from './bench.ts';

const ROUNDS = 10;

export const run: Bench = async () => {
  const type = loadBoardType('rpi5');
  const scenarios = listScenarios()
    .filter(({ document }) => document.boards?.includes(type.type) ?? true)
    .map(({ file }) => loadScenario(path.resolve(file), type));
  for (const scenario of scenarios) predict(scenario);
  const start = performance.now();
  for (let round = 0; round < ROUNDS; round++) for (const scenario of scenarios) predict(scenario);
  const seconds = (performance.now() - start) / 1000;
  const value = (ROUNDS * scenarios.length) / seconds;
  const beside = `a real boot to Dom0's shell takes 12 to 31 s; ${scenarios.length} scenarios, ${(1000 / value).toFixed(1)} ms each`;
  return [{ name: 'predict()', value, unit: 'predictions/s', beside }];
};

if (import.meta.main) {
  for (const measured of await run()) process.stdout.write(`${measurementLine(measured)}\n`);
}
