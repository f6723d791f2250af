/** Expected answers of commands against the ones that were given. */
import type { Expectation, Prediction } from '../../model/predict/prediction.ts';
import { outputMatches } from '../../model/predict/statements.ts';
import { linesOf } from './evidence/text-lines.ts';
import { patternOf } from './lines.ts';
import { isDomain } from './named-domain.ts';
import type { Observations, SeenAnswer } from './observation.ts';

export type AnswerFound =
  | { readonly is: 'met' | 'contradicted'; readonly answer: SeenAnswer; readonly why?: string }
  /** The command was given, but what it answered cannot be seen here. */
  | { readonly is: 'not-observable'; readonly answer: SeenAnswer; readonly why: string };

/** Answers to each command that an expectation asks for; none if it was not given. */
export function matchAnswers(
  { expectations, domains }: Prediction,
  seen: Observations,
): ReadonlyMap<Expectation, AnswerFound> {
  const found = new Map<Expectation, AnswerFound>();
  const asked = expectations.filter(({ kind }) => kind === 'answer');
  for (const [, same] of Map.groupBy(asked, ({ claim }) => claim !== undefined)) {
    const left = new Set(seen.answers);
    // Several expectations may be about one answer: the same command, asked once in that phase.
    const given = new Map<string, SeenAnswer>();
    for (const expectation of same) {
      const key = `${expectation.phase} ${expectation.command}`;
      const domid = domidOf(expectation, asked);
      const next = [...left].find(
        answer => answers(answer, expectation, seen) && isFrom(answer.domain, domid, domains),
      );
      const answer = given.get(key) ?? next;
      if (answer === undefined) continue;
      given.set(key, answer);
      left.delete(answer);
      found.set(expectation, judged(expectation, answer));
    }
  }
  return found;
}

function answers(answer: SeenAnswer, expectation: Expectation, seen: Observations): boolean {
  const command = words(expectation.command ?? '');
  if (seen.form === 'recording') {
    return answer.phase === expectation.phase && words(answer.command).join(' ') === command.join(' ');
  }
  // On a console the same step may be typed otherwise: with `; echo rc=$?` behind it, from another directory.
  const verb = command.slice(0, 2).join(' ');
  return (
    command[0] === 'xl' &&
    answer.command.split(/;|&&/).some(part => words(part).slice(0, 2).join(' ') === verb)
  );
}

/** Which domain is asked; undefined where the program is alone on the machine, or only the scenario says which. */
function domidOf(
  { domid, source, phase, command }: Expectation,
  asked: readonly Expectation[],
): number | undefined {
  if (source === 'xl') return 0;
  const same = asked.find(
    each => each.domid !== undefined && each.phase === phase && each.command === command,
  );
  return domid ?? same?.domid;
}

function isFrom(name: string, domid: number | undefined, domains: Prediction['domains']): boolean {
  if (domid !== undefined) return isDomain(name, domid, { domains });
  // A payload has the machine to itself.
  return domains.length > 0 || !isDomain(name, 0, { domains });
}

function judged(expectation: Expectation, answer: SeenAnswer): AnswerFound {
  const { exitStatus } = expectation;
  if (answer.status === null && exitStatus !== undefined) {
    return { is: 'not-observable', answer, why: `the console does not show how \`${answer.command}\` ended` };
  }
  if (exitStatus !== undefined && answer.status !== exitStatus) {
    return { is: 'contradicted', answer, why: `exit status ${answer.status}, not ${exitStatus}` };
  }
  if (answer.status === null || expectation.pattern === '') return { is: 'met', answer };
  // An empty error output says nothing of the other one.
  const outputs = [answer.stdout, answer.stdout + answer.stderr, answer.stderr || answer.stdout];
  if (outputs.some(output => isExpected(output, expectation))) return { is: 'met', answer };
  return {
    is: 'contradicted',
    answer,
    why: `output mismatch: expected /${expectation.pattern}/, got ${quoted(outputs[1] ?? '')}`,
  };
}

/** The lines of an output, each in quotes, as far as they fit into a message. */
function quoted(output: string): string {
  const lines = linesOf(output.trimEnd()).filter(line => line.trim() !== '');
  if (lines.length === 0) return 'no output';
  const shown = lines.map(line => `"${line}"`).join(', ');
  return shown.length > mostShown ? `${shown.slice(0, mostShown)}...` : shown;
}

/** Characters of an output in a message. */
const mostShown = 200;

function isExpected(output: string, expectation: Expectation): boolean {
  // A scenario's statement is searched for; the model predicts the whole output.
  if (expectation.claim !== undefined) return outputMatches(expectation.pattern, output);
  const pattern = patternOf(expectation);
  return pattern.test(output) || pattern.test(output.trimEnd());
}

function words(command: string): readonly string[] {
  return command.split(/\s+/).filter(word => word !== '');
}
