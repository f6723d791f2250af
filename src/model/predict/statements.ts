/** The statements of a scenario as expectations of their own, and whether the model sees them break. */
import { isMessageOfXen } from '../xen/message-forms.ts';
import type { Scenario, Statement, Step } from './scenario.ts';
import type { Reason } from '../trace/observation.ts';
import type { Expectation, Phase } from './prediction.ts';

/** Observations of the model that statements are about. */
export interface PredictedOutcome {
  /** Every console line, with the phase in which it was printed. */
  readonly lines: readonly PredictedConsoleLine[];
  /** By step: what was typed, and how it ended; absent where the run ends before the step. */
  readonly commands: ReadonlyMap<number, PredictedCommand>;
  readonly milestones: readonly string[];
  /** Why the boot ends before its steps; null where it does not. */
  readonly end: Reason | null;
}

export interface PredictedConsoleLine {
  readonly source: string;
  readonly domid?: number | undefined;
  readonly level?: string | undefined;
  readonly text: string;
  readonly phase: Phase;
  readonly reason: Reason;
}

export interface PredictedCommand {
  readonly command: string;
  /** Null where the model does not know the command. */
  readonly exitStatus: number | null;
  readonly output: string | null;
  /** The domain that answers; absent where there is none. */
  readonly domid?: number | undefined;
}

/** One expectation for each statement of the scenario. */
export function claimsOf(scenario: Scenario, predicted: PredictedOutcome): readonly Expectation[] {
  return scenario.statements.map((statement, index) => claimOf(statement, index, scenario.steps, predicted));
}

function claimOf(
  statement: Statement,
  index: number,
  steps: readonly Step[],
  predicted: PredictedOutcome,
): Expectation {
  const { claims: ids, words, check } = statement;
  const which = ids.length === 0 ? '' : ` (${ids.join(', ')})`;
  const common: Common = {
    id: `statement.${index + 1}`,
    text: words,
    reason: { rule: 'scenario.statement', because: `the scenario states${which}: ${words}` },
    ids,
  };
  if (check.kind === 'step') return stepClaim(common, check, steps[check.step], predicted);
  return check.kind === 'console'
    ? consoleClaim(common, check, predicted)
    : milestoneClaim(common, check, predicted);
}

interface Common extends Pick<Expectation, 'id' | 'text' | 'reason'> {
  readonly ids: readonly string[];
}

type Check<Kind> = Extract<Statement['check'], { readonly kind: Kind }>;

function stepClaim(
  { ids, ...common }: Common,
  check: Check<'step'>,
  step: Step | undefined,
  predicted: PredictedOutcome,
): Expectation {
  const command = predicted.commands.get(check.step);
  const broken = command === undefined ? notReached(predicted) : stepBroken(check, command, predicted);
  return {
    ...common,
    kind: 'answer',
    phase: check.step,
    source: speakerOf(step),
    ...(command?.domid === undefined ? {} : { domid: command.domid }),
    pattern: check.output ?? '',
    command: command?.command ?? '',
    ...(check.exitStatus === undefined ? {} : { exitStatus: check.exitStatus }),
    claim: { ids, broken },
  };
}

/** The talker that answers in a step. */
function speakerOf(step: Step | undefined): Expectation['source'] {
  if (step === undefined) return 'xl';
  // Without a channel of its own it is a Linux that sends the message.
  return step.do === 'scmi' && step.channel === undefined ? 'linux' : (speakers[step.do] ?? 'xl');
}

/** The domain, if it is not the toolstack. */
const speakers: Readonly<Partial<Record<Step['do'], Expectation['source']>>> = {
  smc: 'probe',
  scmi: 'probe',
  memory: 'probe',
  look: 'linux',
  command: 'linux',
};

