/** A step's message through Linux's SCMI raw mode, the firmware's answer in the model, and the reason. */
import { hexadecimal, type RawInterface, rawMessageCommand, rawReplyPattern } from '../linux/raw-mode.ts';
import { bytesOf } from '../linux/scmi-channel.ts';
import type { ScmiStep } from '../probe/of-step.ts';
import { GuestAbort } from '../xen/guest.ts';
import { causeOf, type PredictedAnswer, type Shown } from './probe-answer.ts';

/**
 * Sends the message of a step as the domain's agent.
 * @param shown what the machine has shown meanwhile; asked afterwards
 */
export function predictRaw(raw: RawInterface, step: ScmiStep, shown: () => Shown): PredictedAnswer {
  const words = [step.header, ...step.payload];
  const command = rawMessageCommand(words);
  const asked = `${step.domain} sends ${hexadecimal(bytesOf(words))} through its kernel`;
  const sent = send(raw, bytesOf(words));
  if (typeof sent === 'string') {
    return {
      command,
      text: `${asked} (not predicted: what comes back)`,
      pattern: '',
      reason: { rule: 'raw.not-predicted', because: `nothing says what comes of it: ${sent}` },
      predicted: { command, exitStatus: null, output: null },
    };
  }
  if (typeof sent === 'number') {
    const refused = { rule: 'raw.refused', because: `the kernel ends the write with errno ${-sent}` };
    return {
      command,
      text: `${asked}, which refuses`,
      pattern: '',
      exitStatus: 1,
      reason: causeOf(shown()) ?? refused,
      predicted: { command, exitStatus: 1, output: '' },
    };
  }
  const output = hexadecimal(sent);
  return {
    command,
    text: `${asked}, and is answered ${output}`,
    pattern: `^${rawReplyPattern(sent)}$`,
    exitStatus: 0,
    reason: causeOf(shown()) ?? {
      rule: 'raw.answer',
      because: 'the call does not reach a firmware that looks at the message',
    },
    predicted: { command, exitStatus: 0, output },
  };
}

/** @returns the reply, the errno of the write, or in words why neither is known */
function send(raw: RawInterface, message: Uint8Array): Uint8Array | number | string {
  try {
    const reply = raw.send(message);
    if (typeof reply === 'number') return reply;
    return reply.isCut ? 'firmware announces more than the shared memory holds' : reply.bytes;
  } catch (error) {
    if (error instanceof GuestAbort) return error.message;
    throw error;
  }
}
