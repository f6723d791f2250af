/** Possible actions in a state: by the toolstack with any guest, by any running domain with any doorbell. */
import { messageName } from '../../model/scmi/message-names.ts';
import type { FirmwareProfile } from '../../model/scmi/profile.ts';
import { protocolId } from '../../model/scmi/protocol-ids.ts';
import type { Action, DomainMessage } from './action.ts';
import type { ExploredMachine, Parts } from './machine.ts';
import type { Resource } from './resources.ts';
import type { DomainState, State } from './state.ts';

/** Choices of the walk, fixed when it starts. */
export interface Repertoire {
  readonly profile: FirmwareProfile;
  readonly parts: Parts;
  /** Agent that firmware lets configure others, faults included; null: none. */
  readonly privileged: number | null;
  /** Agents that guests ask for, all kinds of them: free ones, Dom0's, Xen's, one that is not listed, none. */
  readonly askedAgents: readonly (number | null)[];
  /** Most guests at a time, dying ones included. */
  readonly guests: number;
  readonly devices: readonly number[];
  readonly resources: readonly Resource[];
  /** Every doorbell that there is, and one that is none. */
  readonly doorbells: readonly number[];
  /** Whether domains ring doorbells, and what else no step of a scenario does. */
  readonly withCalls: boolean;
}

/** @param agents most guest agents that guests ask for */
export function repertoireOf(
  machine: ExploredMachine,
  explored: { readonly devices: readonly number[]; readonly resources: readonly Resource[] },
  bounds: { readonly agents: number; readonly guests: number; readonly withCalls: boolean },
): Repertoire {
  const { parts, firmware } = machine;
  const guests = parts.guests.slice(0, bounds.agents);
  const dom0 = parts.dom0 === null ? [] : [parts.dom0];
  const listed = [parts.xen, ...dom0, ...parts.guests];
  const unlisted = firmware.profile.agents.map(({ id }) => id).filter(id => !listed.includes(id));
  return {
    profile: firmware.profile,
    parts,
    privileged: firmware.privilegedAgent,
    askedAgents: [...guests, ...dom0, parts.xen, ...unlisted.slice(0, 1), NO_SUCH_AGENT, null],
    guests: bounds.guests,
    devices: explored.devices,
    resources: explored.resources,
    doorbells: [
      ...[parts.xen, ...dom0, ...guests, ...unlisted.slice(0, 1)].flatMap(
        id => machine.functionIdOf(id) ?? [],
      ),
      NO_DOORBELL,
    ],
    withCalls: bounds.withCalls,
  };
}

/** All that can be done in a state, in an order that depends on nothing else. */
export function possibleActions(state: State, repertoire: Repertoire): Action[] {
  const guests = state.domains.filter(({ name }) => name !== 'dom0');
  const running = state.domains.filter(({ dying }) => !dying);
  return [
    ...creations(guests, repertoire),
    ...destructions(guests, repertoire),
    ...guests.flatMap(({ name, dying }) =>
      dying ? [] : repertoire.devices.map((device): Action => ({ do: 'assign-device', guest: name, device })),
    ),
    ...(repertoire.withCalls ? running.flatMap(domain => calls(domain, state, repertoire)) : []),
  ];
}

/**
 * A guest gets the page of its agent; one without agent none, or the page of any. What must be refused for its agent
 * is also tried without a page, which could hide that.
 */
function creations(guests: readonly DomainState[], repertoire: Repertoire): Action[] {
  if (guests.length >= repertoire.guests) return [];
  const taken = new Set(guests.map(({ name }) => name));
  let number = 1;
  while (taken.has(`guest${number}`)) number++;
  const guest = `guest${number}`;
  const { parts } = repertoire;
  const isReserved = (agent: number): boolean => agent === parts.xen || agent === parts.dom0;
  const hasPage = (agent: number): boolean => repertoire.profile.agents.some(({ id }) => id === agent);
  return repertoire.askedAgents.flatMap((agent): Action[] => {
    if (agent !== null) {
      const pages = hasPage(agent) ? [agent, ...(isReserved(agent) ? [null] : [])] : [null];
      return pages.map(page => ({ do: 'create', guest, agent, page }));
    }
    const pages = repertoire.askedAgents.filter(each => each !== null && hasPage(each));
    return [null, ...pages].map(page => ({ do: 'create', guest, agent, page }));
  });
}

/** xl has no name any more for a domain that it could not destroy. */
function destructions(guests: readonly DomainState[], { withCalls }: Repertoire): Action[] {
  return guests
    .filter(({ dying }) => withCalls || !dying)
    .map(({ name }) => ({ do: 'destroy', guest: name }));
}

function calls(domain: DomainState, state: State, repertoire: Repertoire): Action[] {
  const own = state.channels.find(({ agent }) => agent === domain.agent)?.functionId;
  return repertoire.doorbells.flatMap((functionId): Action[] => {
    const bare: Action = { do: 'smc', domain: domain.name, functionId, message: null };
    const { agent } = domain;
    if (functionId !== own || agent === null || !domain.pages.includes(agent)) return [bare];
    return [bare, ...messages(agent, repertoire).map((message): Action => ({ ...bare, message }))];
  });
}

/** Messages that a domain sends as its agent: harmless ones, those for Xen alone, and those about its resources. */
function messages(
  agent: number,
  { devices, resources, parts, privileged, askedAgents }: Repertoire,
): DomainMessage[] {
  const listed = [parts.dom0, ...askedAgents].filter((each): each is number => each !== null);
  const other = listed.find(each => ![agent, parts.xen, NO_SUCH_AGENT].includes(each)) ?? parts.xen;
  const isPrivileged = agent === privileged;
  const [someDevice = 0] = devices;
  return [
    base(0x0),
    base(0x7, [OWN_AGENT]),
    base(0x6, [0]),
    base(UNKNOWN_MESSAGE),
    { name: 'a protocol that there is not', message: { protocol: UNKNOWN_PROTOCOL, message: 0 } },
    { name: 'a length out of range', message: { protocol: protocolId.base, message: 0 }, length: 0x1000 },
    ...(isPrivileged ? devices : [someDevice]).flatMap(device => [
      { ...base(0x9, [agent, device, ALLOW], 'allow itself'), device },
      { ...base(0x9, [other, device, DENY], 'deny another'), device, about: other },
    ]),
    ...(isPrivileged && devices.length > 0
      ? devices.map(device => ({
          ...base(0x9, [other, device, ALLOW], 'allow another'),
          device,
          about: other,
        }))
      : []),
    base(0xb, [agent, PERMISSIONS_RESET], 'of itself'),
    { ...base(0xb, [other, PERMISSIONS_RESET], 'of another'), about: other },
    ...resources.flatMap(({ uses, device }, resource) =>
      uses.map(({ name, message, takes }) => ({
        name,
        message,
        use: { resource, takes },
        ...(device === null ? {} : { device }),
      })),
    ),
  ];
}

function base(message: number, words: readonly number[] = [], detail = ''): DomainMessage {
  const name = messageName(protocolId.base, message);
  return {
    name: detail === '' ? name : `${name} (${detail})`,
    message: { protocol: protocolId.base, message, words },
  };
}

/** The largest id that xl takes; no list has it. */
const NO_SUCH_AGENT = 254;
/** A fast call of the SiP that no firmware knows. */
const NO_DOORBELL = 0x8200_fffe;
const OWN_AGENT = 0xffff_ffff;
const UNKNOWN_MESSAGE = 0x3f;
const UNKNOWN_PROTOCOL = 0x7f;
const ALLOW = 1;
const DENY = 0;
const PERMISSIONS_RESET = 1;
