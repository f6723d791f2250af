import type { PerformanceDomainProfile } from './profile.ts';
import {
  argument,
  commonMessages,
  fail,
  type Message,
  type Protocol,
  type Reply,
  type Request,
  type Server,
  succeed,
} from './protocol.ts';
import { protocolId } from './protocol-ids.ts';
import { wordsOfText } from './shared-memory.ts';
import type { PerformanceDomainState } from './state.ts';
import { status } from './status.ts';

/**
 * The Performance domain protocol of version 0x20000: SCMI specification section 4.5. No
 * notifications, fast channels or statistics; every agent may set levels and limits.
 */
export const performance: Protocol = new Map<number, Message>([
  ...commonMessages(
    server => server.profile.protocols.get(protocolId.performance) ?? 0x20000,
    server => [domainsOf(server).length | powerInMilliwatts, 0, 0, 0],
    (_, message) => performance.has(message),
  ),
  [0x3, { size: 4, handle: withDomain(attributes) }],
  [0x4, { size: 8, handle: withDomain(describeLevels) }],
  [0x5, { size: 12, handle: withDomain(limitsSet) }],
  [0x6, { size: 4, handle: withDomain((_, { state }) => succeed(state.maximum, state.minimum)) }],
  [0x7, { size: 8, handle: withDomain(levelSet) }],
  [0x8, { size: 4, handle: withDomain((_, { state }) => succeed(state.level)) }],
]);

/** Bit 16 of the protocol's attributes. */
const powerInMilliwatts = 1 << 16;

interface Domain {
  readonly profile: PerformanceDomainProfile;
  readonly state: PerformanceDomainState;
}

const domainsOf = (server: Server): readonly PerformanceDomainProfile[] =>
  server.profile.performanceDomains ?? [];

function withDomain(handle: (request: Request, domain: Domain) => Reply): Message['handle'] {
  return (server, request) => {
    const id = argument(request, 0);
    const profile = domainsOf(server).find(domain => domain.id === id);
    const state = server.state.performanceDomains.get(id);
    return profile === undefined || state === undefined
      ? fail(status.NOT_FOUND)
      : handle(request, { profile, state });
  };
}

/** Attributes of a domain whose limits and level can be set. */
const settable = 0xc000_0000;

function attributes(_: Request, { profile }: Domain): Reply {
  const { sustainedFrequency, sustainedLevel, name } = profile;
  return succeed(settable, 0, sustainedFrequency, sustainedLevel, ...wordsOfText(name));
}

/** Most levels that a reply has room for: 100 bytes less status and count, 12 each. */
const levelLimit = 7;

function describeLevels(request: Request, { profile: { levels } }: Domain): Reply {
  const index = argument(request, 1);
  if (index >= levels.length) return fail(status.INVALID_PARAMETERS);
  const listed = levels.slice(index, index + levelLimit);
  const remaining = levels.length - index - listed.length;
  return succeed(
    (remaining << 16) | listed.length,
    ...listed.flatMap(({ level, power, latency }) => [level, power, latency & 0xffff]),
  );
}

function limitsSet(request: Request, { profile: { levels }, state }: Domain): Reply {
  const [, maximum = 0, minimum = 0] = request.words;
  const [lowest, highest] = [levels[0]?.level ?? 0, levels.at(-1)?.level ?? 0];
  if (minimum > maximum) return fail(status.INVALID_PARAMETERS);
  if (minimum < lowest || maximum > highest) return fail(status.OUT_OF_RANGE);
  state.minimum = minimum;
  state.maximum = maximum;
  state.level = Math.min(maximum, Math.max(minimum, state.level));
  return succeed();
}

function levelSet(request: Request, { profile: { levels }, state }: Domain): Reply {
  const level = argument(request, 1);
  const known = levels.some(candidate => candidate.level === level);
  if (!known || level < state.minimum || level > state.maximum) return fail(status.OUT_OF_RANGE);
  state.level = level;
  return succeed();
}
