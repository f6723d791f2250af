import { mayUse } from './permissions.ts';
import type { PowerDomainProfile } from './profile.ts';
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
import type { PowerDomainState } from './state.ts';
import { wordsOfText } from './shared-memory.ts';
import { status } from './status.ts';

/**
 * The Power domain protocol of version 0x20000: SCMI specification section 4.3, TF-A
 * drivers/scmi-msg/power_domain.c. State changes are synchronous, nothing notifies, there are no
 * statistics.
 */
export const powerDomain: Protocol = new Map<number, Message>([
  ...commonMessages(
    server => server.profile.protocols.get(protocolId.powerDomain) ?? 0x20000,
    server => [server.profile.powerDomains.length & 0xffff, 0, 0, 0],
    (_, message) => powerDomain.has(message),
  ),
  [0x3, { size: 4, handle: attributes }],
  [0x4, { size: 12, handle: stateSet }],
  [0x5, { size: 4, handle: stateGet }],
]);

/** Bit 30 of a power state: context is lost, the domain is off. */
const off = 0x4000_0000;

function attributes(server: Server, request: Request): Reply {
  const found = findDomain(server, argument(request, 0));
  return found === undefined ? fail(unknownDomain(server)) : succeed(0, ...wordsOfText(found.profile.name));
}

function stateSet(server: Server, request: Request): Reply {
  const [flags = 0, id = 0, state = 0] = request.words;
  if (findDomain(server, id) === undefined) return fail(unknownDomain(server));
  if (!mayUse(server, request.agent, 'powerDomains', id)) return fail(status.DENIED);
  if (!server.quirks.has('power-state-unchecked')) {
    if (flags === 1) return fail(status.NOT_SUPPORTED);
    if (flags > 1 || (state !== 0 && state !== off)) return fail(status.INVALID_PARAMETERS);
  }
  return fail((state & off) === 0 ? powerOn(server, id) : powerOff(server, id));
}

function stateGet(server: Server, request: Request): Reply {
  const found = findDomain(server, argument(request, 0));
  if (found === undefined) return fail(unknownDomain(server));
  return succeed(found.state.on || found.profile.alwaysOn === true ? 0 : off);
}

/**
 * Turns a domain on, with its parents where the firmware counts users.
 *
 * @returns The SCMI status.
 */
function powerOn(server: Server, id: number): number {
  const found = findDomain(server, id);
  if (found === undefined) return status.INVALID_PARAMETERS;
  const { profile, state } = found;
  if (server.quirks.has('power-use-counted')) {
    if (state.users === 0 && profile.parent !== undefined) powerOn(server, profile.parent);
    state.users += 1;
  }
  state.on = true;
  return status.SUCCESS;
}

/**
 * Turns a domain off, or counts a user less where the firmware counts them.
 *
 * @returns The SCMI status; where a parent refuses, its status, though the domain itself is off
 *   (TF-A plat/renesas/rcar_gen4/scmi/scmi_power_domain.c rcar_gen4_sysc_power_off).
 */
export function powerOff(server: Server, id: number): number {
  const found = findDomain(server, id);
  if (found === undefined) return status.INVALID_PARAMETERS;
  const { profile, state } = found;
  if (!server.quirks.has('power-use-counted')) {
    if (profile.alwaysOn === true) return status.DENIED;
    state.on = false;
    return status.SUCCESS;
  }
  if (state.users === 0) return status.BUSY;
  if (state.users > 1) {
    state.users -= 1;
    return status.SUCCESS;
  }
  if (profile.alwaysOn === true) return status.BUSY;
  state.on = false;
  state.users = 0;
  return profile.parent === undefined ? status.SUCCESS : powerOff(server, profile.parent);
}

function findDomain(
  server: Server,
  id: number,
): { readonly profile: PowerDomainProfile; readonly state: PowerDomainState } | undefined {
  const profile = server.profile.powerDomains.find(domain => domain.id === id);
  const state = server.state.powerDomains.get(id);
  return profile === undefined || state === undefined ? undefined : { profile, state };
}

const unknownDomain = (server: Server): number =>
  server.quirks.has('power-domain-invalid-parameters') ? status.INVALID_PARAMETERS : status.NOT_FOUND;
