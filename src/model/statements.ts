/** The statements of a scenario as expectations of their own, and whether the model sees them break. */
import type { Scenario, Statement } from '../scenario/scenario.ts';
import type { Reason } from './observation.ts';
import type { Expectation, Phase } from './prediction.ts';

/** What the model saw happen, as far as statements are about it. */
export interface Foreseen {
  /** Every console line, with the phase in which it was printed. */
  readonly lines: readonly ForeseenLine[];
  /** By step: what was typed, and how it ended; absent where the run ends before the step. */
  readonly commands: ReadonlyMap<number, ForeseenCommand>;
  readonly milestones: readonly string[];
  /** Why the boot ends before its steps; null where it does not. */
  readonly end: Reason | null;
}

export interface ForeseenLine {
  readonly source: string;
  readonly level?: string | undefined;
  readonly text: string;
  readonly phase: Phase;
  readonly reason: Reason;
}

export interface ForeseenCommand {
  readonly command: string;
  readonly exitStatus: number;
  readonly output: string;
}

/** One expectation for each statement of the scenario. */
export function claimsOf(scenario: Scenario, foreseen: Foreseen): readonly Expectation[] {
  return scenario.statements.map((statement, index) => claimOf(statement, index, foreseen));
}

function claimOf(statement: Statement, index: number, foreseen: Foreseen): Expectation {
  const { claims: ids, words, check } = statement;
  const common = {
    id: `statement.${index + 1}`,
    text: words,
    reason: { rule: 'scenario.statement', words: `the scenario states (${ids.join(', ')}): ${words}` },
  };
  switch (check.kind) {
    case 'step': {
      const command = foreseen.commands.get(check.step);
      const broken = command === undefined ? notReached(foreseen) : stepBroken(check, command, foreseen);
      return {
        ...common,
        kind: 'answer',
        phase: check.step,
        source: 'xl',
        pattern: anchored(check.output),
        command: command?.command ?? '',
        ...(check.exitStatus === undefined ? {} : { exitStatus: check.exitStatus }),
        claim: { ids, broken },
      };
    }
    case 'console': {
      const pattern = anchored(check.pattern);
      const line = foreseen.lines.find(
        ({ source, text }) => source === check.source && new RegExp(pattern).test(text),
      );
      const absent = check.absent === true;
      return {
        ...common,
        kind: absent ? 'absent' : 'line',
        phase: line === undefined || absent ? 'boot' : line.phase,
        source: check.source,
        pattern,
        claim: {
          ids,
          broken: absent ? (line?.reason ?? null) : line === undefined ? notSaid(foreseen) : null,
        },
      };
    }
    case 'milestone': {
      const reached = foreseen.milestones.includes(check.name);
      if (check.absent === true) {
        const broken = reached ? (foreseen.end ?? reachedAnyway(check.name)) : null;
        const sign = signs[check.name] ?? { source: 'run', pattern: `^${check.name}$` };
        return { ...common, ...sign, kind: 'absent', phase: 'boot', claim: { ids, broken } };
      }
      const broken = reached ? null : notReached(foreseen);
      return {
        ...common,
        kind: 'milestone',
        phase: 'boot',
        source: 'run',
        pattern: check.name,
        claim: { ids, broken },
      };
    }
  }
}

function stepBroken(
  check: { readonly step: number; readonly exitStatus?: number; readonly output?: string },
  { command, exitStatus, output }: ForeseenCommand,
  { lines }: Foreseen,
): Reason | null {
  const statusFits = check.exitStatus === undefined || check.exitStatus === exitStatus;
  if (statusFits && new RegExp(anchored(check.output)).test(output.trimEnd())) return null;
  const cause = lines.findLast(
    ({ phase, source, level }) => phase === check.step && (level === 'error' || source === 'xl'),
  );
  const words = `\`${command}\` ends with exit status ${exitStatus}`;
  if (cause === undefined) return { rule: 'model.step', words };
  return { ...cause.reason, words: `${words}: ${cause.text} (${cause.reason.words})` };
}

function notReached({ end }: Foreseen): Reason {
  return end ?? { rule: 'model.not-reached', words: `the model does not see the run get there` };
}

function notSaid(foreseen: Foreseen): Reason {
  return (
    foreseen.end ?? { rule: 'model.not-said', words: 'nothing prints such a line in this configuration' }
  );
}

const reachedAnyway = (name: string): Reason => ({ rule: 'model.reached', words: `the run reaches ${name}` });

/** A statement's pattern may be given without anchors: it is meant for the whole text. */
function anchored(pattern: string | undefined): string {
  return pattern === undefined ? '' : /^\^.*\$$/s.test(pattern) ? pattern : `^(?:${pattern})$`;
}

/** How milestones show on the console, for statements that forbid them. */
const signs: Readonly<Record<string, Pick<Expectation, 'source' | 'pattern'>>> = {
  'xen-panic': { source: 'xen', pattern: '^Panic on CPU \\d+:$' },
  'dom0-login': { source: 'linux', pattern: '^.*(?:login: |built-in shell).*$' },
};
