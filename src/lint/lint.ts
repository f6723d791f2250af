/** Reads a configuration for mistakes before anything boots. */
import { predict } from '../model/predict.ts';
import type { PredictedLine, Prediction } from '../model/prediction.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { readConfiguration } from './configuration.ts';
import type { Finding, Place } from './finding.ts';
import { placeText, severities } from './finding.ts';
import type { Problem, Rule } from './rule.ts';
import { rules } from './rules.ts';
import type { LintSubject } from './subject.ts';
import { scenarioOfSubject, subjectOfScenario } from './subject.ts';

/**
 * Checks a configuration against all rules.
 * @returns what is wrong, errors first, with the lines of the boot in which the model foresees it to show
 * @throws {RangeError} for a firmware fault or quirk that does not exist
 */
export function lint(subject: LintSubject): Finding[] {
  const configuration = readConfiguration(subject);
  const found = rules.flatMap(rule =>
    [...rule.check(configuration)].map(problem => ({ rule, problem: atItsFile(problem, subject) })),
  );
  const isForeseen = found.some(({ rule }) => rule.shows !== undefined);
  const prediction = subject.prediction ?? (isForeseen ? predictionOf(subject) : null);
  return found
    .map(({ rule, problem }) => finding(rule, problem, prediction))
    .toSorted((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity));
}

/**
 * Checks a scenario that is fitted to a board.
 * @param prediction what the model foresees of it, where that is known already
 */
export function lintScenario(scenario: Scenario, prediction?: Prediction): Finding[] {
  return lint({ ...subjectOfScenario(scenario), prediction: prediction ?? predict(scenario) });
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

function finding(rule: Rule, problem: Problem, prediction: Prediction | null): Finding {
  return {
    rule: rule.id,
    severity: rule.severity,
    place: problem.place,
    message: problem.message,
    consequence: problem.consequence ?? rule.consequence,
    foreseen: foreseenLines(rule, problem.place, prediction),
    mend: problem.mend ?? rule.mend,
    documented: rule.documented,
  };
}

const foreseenLimit = 4;

/** The lines that the rule leads to; of many, those that the model gives the finding's own place as reason for. */
function foreseenLines({ shows = [] }: Rule, place: Place, prediction: Prediction | null): string[] {
  const lines = prediction?.console.filter(({ reason }) => shows.includes(reason.rule)) ?? [];
  const own = lines.filter(line => isAbout(line, place));
  const texts = (own.length > 0 ? own : lines).map(({ text }) => text);
  return [...new Set(texts)].slice(0, foreseenLimit);
}

function isAbout({ reason }: PredictedLine, { node, file, line }: Place): boolean {
  if (reason.place === undefined) return false;
  return (
    reason.place === node ||
    reason.place ===
      placeText({ ...(file === undefined ? {} : { file }), ...(line === undefined ? {} : { line }) })
  );
}
