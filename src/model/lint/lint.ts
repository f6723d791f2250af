/** Reads a configuration for mistakes before anything boots. */
import { predict } from '../predict/predict.ts';
import type { PredictedLine, Prediction } from '../predict/prediction.ts';
import type { Scenario } from '../predict/scenario.ts';
import { readConfiguration } from './configuration.ts';
import { type Finding, type Place, severities } from './finding.ts';
import type { Problem, Rule } from './rule.ts';
import { rules } from './rules.ts';
import { type LintSubject, scenarioOfSubject, subjectOfScenario } from './subject.ts';

/**
 * Checks a configuration against all rules.
 * @returns what is wrong, errors first, with the lines of the boot in which the model predicts it to show
 * @throws {RangeError} for a firmware fault or quirk that does not exist
 */
export function lint(subject: LintSubject): Finding[] {
  const prediction = subject.prediction ?? predictionOf(subject);
  const configuration = readConfiguration({ ...subject, prediction });
  const found = rules.map(rule => ({
    rule,
    problems: [...rule.check(configuration)].map(problem => atItsFile(problem, subject)),
  }));
  const explanations = found
    .filter(({ rule, problems }) => !rule.isFallback && rule.severity !== 'note' && problems.length > 0)
    .map(({ rule }) => rule.consequence);
  return found
    .filter(({ rule: { isFallback } }) => {
      if (isFallback === undefined) return true;
      return !explanations.some(each => isFallback === true || each.includes(isFallback));
    })
    .flatMap(({ rule, problems }) => findings(rule, problems, prediction))
    .toSorted((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity));
}

/**
 * Checks a scenario that is fitted to a board.
 * @param prediction what the model predicts of it, where that is known already
 */
export function lintScenario(scenario: Scenario, prediction: Prediction = predict(scenario)): Finding[] {
  return lint({ ...subjectOfScenario(scenario), prediction });
}

function predictionOf(subject: LintSubject): Prediction | null {
  const scenario = scenarioOfSubject(subject);
  return scenario === null ? null : predict(scenario);
}

function atItsFile(problem: Problem, { files }: LintSubject): Problem {
  const { place } = problem;
  const isHost = place.file === undefined && place.partialTreeOf === undefined;
  return isHost && files?.hostTree !== undefined
    ? { ...problem, place: { file: files.hostTree, ...place } }
    : problem;
}

function findings(rule: Rule, problems: readonly Problem[], prediction: Prediction | null): Finding[] {
  const lines = prediction?.console.filter(({ reason }) => rule.shows?.includes(reason.rule)) ?? [];
  return problems.map(({ place, message, consequence = rule.consequence }) => {
    const others = problems.filter(each => each.place !== place);
    return {
      rule: rule.id,
      severity: rule.severity,
      place,
      message,
      consequence,
      predicted: predictedLines(
        lines,
        place,
        others.map(each => each.place),
      ),
      hint: rule.hint,
      documented: rule.documented,
    };
  });
}

const predictedLimit = 4;

/** The lines that a rule leads to, without those that the model explains with another of its places. */
function predictedLines(lines: readonly PredictedLine[], place: Place, others: readonly Place[]): string[] {
  const own = lines.filter(line => isAt(line, place) || !others.some(other => isAt(line, other)));
  return [...new Set(own.map(({ text }) => text))].slice(0, predictedLimit);
}

/** The model names a guest's configuration by its path in Dom0: the last part is the same. */
function isAt({ reason }: PredictedLine, { node, file, line }: Place): boolean {
  if (reason.place === undefined) return false;
  if (node !== undefined) return reason.place === node;
  const [, path = reason.place, itsLine] = /^(.*):(\d+)$/.exec(reason.place) ?? [];
  const isSameLine = itsLine === undefined || line === undefined || Number(itsLine) === line;
  return isSameLine && path.split('/').at(-1) === file?.split('/').at(-1);
}
