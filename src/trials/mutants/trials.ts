/** Mutants held against scenarios: whose verdict tells which of them from the right machine. */
import { predict } from '../../model/predict/predict.ts';
import type { Prediction } from '../../model/predict/prediction.ts';
import type { Scenario } from '../../model/predict/scenario.ts';
import { verdictOf } from '../../verdict/verify/judge.ts';
import type { Observations } from '../../verdict/verify/observation.ts';
import type { Judgement, Verdict } from '../../verdict/verify/verdict.ts';
import type { Mutant } from './mutant.ts';
import { type AskDomain, observe } from '../explore/observe.ts';

/** A scenario as one type of board runs it. */
export interface Trial {
  readonly boardType: string;
  readonly scenario: Scenario;
  /** Directory in Dom0 of that board. */
  readonly directory: string;
}

/** A verdict other than `met`. */
export interface Catch {
  readonly boardType: string;
  readonly scenario: string;
  /** The first expectation that was missed or contradicted. */
  readonly by: string;
}

export interface MutantResult {
  readonly mutant: Mutant;
  /** In the order of the trials. Empty: it survives. */
  readonly catches: readonly Catch[];
}

interface PreparedTrial extends Trial {
  readonly prediction: Prediction;
  /** Observations of the right machine: a mutant that shows the same needs no judge. */
  readonly shown: string;
}

/** Trials with what the right model predicts and shows. */
export class Trials {
  /** Verdicts on the right machine that are not `met`. */
  readonly falseAlarms: readonly Catch[];
  readonly #ask: AskDomain;
  readonly #between: () => Promise<void>;
  readonly #trials: readonly PreparedTrial[];

  private constructor(
    trials: readonly PreparedTrial[],
    falseAlarms: readonly Catch[],
    ask: AskDomain,
    between: () => Promise<void>,
  ) {
    this.#between = between;
    this.#trials = trials;
    this.#ask = ask;
    this.falseAlarms = falseAlarms;
  }

  /**
   * Predicts each trial and runs it on the right machine.
   * @param ask runs a command in a domain
   * @param between is awaited before each run on a machine: what it throws ends the trials
   */
  static async prepare(
    trials: readonly Trial[],
    ask: AskDomain,
    between: () => Promise<void> = () => Promise.resolve(),
  ): Promise<Trials> {
    const prepared: PreparedTrial[] = [];
    const falseAlarms: Catch[] = [];
    for (const trial of trials) {
      await between();
      const { scenario, directory } = trial;
      const prediction = predict(scenario, { directory });
      const seen = await observe({ scenario, prediction, directory, ask });
      prepared.push({ ...trial, prediction, shown: shownBy(seen) });
      falseAlarms.push(...catchOf(trial, verdictOf(prediction, seen, false)));
    }
    return new Trials(prepared, falseAlarms, ask, between);
  }

  /** How many there are. */
  get count(): number {
    return this.#trials.length;
  }

  /**
   * Tries one mutant.
   * @param most ends after this number of catches
   */
  async try(mutant: Mutant, most = Infinity): Promise<MutantResult> {
    const catches: Catch[] = [];
    for (const trial of this.#trials) {
      await this.#between();
      const { scenario, prediction, directory, shown } = trial;
      const { deviations } = mutant;
      const seen = await observe({ scenario, prediction, directory, deviations, ask: this.#ask });
      if (shownBy(seen) !== shown) catches.push(...catchOf(trial, verdictOf(prediction, seen, false)));
      if (catches.length >= most) break;
    }
    return { mutant, catches };
  }
}

function catchOf({ boardType, scenario }: Trial, verdict: Verdict): Catch[] {
  return verdict.outcome === 'met' ? [] : [{ boardType, scenario: scenario.name, by: reasonOf(verdict) }];
}

function shownBy({ lines, signs, milestones, answers, faults, begun, notDone }: Observations): string {
  return JSON.stringify([lines, signs, milestones, answers, faults, [...begun], [...notDone]]);
}

function reasonOf({ judgements, faults, outcome }: Verdict): string {
  const first = judgements.find(isBad);
  if (first === undefined) return faults[0]?.what ?? outcome;
  return `${first.outcome}: ${first.expectation.text}`;
}

function isBad({ outcome }: Judgement): boolean {
  return outcome === 'missed' || outcome === 'contradicted';
}
