import { protocolId } from '../scmi/protocol-ids.ts';
import { textOfWords } from '../scmi/shared-memory.ts';
import type { Reply, ScmiChannel } from './scmi-channel.ts';

type Sender = Pick<ScmiChannel, 'send'>;

/** Answers of the Base protocol. */
export interface ScmiRevision {
  readonly version: number;
  readonly vendor: string;
  readonly subVendor: string;
  readonly implementationVersion: number;
  /** Protocol ids beside Base. */
  readonly protocols: readonly number[];
  readonly agents: number;
}

/**
 * The Base messages of a probe up to the success line (scmi_base_protocol_init). The version and the
 * attributes must be answered; a failure of the others leaves a blank.
 *
 * @param say is given what the driver warns of
 * @returns the revision, or the negative errno that ends the probe
 */
export function readRevision(
  channel: Sender,
  version: number,
  say: (text: string) => void,
): ScmiRevision | number {
  const attributes = ask(channel, base.attributes);
  if (attributes.error !== 0) return attributes.error;
  const count = word(attributes) & 0xff;
  const vendor = textOfWords(ask(channel, base.vendor).words.slice(0, 4));
  const subVendor = textOfWords(ask(channel, base.subVendor).words.slice(0, 4));
  const implementationVersion = word(ask(channel, base.implementationVersion));
  return {
    version,
    vendor,
    subVendor,
    implementationVersion,
    protocols: listProtocols(channel, count, say),
    agents: (word(attributes) >>> 8) & 0xff,
  };
}

/** Asks for the name of each agent, as the probe does once it has said that it succeeded. */
export function discoverAgents(channel: Sender, agents: number): void {
  for (let id = 0; id < agents; id++) ask(channel, base.agent, [id]);
}

/** scmi_base_implementation_list_get() */
function listProtocols(channel: Sender, count: number, say: (text: string) => void): number[] {
  const protocols: number[] = [];
  do {
    const reply = ask(channel, base.listProtocols, [protocols.length]);
    const returned = word(reply);
    if (reply.error !== 0 || returned === 0) break;
    if (returned > count - protocols.length) {
      say('No. Returned protocols > Total protocols.');
      break;
    }
    const size = 4 * (reply.words.length - 1);
    const expected = 4 * Math.ceil(returned / 4);
    if (size !== expected)
      say(`Malformed reply - real_sz:${size} calc_sz:${expected}  (loop_num_ret:${returned})`);
    if (expected > size) break;
    const ids = reply.words.slice(1).flatMap(each => [each, each >>> 8, each >>> 16, each >>> 24]);
    protocols.push(...ids.slice(0, returned).map(id => id & 0xff));
  } while (protocols.length < count);
  return protocols;
}

const base = {
  attributes: 0x1,
  vendor: 0x3,
  subVendor: 0x4,
  implementationVersion: 0x5,
  listProtocols: 0x6,
  agent: 0x7,
} as const;

function ask(channel: Sender, message: number, words: readonly number[] = []): Reply {
  return channel.send(protocolId.base, message, words);
}

function word(reply: Reply): number {
  return reply.words[0] ?? 0;
}
