import { managementAgent } from './faults.ts';
import { dropPermissions, setDevicePermission } from './permissions.ts';
import { powerOff } from './power-domain.ts';
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
 * The Base protocol: SCMI specification section 4.2, TF-A drivers/scmi-msg/base.c.
 *
 * Notifications are never sent: no profile has a channel for them.
 */
export const base: Protocol = new Map<number, Message>([
  ...commonMessages(
    () => 0x20000,
    server => [protocolCount(server) | (agentCount(server) << 8)],
    (server, message) => isBaseMessage(server, message),
  ),
  [0x3, { size: 0, handle: server => succeed(...wordsOfText(server.profile.vendor)) }],
  [0x4, { size: 0, handle: server => succeed(...wordsOfText(server.profile.subVendor)) }],
  [0x5, { size: 0, handle: server => succeed(server.profile.implementationVersion) }],
  [0x6, { size: 4, handle: listProtocols }],
  [0x7, { size: 4, handle: discoverAgent }],
  [0x8, { size: 4, handle: notifyErrors }],
  [0x9, { size: 12, handle: setDevicePermissions }],
  [0xa, { size: 16, handle: setProtocolPermissions }],
  [0xb, { size: 8, handle: resetAgentConfiguration }],
]);

/** Whether the firmware has this message of Base. */
export function isBaseMessage(server: Server, message: number): boolean {
  return (
    base.has(message) &&
    server.profile.baseMessages.includes(message) &&
    !server.faults.some(fault => fault.missingBaseMessages?.includes(message))
  );
}

/** The status that a fault gives a message of Base, whatever it says. */
export function faultyBaseStatus(server: Server, request: Request): number | undefined {
  const management = managementAgent(server.profile);
  return server.faults
    .filter(fault => fault.towards === undefined || request.agent === management)
    .map(fault => fault.baseStatus?.get(request.message))
    .find(code => code !== undefined);
}

/** Protocols beside Base that an agent is told of, in the profile's order. */
export function protocolsOf(server: Server, agent: number): number[] {
  const denied = server.state.deniedProtocols.get(agent);
  return [...server.profile.protocols.keys()].filter(
    id => id !== protocolId.base && denied?.has(id) !== true,
  );
}

function protocolCount(server: Server): number {
  return [...server.profile.protocols.keys()].filter(id => id !== protocolId.base).length;
}

function agentCount(server: Server): number {
  const reported = server.faults.find(fault => fault.reportedAgents !== undefined)?.reportedAgents;
  return reported ?? server.profile.reportedAgents ?? server.profile.agents.length;
}

/** Most protocol ids that fit a reply: 100 bytes less status and count. */
const protocolLimit = 92;

function listProtocols(server: Server, request: Request): Reply {
  const skip = argument(request, 0);
  const all = protocolsOf(server, request.agent);
  if (skip > all.length && !server.quirks.has('list-protocols-skip-unchecked')) {
    return fail(status.INVALID_PARAMETERS);
  }
  const ids = all.slice(skip, skip + protocolLimit);
  const words: number[] = [];
  for (const [index, id] of ids.entries()) {
    const at = Math.floor(index / 4);
    words[at] = ((words[at] ?? 0) | (id << (8 * (index % 4)))) >>> 0;
  }
  return succeed(ids.length, ...words);
}

/** The agent id that stands for the caller. */
const ownAgent = 0xffff_ffff;

function discoverAgent(server: Server, request: Request): Reply {
  const asked = argument(request, 0);
  const refused = server.quirks.has('discover-agent-invalid-parameters')
    ? status.INVALID_PARAMETERS
    : status.NOT_FOUND;
  if (asked === ownAgent && server.quirks.has('discover-agent-own-refused')) return fail(refused);
  const id = asked === ownAgent ? request.agent : asked;
  const agent = server.profile.agents.find(candidate => candidate.id === id);
  if (agent !== undefined) return succeed(id, ...wordsOfText(agent.name));
  return id === 0 ? succeed(0, ...wordsOfText('platform')) : fail(refused);
}

function notifyErrors(server: Server, request: Request): Reply {
  const enable = argument(request, 0);
  if (enable > 1) return fail(status.INVALID_PARAMETERS);
  if (enable === 1) server.state.errorNotifications.add(request.agent);
  else server.state.errorNotifications.delete(request.agent);
  return succeed();
}

function setDevicePermissions(server: Server, request: Request): Reply {
  if (request.agent !== server.privilegedAgent) return fail(status.DENIED);
  const [agent = 0, id = 0, flags = 0] = request.words;
  if (!isAgent(server, agent)) return fail(unknownId(server));
  const device = server.profile.devices.find(candidate => candidate.id === id);
  if (device === undefined || server.profile.devicePolicy === 'none') return fail(unknownId(server));
  if (hasReservedFlags(server, flags)) return fail(status.INVALID_PARAMETERS);
  return fail(setDevicePermission(server, agent, device, (flags & 1) !== 0));
}

function setProtocolPermissions(server: Server, request: Request): Reply {
  if (request.agent !== server.privilegedAgent) return fail(status.DENIED);
  const [agent = 0, device = 0, command = 0, flags = 0] = request.words;
  if (!isAgent(server, agent)) return fail(unknownId(server));
  if (!server.profile.devices.some(({ id }) => id === device)) return fail(unknownId(server));
  const protocol = command & 0xff;
  if (protocol === protocolId.base || !server.profile.protocols.has(protocol)) {
    return fail(unknownId(server));
  }
  if (hasReservedFlags(server, flags)) return fail(status.INVALID_PARAMETERS);
  const denied = server.state.deniedProtocols.get(agent) ?? new Set();
  server.state.deniedProtocols.set(agent, denied);
  if ((flags & 1) !== 0) denied.delete(protocol);
  else denied.add(protocol);
  return succeed();
}

function resetAgentConfiguration(server: Server, request: Request): Reply {
  if (request.agent !== server.privilegedAgent) return fail(status.DENIED);
  const [agent = 0, flags = 0] = request.words;
  if (!isAgent(server, agent)) return fail(unknownId(server));
  if (hasReservedFlags(server, flags)) return fail(status.INVALID_PARAMETERS);
  const { resetAgentPolicy: policy } = server.profile;
  if (policy === 'not-supported') return fail(status.NOT_SUPPORTED);
  if (policy === 'resources') resetResources(server, agent);
  else if ((flags & 1) !== 0) dropPermissions(server, agent);
  return succeed();
}

/** TF-A plat/renesas/rcar_gen4/scmi/scmi_policy.c plat_scmi_reset_agent_cfg: the owners are fixed. */
function resetResources(server: Server, agent: number): void {
  const { assertedResets, clocks } = server.state;
  for (const device of server.profile.devices.filter(({ owner }) => owner === agent)) {
    for (const id of device.resets) assertedResets.add(id);
    for (const id of device.clocks) {
      const clock = clocks.get(id);
      const alwaysOn = server.profile.clocks.find(candidate => candidate.id === id)?.alwaysOn;
      if (clock !== undefined && alwaysOn !== true) clock.enabled = false;
    }
    for (const id of device.powerDomains) powerOff(server, id);
  }
}

const isAgent = (server: Server, id: number): boolean => server.profile.agents.some(agent => agent.id === id);

const unknownId = (server: Server): number =>
  server.quirks.has('permissions-invalid-parameters') ? status.INVALID_PARAMETERS : status.NOT_FOUND;

const hasReservedFlags = (server: Server, flags: number): boolean =>
  flags > 1 && !server.quirks.has('permission-flags-unchecked');
