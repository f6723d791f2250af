import { mayUse } from './permissions.ts';
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
import { status } from './status.ts';

/**
 * The Reset domain protocol of version 0x10000: SCMI specification section 4.8, TF-A
 * drivers/scmi-msg/reset_domain.c. Resets are synchronous, nothing notifies.
 */
export const resetDomain: Protocol = new Map<number, Message>([
  ...commonMessages(
    server => server.profile.protocols.get(protocolId.resetDomain) ?? 0x10000,
    server => [server.profile.resets.length & 0xffff],
    (_, message) => resetDomain.has(message),
  ),
  [0x3, { size: 4, handle: domainAttributes }],
  [0x4, { size: 12, handle: reset }],
]);

function domainAttributes(server: Server, request: Request): Reply {
  const domain = findDomain(server, argument(request, 0));
  if (domain === undefined) {
    return fail(
      server.quirks.has('reset-attributes-invalid-parameters') ? status.INVALID_PARAMETERS : status.NOT_FOUND,
    );
  }
  const latency = server.quirks.has('reset-latency-0x7fffffff') ? 0x7fff_ffff : 0xffff_ffff;
  return succeed(0, latency, ...wordsOfText(domain.name));
}

/** Flags of RESET. */
const autonomous = 0x1;
const assert = 0x2;
const asynchronous = 0x4;

function reset(server: Server, request: Request): Reply {
  const [id = 0, flags = 0, state = 0] = request.words;
  if (findDomain(server, id) === undefined) return fail(status.NOT_FOUND);
  if (!mayUse(server, request.agent, 'resets', id)) return fail(status.DENIED);
  if (!server.quirks.has('reset-flags-unchecked')) {
    if (flags > (autonomous | assert | asynchronous)) return fail(status.INVALID_PARAMETERS);
    if ((flags & asynchronous) !== 0) return fail(status.NOT_SUPPORTED);
    // Architectural state 0 is the only one that a firmware without others can take.
    if ((flags & autonomous) !== 0 && state !== 0) return fail(status.INVALID_PARAMETERS);
  }
  const { assertedResets } = server.state;
  if ((flags & autonomous) === 0 && (flags & assert) !== 0) assertedResets.add(id);
  else assertedResets.delete(id);
  return succeed();
}

const findDomain = (server: Server, id: number) => server.profile.resets.find(domain => domain.id === id);
