import type { VoltageDomainProfile } from './profile.ts';
import {
  argument,
  commonMessages,
  fail,
  type Message,
  type Protocol,
  type Reply,
  type Request,
  succeed,
} from './protocol.ts';
import { protocolId } from './protocol-ids.ts';
import { wordsOfText } from './shared-memory.ts';
import type { VoltageDomainState } from './state.ts';
import { status } from './status.ts';

/**
 * The Voltage domain protocol of version 0x10000: SCMI specification section 4.9. Levels are a list,
 * set synchronously; every agent may set them.
 */
export const voltageDomain: Protocol = new Map<number, Message>([
  ...commonMessages(
    server => server.profile.protocols.get(protocolId.voltageDomain) ?? 0x10000,
    server => [(server.profile.voltageDomains ?? []).length & 0xffff],
    (_, message) => voltageDomain.has(message),
  ),
  [0x3, { size: 4, handle: withDomain((_, { profile }) => succeed(0, ...wordsOfText(profile.name))) }],
  [0x4, { size: 8, handle: withDomain(describeLevels) }],
  [0x5, { size: 8, handle: withDomain(configSet) }],
  [0x6, { size: 4, handle: withDomain((_, { state }) => succeed(state.on ? mode.on : mode.off)) }],
  [0x7, { size: 12, handle: withDomain(levelSet) }],
  [0x8, { size: 4, handle: withDomain((_, { state }) => succeed(state.level >>> 0)) }],
]);

/** Architectural modes. */
const mode = { off: 0x0, on: 0x7 } as const;

interface Domain {
  readonly profile: VoltageDomainProfile;
  readonly state: VoltageDomainState;
}

function withDomain(handle: (request: Request, domain: Domain) => Reply): Message['handle'] {
  return (server, request) => {
    const id = argument(request, 0);
    const profile = server.profile.voltageDomains?.find(domain => domain.id === id);
    const state = server.state.voltageDomains.get(id);
    return profile === undefined || state === undefined
      ? fail(status.NOT_FOUND)
      : handle(request, { profile, state });
  };
}

/** Most levels that a reply has room for: 100 bytes less status and flags, 4 each. */
const levelLimit = 23;

function describeLevels(request: Request, { profile: { levels } }: Domain): Reply {
  const index = argument(request, 1);
  if (index >= levels.length) return fail(status.OUT_OF_RANGE);
  const listed = levels.slice(index, index + levelLimit);
  const remaining = levels.length - index - listed.length;
  return succeed((remaining << 16) | listed.length, ...listed.map(level => level >>> 0));
}

function configSet(request: Request, { state }: Domain): Reply {
  const config = argument(request, 1);
  if (config !== mode.off && config !== mode.on) return fail(status.INVALID_PARAMETERS);
  state.on = config === mode.on;
  return succeed();
}

function levelSet(request: Request, { profile, state }: Domain): Reply {
  const [, flags = 0, word = 0] = request.words;
  // Bit 0 asks for an asynchronous change.
  if (flags > 1) return fail(status.INVALID_PARAMETERS);
  if (flags === 1) return fail(status.NOT_SUPPORTED);
  const level = word | 0;
  if (!profile.levels.includes(level)) return fail(status.OUT_OF_RANGE);
  state.level = level;
  return succeed();
}
