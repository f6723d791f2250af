/** Reads a configuration for mistakes before anything boots. */
import { predict, predictOnce } from '../predict/predict.ts';
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
  const explanations = found.filter(({ rule }) => rule.isFallback === undefined && rule.severity !== 'note');
  return found
    .flatMap(({ rule, problems }) => {
      if (rule.isFallback === undefined) return findings(rule, problems, prediction);
      const open = problems.filter(problem => !explanations.some(each => explains(each, problem)));
      return findings(rule, open, prediction);
    })
    .toSorted((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity));
}

/**
 * Checks a scenario that is fitted to a board.
 * @param prediction what the model predicts of it, where that is known already
 */
export function lintScenario(scenario: Scenario, prediction: Prediction = predictOnce(scenario)): Finding[] {
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

/** Whether findings of a rule tell what a fallback tells: of a failure only an error does that leads to it. */
function explains(
  { rule, problems }: { readonly rule: Rule; readonly problems: readonly Problem[] },
  { failure }: Problem,
): boolean {
  if (failure === undefined) return problems.length > 0;
  if (rule.severity !== 'error') return false;
  return problems.some(({ place: given, consequence = rule.consequence }) => {
    const place = inDom0(given);
    if (failure.consequence?.test(consequence) === true) return true;
    if (failure.reason === undefined) return false;
    const { reason } = failure;
    const isOfGuest = place.file !== undefined && place.node === undefined;
    if (rule.shows?.includes(reason.rule) === true)
      // A configuration that stands in the scenario itself has the scenario's file as its place.
      return !isOfGuest || /\.ya?ml$/.test(place.file ?? '') || isAt({ reason }, { file: place.file });
    return place.line !== undefined && isAt({ reason }, place);
  });
}

/** A guest for which a scenario gives no configuration has one by its name. */
function inDom0(place: Place): Place {
  const [, guest] = /^default configuration of (.*)$/.exec(place.file ?? '') ?? [];
  return guest === undefined ? place : { ...place, file: `${guest}.cfg` };
}

function findings(rule: Rule, problems: readonly Problem[], prediction: Prediction | null): Finding[] {
  const lines = prediction?.console.filter(({ reason }) => rule.shows?.includes(reason.rule)) ?? [];
  const isReached = lines.length > 0 || prediction === null || !endsBefore(rule, prediction);
  return problems.map(({ place, message, consequence: own = rule.consequence }) => {
    const consequence = isReached ? own : `This boot ends before it shows. Otherwise: ${own}`;
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

/** Whether another failure keeps that of a rule from showing: a panic, or a probe without which no domain has an agent. */
function endsBefore({ severity, shows, consequence }: Rule, prediction: Prediction): boolean {
  const { panic, mediator, expectations } = prediction;
  if (severity !== 'error' || shows === undefined || /\bmediator\b/.test(consequence)) return false;
  if (panic === null && (mediator.registered || mediator.errno === 0)) return false;
  const end = expectations.find(({ pattern }) => pattern === 'xen-panic')?.reason;
  return panic === null || (end !== undefined && !shows.includes(end.rule));
}

const predictedLimit = 4;

/** The lines that a rule leads to, without those that the model explains with another of its places. */
function predictedLines(lines: readonly PredictedLine[], place: Place, others: readonly Place[]): string[] {
  const own = lines.filter(line => isAt(line, place) || !others.some(other => isAt(line, other)));
  return [...new Set(own.map(({ text }) => text))].slice(0, predictedLimit);
}

/** The model names a guest's configuration by its path in Dom0: the last part is the same. */
function isAt({ reason }: Pick<PredictedLine, 'reason'>, { node, file, line }: Place): boolean {
  if (reason.place === undefined) return false;
  if (node !== undefined) return reason.place === node;
  const [, path = reason.place, itsLine] = /^(.*):(\d+)$/.exec(reason.place) ?? [];
  const isSameLine = itsLine === undefined || line === undefined || Number(itsLine) === line;
  return isSameLine && path.split('/').at(-1) === file?.split('/').at(-1);
}
