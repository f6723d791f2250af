/** One scenario on one board of the lab; without a name, the board as it stands. */
import { type BoardEntry, boardOf, type LoadedLab } from '../lab/load-lab.ts';
import { bootScenario } from '../scenario/load.ts';
import type { Scenario } from '../model/predict/scenario.ts';
import { withImages } from './image-option.ts';
import { labTreeOf, loadJob, planJobs } from './run-plan.ts';

export interface ScenarioOn {
  /** Of the board. */
  readonly name: string;
  readonly scenario: string | undefined;
  /** In place of the lab's: path by name. */
  readonly images: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** @throws UsageError where the scenario does not run on the board; ConfigurationError where it is wrong */
export function scenarioOn(
  { name, scenario, images, cwd, env }: ScenarioOn,
  lab: LoadedLab,
): { readonly board: BoardEntry; readonly fitted: Scenario } {
  const board = withImages(boardOf(lab, name), images);
  if (scenario === undefined) return { board, fitted: bootScenario(board.type, labTreeOf(board)) };
  const { jobs } = planJobs({ scenarios: [scenario], boards: [name], cwd, env, images }, lab);
  const [job] = jobs;
  if (job === undefined) throw new Error(`${scenario} was planned for ${name}, and is not in the plan`);
  return { board, fitted: loadJob(job) };
}
