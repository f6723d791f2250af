import { managementAgent } from './faults.ts';
import type { Answer } from './entry.ts';
import { decodeHeader } from './header.ts';
import type { AgentProfile } from './profile.ts';
import type { Reply, Server } from './protocol.ts';
import { channelStatus, headerSize, type SharedMemory } from './shared-memory.ts';
import { protocolId } from './protocol-ids.ts';

/** Bytes of payload that a command may have: SCMI_PLAYLOAD_MAX of TF-A. */
const payloadLimit = 92;

/** Zeroes the 28 bytes before the payload and lets the channel be free. */
export function initialiseChannel(area: SharedMemory): void {
  area.clearFields();
  area.channelStatus = channelStatus.free;
}

/**
 * Handles a doorbell: takes the message from the agent's area, has it answered and puts the reply
 * there.
 *
 * A channel that was not marked busy by its caller, or a length out of range, ends in ERROR|FREE
 * with nothing answered. Header, flags and token are left as they are.
 *
 * Source: TF-A drivers/scmi-msg/smt.c scmi_proccess_smt.
 */
export function processChannel(
  server: Server,
  agent: AgentProfile,
  area: SharedMemory,
  answer: Answer,
): void {
  const before = area.channelStatus;
  const size = area.length - headerSize;
  const { busyChannels } = server.state;
  const usable =
    !busyChannels.has(agent.id) &&
    size >= 0 &&
    size <= payloadLimit &&
    (before & (channelStatus.free | channelStatus.error)) === 0;
  if (!usable) {
    if (server.quirks.has('channel-stays-busy')) busyChannels.add(agent.id);
    area.channelStatus |= channelStatus.free | channelStatus.error;
    return;
  }
  const { protocol, message } = decodeHeader(area.header);
  const words = payloadWords(area, size);
  const reply = answer(server, { agent: agent.id, protocol, message, size, words });
  putReply(area, reply);
  area.length = faultyLength(server, agent.id) ?? headerSize + 4 * (1 + reply.words.length);
  if (!staysBusy(server, agent.id, protocol, message)) area.channelStatus |= channelStatus.free;
}

/** The words of a payload; an incomplete last one is filled up with zeroes. */
function payloadWords(area: SharedMemory, size: number): number[] {
  const words = area.words(Math.ceil(size / 4));
  const last = words.at(-1);
  if (size % 4 !== 0 && last !== undefined) words[words.length - 1] = last & (2 ** (8 * (size % 4)) - 1);
  return words;
}

function putReply(area: SharedMemory, reply: Reply): void {
  area.setWord(0, reply.status);
  area.setWords(reply.words, 1);
}

function faultyLength(server: Server, agent: number): number | undefined {
  if (agent !== managementAgent(server.profile)) return undefined;
  return server.faults.find(fault => fault.replyLength !== undefined)?.replyLength;
}

function staysBusy(server: Server, agent: number, protocol: number, message: number): boolean {
  if (agent !== managementAgent(server.profile)) return false;
  return server.faults.some(
    ({ leavesBusyAfter }) =>
      leavesBusyAfter === 'all' ||
      (protocol === protocolId.base && leavesBusyAfter?.includes(message) === true),
  );
}