function consoleClaim(
  { ids, ...common }: Common,
  check: Check<'console'>,
  predicted: PredictedOutcome,
): Expectation {
  const { source } = check;
  const pattern = anywhere(check.pattern);
  const form = new RegExp(pattern);
  // Of all kernels it is Dom0's whose console is the board's.
  const heard = predicted.lines.filter(
    line => line.source === source && (source !== 'linux' || line.domid === 0),
  );
  const line = heard.find(({ text }) => form.test(text));
  if (check.absent === true) {
    return {
      ...common,
      kind: 'absent',
      phase: 'boot',
      source,
      pattern,
      claim: { ids, broken: line?.reason ?? null },
    };
  }
  // Of what has nothing to do with SCMI the model knows neither that it is printed nor that it is not.
  const isUnknown = predicted.end === null && !concernsScmi(check.pattern);
  const broken = line === undefined && !isUnknown ? notSaid(predicted) : null;
  return { ...common, kind: 'line', phase: line?.phase ?? 'boot', source, pattern, claim: { ids, broken } };
}

function milestoneClaim(
  { ids, ...common }: Common,
  check: Check<'milestone'>,
  predicted: PredictedOutcome,
): Expectation {
  const { name } = check;
  const reached = predicted.milestones.includes(name);
  if (check.absent === true) {
    const sign = signs[name] ?? { source: 'run', pattern: `^${name}$` };
    const broken = reached ? (predicted.end ?? reachedAnyway(name)) : null;
    return { ...common, ...sign, kind: 'absent', phase: 'boot', claim: { ids, broken } };
  }
  const broken = reached ? null : notReached(predicted);
  return {
    ...common,
    kind: 'milestone',
    phase: 'boot',
    source: 'run',
    pattern: name,
    claim: { ids, broken },
  };
}

function stepBroken(
  check: { readonly step: number; readonly exitStatus?: number; readonly output?: string },
  { command, exitStatus, output }: PredictedCommand,
  { lines }: PredictedOutcome,
): Reason | null {
  if (exitStatus === null || output === null) return null;
  const statusFits = check.exitStatus === undefined || check.exitStatus === exitStatus;
  if (statusFits && outputMatches(check.output ?? '', output)) return null;
  // The first complaint is the cause; what follows is its cleaning up.
  const cause = lines.find(
    ({ phase, source, level, text }) =>
      phase === check.step && (level === 'error' || (source === 'xl' && !text.startsWith('Parsing config '))),
  );
  const because = `\`${command}\` ends with exit status ${exitStatus}`;
  if (cause === undefined) return { rule: 'model.step', because };
  return { ...cause.reason, because: `${because}: ${cause.text} (${cause.reason.because})` };
}

function notReached({ end }: PredictedOutcome): Reason {
  return end ?? { rule: 'model.not-reached', because: `the model does not see the run get there` };
}

function notSaid(predicted: PredictedOutcome): Reason {
  return (
    predicted.end ?? { rule: 'model.not-said', because: 'nothing prints such a line in this configuration' }
  );
}

const reachedAnyway = (name: string): Reason => ({
  rule: 'model.reached',
  because: `the run reaches ${name}`,
});

/**
 * Whether an output is what a statement asks for: the pattern is searched for in the whole and in each line, as grep
 * does. `^$` matches no output, and no empty line of another one.
 * @param output as the command printed it
 */
export function outputMatches(pattern: string, output: string): boolean {
  const form = new RegExp(pattern);
  const text = output.trimEnd();
  return form.test(text) || text.split(/\r?\n/).some(line => line !== '' && form.test(line));
}

/** Whether a line that matches is one of those that the model predicts all of. */
export function concernsScmi(pattern: string): boolean {
  return /scmi|\bsci\b|SMC\/HVC|mediator|shmem|\bagent/i.test(pattern) || isMessageOfXen(pattern);
}

/** A line is meant by any part of it. */
function anywhere(pattern: string): string {
  return /^\^.*\$$/s.test(pattern) ? pattern : `^.*(?:${pattern}).*$`;
}

/** The milestones that the model reaches or does not. */
export const predictedMilestones: readonly string[] = [
  'xen-banner',
  'xen-panic',
  'dom0-login',
  'probe-ready',
];

/** How milestones show on the console, for statements that forbid them. */
const signs: Readonly<Record<string, Pick<Expectation, 'source' | 'pattern'>>> = {
  'xen-panic': { source: 'xen', pattern: '^Panic on CPU \\d+:$' },
  'dom0-login': { source: 'linux', pattern: '^.*(?:login: |built-in shell).*$' },
};
