/** The steps that ask what no Linux would: function ids, messages and memory, each number read and checked. */
import type { BoardType } from '../board/board-type.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { unsendable } from '../model/linux/raw-mode.ts';
import { callWithoutReturn } from '../model/probe/no-return.ts';
import { encodeHeader } from '../model/scmi/header.ts';
import type { AgentProfile, FirmwareProfile } from '../model/scmi/profile.ts';
import { readAmount } from './amount.ts';
import type { MemoryStep, ScmiStep, SmcStep } from '../model/probe/of-step.ts';
import type { ScenarioDocument } from './schema.ts';
import { agentParts, fillTemplates, type SourceText, type TemplateValues } from './templates.ts';

export interface ProbeStepContext {
  readonly document: ScenarioDocument;
  readonly board: BoardType;
  readonly firmware: FirmwareProfile;
  readonly values: TemplateValues;
  /** Agent of a guest; null: it asks for none. */
  readonly agentOf: (guest: string) => number | null;
  readonly place: (field: readonly PropertyKey[]) => string;
  readonly source: (field: readonly PropertyKey[], text: string) => SourceText;
}

type StepDocument = ScenarioDocument['steps'][number];
type DocumentOf<Do extends StepDocument['do']> = Extract<StepDocument, { readonly do: Do }>;
type Field = readonly PropertyKey[];

export function fitSmc(
  { domain, call }: DocumentOf<'smc'>,
  field: Field,
  context: ProbeStepContext,
): SmcStep {
  const at = [...field, 'smc'];
  return {
    do: 'smc',
    domain,
    conduit: call.conduit,
    functionId: functionAt(call.function, [...at, 'function'], context),
    arguments: call.arguments.map((each, index) => amountAt(each, 53, [...at, 'arguments', index], context)),
  };
}

/** In a domain that runs Linux the message goes through the channel of its kernel. */
export function fitScmi(
  { domain, message }: DocumentOf<'scmi'>,
  field: Field,
  context: ProbeStepContext,
): ScmiStep {
  const at = [...field, 'scmi'];
  const runsProbe = domain === context.document.payload || context.document.guests[domain]?.probe === true;
  const channel = runsProbe ? channelOf(domain, message, at, context) : undefined;
  const header = headerOf(message.message, [...at, 'message'], context);
  if (!runsProbe) requireRaw(domain, message, header, at, context);
  return {
    do: 'scmi',
    domain,
    header,
    payload: message.payload.map((each, index) => amountAt(each, 32, [...at, 'payload', index], context)),
    ...(channel === undefined ? {} : { channel }),
  };
}

export function fitMemory(
  { domain, access }: DocumentOf<'memory'>,
  field: Field,
  context: ProbeStepContext,
): MemoryStep {
  const at = [...field, 'memory'];
  if ('read' in access) {
    const address = amountAt(access.read, 53, [...at, 'read'], context);
    return { do: 'memory', domain, address, access: { kind: 'read', count: access.words } };
  }
  const words = access.values.map((each, index) => amountAt(each, 32, [...at, 'values', index], context));
  const address = amountAt(access.write, 53, [...at, 'write'], context);
  return { do: 'memory', domain, address, access: { kind: 'write', words } };
}

type Message = DocumentOf<'scmi'>['message'];

function headerOf(message: Message['message'], field: Field, context: ProbeStepContext): number {
  if (typeof message !== 'object') return amountAt(message, 32, field, context);
  const { protocol, id, token = 0 } = message;
  return encodeHeader({
    protocol: limited(protocol, 0xff, [...field, 'protocol'], context),
    message: limited(id, 0xff, [...field, 'id'], context),
    token: limited(token, 0x3ff, [...field, 'token'], context),
  });
}

function channelOf(
  domain: string,
  message: Message,
  field: Field,
  context: ProbeStepContext,
): NonNullable<ScmiStep['channel']> {
  const { document, board } = context;
  const agent = agentFor(domain, message, field, context);
  const page = message.page ?? (domain === document.payload ? agent?.shmem : board.guestShmem);
  const functionId = message.function ?? agent?.functionId;
  if (page === undefined || functionId === undefined) {
    throw new ConfigurationError(
      `${context.place(field)}: nothing says through which channel ${domain} sends this`,
      'give agent, or function and page',
    );
  }
  return {
    functionId: functionAt(functionId, [...field, 'function'], context),
    page: amountAt(page, 53, [...field, 'page'], context),
  };
}

/** Linux's SCMI raw mode takes a command, and sends it where its kernel sends its own. */
function requireRaw(
  domain: string,
  message: Message,
  header: number,
  field: Field,
  { place }: ProbeStepContext,
): void {
  const named = (['agent', 'function', 'page'] as const).find(each => message[each] !== undefined);
  if (named !== undefined) {
    throw new ConfigurationError(
      `${place([...field, named])}: no ${named} can be chosen: the Linux of ${domain} sends through its own channel`,
      `leave ${named} out, or ask a guest with probe: true`,
    );
  }
  const why = unsendable(header);
  if (why === undefined) return;
  throw new ConfigurationError(
    `${place([...field, 'message'])}: the Linux of ${domain} cannot send it: ${why}`,
    'ask a guest with probe: true',
  );
}

/** The agent that a message names, or the guest's own; undefined where there is none, or firmware lacks it. */
function agentFor(
  domain: string,
  { agent }: Message,
  field: Field,
  { document, board, firmware, agentOf, place }: ProbeStepContext,
): AgentProfile | undefined {
  const own = document.guests[domain] === undefined ? null : agentOf(domain);
  const id = typeof agent === 'string' ? new Map(agentParts(board)).get(agent) : (agent ?? own);
  const found = firmware.agents.find(each => each.id === id);
  if (agent === undefined || found !== undefined) return found;
  throw new ConfigurationError(
    `${place([...field, 'agent'])}: firmware has no agent ${agent}`,
    `it has ${firmware.agents.map(each => each.id).join(', ')}`,
  );
}

function limited(value: number | string, most: number, field: Field, context: ProbeStepContext): number {
  const number = amountAt(value, 32, field, context);
  if (number <= most) return number;
  throw new ConfigurationError(`${context.place(field)}: at most 0x${most.toString(16)}`);
}

function functionAt(value: number | string, field: Field, context: ProbeStepContext): number {
  const functionId = amountAt(value, 32, field, context);
  const ending = callWithoutReturn(functionId);
  if (ending === undefined) return functionId;
  throw new ConfigurationError(
    `${context.place(field)}: ${ending} does not come back, so the probe would never answer`,
    'leave the step out; a guest is ended with destroy',
  );
}

function amountAt(
  value: number | string,
  bits: 32 | 53,
  field: Field,
  { source, values, place }: ProbeStepContext,
): number {
  const text = typeof value === 'number' ? String(value) : fillTemplates(source(field, value), values).text;
  return readAmount(text, bits, place(field));
}
