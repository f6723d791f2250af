/** A step's question to the probe, the model's answer, and the reason. */
import { probeOutcomes } from '../probe/answer.ts';
import { commandText, type ProbeCommand } from '../probe/command.ts';
import { type ProbeProgram, type ProbeReply, shifted } from '../probe/program.ts';
import type { FirmwareMessage } from '../scmi/firmware-message.ts';
import { messageName } from '../scmi/message-names.ts';
import { channelStatus } from '../scmi/shared-memory.ts';
import { statusName } from '../scmi/status.ts';
import type { ConsoleLine, FreePart, Reason } from '../trace/observation.ts';
import type { PredictedCommand } from './statements.ts';

/** An answer of the probe, or of a Linux that sends a message for it, as it is to be observed. */
export interface PredictedAnswer {
  readonly command: string;
  /** For people. */
  readonly text: string;
  /** Empty where anything may come. */
  readonly pattern: string;
  /** The parts of the text that the pattern leaves open. */
  readonly free?: readonly FreePart[];
  /** Place of the outcome in `probeOutcomes`, or of the command; absent where any may come. */
  readonly exitStatus?: number;
  readonly reason: Reason;
  readonly predicted: PredictedCommand;
}

/** Observations of Xen and firmware since a point in time. */
export interface Shown {
  readonly lines: readonly ConsoleLine[];
  readonly messages: readonly FirmwareMessage[];
}

/**
 * Lets the probe carry a command out.
 * @param shown what the machine has shown meanwhile; asked afterwards
 */
export function predictProbe(
  program: ProbeProgram,
  command: ProbeCommand,
  domain: string,
  shown: () => Shown,
): PredictedAnswer {
  const text = commandText(command);
  const reply = program.obey(command);
  const common = { command: text, reason: reasonFor(reply, command, shown()) };
  if (reply.unknown !== undefined) {
    const predicted = { command: text, exitStatus: null, output: null };
    return { ...common, text: `${domain} answers \`${text}\` (not predicted: what)`, pattern: '', predicted };
  }
  const exitStatus = probeOutcomes.indexOf(reply.outcome);
  const before = `${domain} answers \`${text}\` with `;
  return {
    ...common,
    text: before + reply.text,
    pattern: reply.pattern,
    free: shifted(reply.free, before.length),
    exitStatus,
    predicted: { command: text, exitStatus, output: reply.text },
  };
}

function reasonFor(reply: ProbeReply, command: ProbeCommand, shown: Shown): Reason {
  if (reply.unknown !== undefined) {
    return { rule: 'probe.not-predicted', because: `nothing says what comes of it: ${reply.unknown}` };
  }
  const cause = causeOf(shown);
  if (cause !== undefined) return cause;
  if (reply.words !== undefined) return { rule: `probe.${reply.outcome}`, because: reply.words };
  return { rule: `probe.${command.do}`, because: words[command.do] };
}

/** Result of a call in Xen or firmware; undefined if neither showed anything. */
export function causeOf({ lines, messages }: Shown): Reason | undefined {
  const said = lines.find(({ source }) => source === 'xen');
  if (said !== undefined) return said.reason;
  const message = messages.at(-1);
  return message && answered(message);
}

function answered(message: FirmwareMessage): Reason {
  const { agent, protocol, message: id, status, functionId, channelStatus: after } = message;
  const caller = `0x${functionId.toString(16)} is the function id of agent ${agent}`;
  if ((after & channelStatus.error) !== 0) {
    return {
      rule: 'firmware.transport-error',
      because: `${caller}, but its channel was not marked busy, its length is out of range, or an earlier error has left it unusable: firmware looks at no message and answers ERROR`,
    };
  }
  return {
    rule: 'firmware.answer',
    because: `${caller}, whose ${messageName(protocol, id)} firmware answers with ${statusName(status)}`,
  };
}

const words: Readonly<Record<ProbeCommand['do'], string>> = {
  smc: 'nobody below the probe takes the call',
  hvc: 'nobody below the probe takes the call',
  read: 'the words are what was last written there, where that is known',
  write: 'the page is mapped for it',
  scmi: 'the call does not reach a firmware that looks at the message',
  loop: 'the messages go one after the other',
};
