/** Channels of the multi-agent driver, and what Xen itself sends on them: scmi-smc-multiagent.c. */
import { protocolId } from '../scmi/protocol-ids.ts';
import { assertionFailed } from './assertion.ts';
import type { Why } from './console.ts';
import type { Context } from './context.ts';
import { pageSize } from './domain.ts';
import { errno, errnoName } from './errno.ts';
import { SMCCC_INVALID_PARAMETER } from './machine.ts';
import { getResponse, markFree, type MessageId, putXenMessage, type Response } from './scmi-shmem.ts';
import type { IoMapping } from './vmap.ts';

/** struct scmi_channel */
export class SmcChannel {
  agentId: number;
  readonly functionId: number;
  readonly address: number;
  domid: number | 'xen' | null;
  mapping: IoMapping | null = null;

  constructor(agentId: number, functionId: number, address: number, domid: 'xen' | null) {
    this.agentId = agentId;
    this.functionId = functionId;
    this.address = address;
    this.domid = domid;
  }
}

/** SCMI_BASE_AGENT_ID_OWN: the caller itself; also the id of a channel before discovery. */
export const OWN_AGENT_ID = 0xffff_ffff;

/** Ids of the Base messages that Xen sends. */
export const baseMessage = {
  protocolAttributes: 0x1,
  discoverAgent: 0x7,
  setDevicePermissions: 0x9,
  resetAgentConfiguration: 0xb,
} as const;

/**
 * collect_agent_id(): DISCOVER_AGENT on a channel, for the agent that firmware takes it for. Xen's own channel stays
 * mapped, another is mapped only for this.
 * @returns 0 or a negative errno
 * @throws {XenPanic} in a debug build, where the channel's page is at address 0
 */
export function discoverAgent(context: Context, channel: SmcChannel, why: Why): number {
  map(context, channel, why);
  const { rc, words } = transfer(context, channel, baseMessage.discoverAgent, [channel.agentId], 20, why);
  if (channel.domid !== 'xen') unmapChannel(context, channel);
  if (rc !== 0) return rc;
  const [agentId = 0, ...name] = words;
  context.console.printk('smc-multiagent.agent-name', [agentId, textOf(name)], {
    ...why,
    because: `firmware takes function id 0x${channel.functionId.toString(16)} for agent ${agentId}`,
  });
  channel.agentId = agentId;
  return 0;
}

/** map_channel_memory() */
function map(context: Context, channel: SmcChannel, why: Why): void {
  if (channel.address === 0 && context.build.debug) {
    const because =
      'the page of a channel that Xen maps is at address 0, which a debug build asserts against';
    assertionFailed(context, mapAssertion, { ...why, because });
  }
  channel.mapping = context.vmap.ioremap(channel.address, pageSize);
  markFree(context, channel.address);
  context.console.printk('smc-multiagent.map', [channel.address, channel.mapping.virtualAddress], {
    ...why,
    because: `Xen maps the page at 0x${channel.address.toString(16)} and marks it free`,
  });
}

/** unmap_channel_memory(); a channel that is not mapped stays so. */
export function unmapChannel(context: Context, channel: SmcChannel): void {
  if (channel.mapping !== null) context.vmap.iounmap(channel.mapping);
  channel.mapping = null;
}

/**
 * do_smc_xfer(): one message of Xen's and its reply.
 * @param message id of a Base message
 * @param words its payload
 * @param room bytes of payload, without the status, that the reply may have
 */
export function transfer(
  context: Context,
  channel: SmcChannel,
  message: number,
  words: readonly number[],
  room: number,
  why: Why,
): Response {
  const { console } = context;
  const header: MessageId = { id: message, type: 0, protocol: protocolId.base };
  console.printk('smc-multiagent.send', [channel.agentId, header.id, header.type, header.protocol], why);
  const sent = send(context, channel, header, words, why);
  const response =
    sent === 0 ? getResponse(context, channel.address, header, room, why) : { rc: sent, words: [] };
  const outcome = response.rc === 0 ? 'succeeds' : `fails with ${errnoName(response.rc)}`;
  console.printk('smc-multiagent.response', [channel.agentId, header.id, header.protocol, response.rc], {
    ...why,
    because: `${why.because}: it ${outcome}`,
  });
  return response;
}

/** send_smc_message() */
function send(
  context: Context,
  channel: SmcChannel,
  header: MessageId,
  words: readonly number[],
  why: Why,
): number {
  const rc = putXenMessage(context, channel.address, header, words, why);
  if (rc !== 0) return rc;
  const result = context.machine.smc(channel.functionId);
  if (result === SMCCC_INVALID_PARAMETER) return -errno.EINVAL;
  return result === 0 ? 0 : -errno.EOPNOTSUPP;
}

/** The bytes of words as text, to the first NUL. */
function textOf(words: readonly number[]): string {
  const bytes = words.flatMap(word => [0, 8, 16, 24].map(shift => (word >>> shift) & 0xff));
  const end = bytes.indexOf(0);
  return String.fromCharCode(...(end < 0 ? bytes : bytes.slice(0, end)));
}

const mapAssertion = {
  expression: 'channel && channel->paddr',
  file: 'arch/arm/firmware/scmi-smc-multiagent.c',
  line: 176,
} as const;
