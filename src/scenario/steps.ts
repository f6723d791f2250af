/** Steps and statements of a scenario, with every name in them checked. */
import { ConfigurationError } from '../config/configuration-error.ts';
import { hintAt } from '../config/nearest-name.ts';
import { fitMemory, fitScmi, fitSmc, type ProbeStepContext } from './probe-steps.ts';
import type { Statement, Step } from '../model/predict/scenario.ts';
import type { ScenarioDocument, StatementDocument } from './schema.ts';
import { fillTemplates } from './templates.ts';

export type StepContext = ProbeStepContext;

type StepDocument = ScenarioDocument['steps'][number];

/** @throws ConfigurationError where a step names a domain that the scenario does not have */
export function fitSteps(context: StepContext): Step[] {
  return context.document.steps.map((step, index) => fitStep(step, ['steps', index], context));
}

function fitStep(step: StepDocument, field: readonly PropertyKey[], context: StepContext): Step {
  const { guests, dom0less, payload } = context.document;
  const guest = (name: string) => requireDomain(name, Object.keys(guests), field, context);
  const domains =
    payload === undefined ? ['dom0', ...Object.keys(guests), ...Object.keys(dom0less)] : [payload];
  const domain = (name: string) => requireDomain(name, domains, field, context);
  const fill = (text: string, ...below: string[]) =>
    fillTemplates(context.source([...field, ...below], text), context.values).text;
  if (payload !== undefined) requireStepOfPayload(step.do, payload, field, context);
  requireShell(step, field, context);
  switch (step.do) {
    case 'smc':
      return { ...fitSmc(step, field, context), domain: domain(step.domain) };
    case 'scmi':
      return fitScmi({ ...step, domain: domain(step.domain) }, field, context);
    case 'memory':
      return { ...fitMemory(step, field, context), domain: domain(step.domain) };
    case 'wait':
      return { do: step.do, milliseconds: step.milliseconds };
    case 'look':
      return { do: step.do, domain: domain(step.domain) };
    case 'command':
      return { do: step.do, domain: domain(step.domain), run: fill(step.run, 'command', 'run') };
    case 'assign-device':
      return { do: step.do, guest: guest(step.guest), path: fill(step.path, 'assign-device', 'path') };
    default:
      return { do: step.do, guest: guest(step.guest) };
  }
}

/** Alone on the machine the probe has neither a toolstack nor a shell. */
function requireStepOfPayload(
  what: StepDocument['do'],
  payload: string,
  field: readonly PropertyKey[],
  { place }: StepContext,
): void {
  if (stepsOfPayload.includes(what)) return;
  throw new ConfigurationError(
    `${place(field)}: ${what} needs Xen, and the payload is ${payload}`,
    `it can be asked: ${stepsOfPayload.join(', ')}`,
  );
}

const stepsOfPayload: readonly string[] = ['smc', 'scmi', 'memory', 'wait'];

/** A guest with the probe has no shell that could be told something. */
function requireShell(
  step: StepDocument,
  field: readonly PropertyKey[],
  { document, place }: StepContext,
): void {
  const hint = insteadOfShell[step.do];
  const name = 'guest' in step ? step.guest : 'domain' in step ? step.domain : undefined;
  if (hint === undefined || name === undefined || document.guests[name]?.probe !== true) return;
  throw new ConfigurationError(
    `${place(field)}: ${name} runs the probe, which has no shell for ${step.do}`,
    hint,
  );
}

/** Steps that need a shell in their guest, and what the probe can do instead. */
const insteadOfShell: Readonly<Partial<Record<StepDocument['do'], string>>> = {
  'guest-powers-off': 'use destroy',
  'guest-reboots': 'use destroy, then create',
  'guest-crashes': 'leave it out: what the toolstack asks of the probe it does not hear in any case',
  look: 'ask it with smc, scmi or memory',
  command: 'ask it with smc, scmi or memory',
};

function requireDomain(
  name: string,
  names: readonly string[],
  field: readonly PropertyKey[],
  { place }: StepContext,
): string {
  if (names.includes(name)) return name;
  throw new ConfigurationError(`${place(field)}: the scenario has no domain ${name}`, hintAt(name, names));
}

/** @throws ConfigurationError where a statement is about a step that is not there */
export function fitStatements(context: StepContext): Statement[] {
  return context.document.statements.map((statement, index) => {
    const { claims, words } = statement;
    return { claims, words, check: fitCheck(statement, ['statements', index], context) };
  });
}

function fitCheck(
  statement: StatementDocument,
  field: readonly PropertyKey[],
  context: StepContext,
): Statement['check'] {
  const fill = (text: string, name: string) =>
    fillTemplates(context.source([...field, name], text), context.values).text;
  if ('milestone' in statement) {
    return { kind: 'milestone', name: statement.milestone, absent: statement.absent };
  }
  if ('console' in statement) {
    return {
      kind: 'console',
      source: statement.console,
      pattern: fill(statement.pattern, 'pattern'),
      absent: statement.absent,
    };
  }
  const { exitStatus, output } = statement;
  return {
    kind: 'step',
    step: stepIndex(statement.step, field, context),
    ...(exitStatus === undefined ? {} : { exitStatus }),
    ...(output === undefined ? {} : { output: fill(output, 'output') }),
  };
}

function stepIndex(
  step: number | string,
  field: readonly PropertyKey[],
  { document, place }: StepContext,
): number {
  const index = typeof step === 'number' ? step : document.steps.findIndex(each => each.as === step);
  if (index >= 0 && index < document.steps.length) return index;
  const names = document.steps.flatMap(each => (typeof each.as === 'string' ? [each.as] : []));
  throw new ConfigurationError(
    `${place([...field, 'step'])}: there is no step ${step}`,
    typeof step === 'string'
      ? `${hintAt(step, names)} (a step is named with \`as\`)`
      : `the scenario has ${document.steps.length} steps, counted from 0`,
  );
}
