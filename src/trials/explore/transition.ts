/**
 * Names of transitions: what was done, to what kind of thing, and what came of it. Two that differ only in which guest
 * or which of two equal devices it was have one name.
 */
import { statusName } from '../../model/scmi/status.ts';
import { messageName } from '../../model/scmi/message-names.ts';
import { errnoName } from '../../model/xen/errno.ts';
import type { Action } from './action.ts';
import { isTransportError } from './answer.ts';
import type { Outcome } from './machine.ts';
import type { Repertoire } from './possible-actions.ts';
import type { DomainState, State } from './state.ts';

/** `create(an agent that a guest has) -> EEXIST` */
export function transitionName(
  before: State,
  action: Action,
  outcome: Outcome,
  repertoire: Repertoire,
): string {
  return `${actionName(before, action, repertoire)} -> ${outcomeName(action, outcome)}`;
}

function actionName(before: State, action: Action, repertoire: Repertoire): string {
  switch (action.do) {
    case 'create': {
      const page = action.page === action.agent ? '' : pageName(before, action.page, repertoire);
      return `create(${agentName(before, action.agent, repertoire)}${page})`;
    }
    case 'destroy':
      return `destroy(${domainName(before, action.guest)})`;
    case 'assign-device':
      return `assign-device(${domainName(before, action.guest)}, ${deviceName(before, action.device, action.guest, repertoire)})`;
    default: {
      const { domain, functionId, message } = action;
      const said = message === null ? '' : `, ${message.name}${subjectName(before, action, repertoire)}`;
      return `smc(${domainName(before, domain)}, ${doorbellName(before, functionId, domain)}${said})`;
    }
  }
}

function outcomeName(action: Action, { rc, failed, messages }: Outcome): string {
  if (action.do === 'smc') return failed === 'access' ? 'abort' : callOutcome(rc, messages.at(-1));
  const result = rc === 0 ? 'done' : `${errnoName(rc)}${failed === undefined ? '' : ' for the page'}`;
  const sent = messages.map(({ protocol, message, status }) => {
    return `${messageName(protocol, message)} ${statusName(status)}`;
  });
  return [result, ...sent].join(', ');
}

function callOutcome(rc: number, message: Outcome['messages'][number] | undefined): string {
  if (message === undefined) return rc === 0 ? 'nothing' : 'refused';
  return isTransportError(message) ? 'ERROR' : statusName(message.status);
}

function agentName(state: State, agent: number | null, { parts, profile }: Repertoire): string {
  if (agent === null) return 'no agent';
  if (agent === parts.xen) return "Xen's agent";
  if (agent === parts.dom0) return "Dom0's agent";
  if (!parts.guests.includes(agent)) {
    return profile.agents.some(({ id }) => id === agent) ? 'an agent that is not listed' : 'no such agent';
  }
  const holder = state.domains.find(each => each.agent === agent);
  if (holder === undefined) return state.stuck.includes(agent) ? 'an agent that is stuck' : 'a free agent';
  return holder.dying ? 'an agent that a dying guest has' : 'an agent that a guest has';
}

function pageName(state: State, page: number | null, repertoire: Repertoire): string {
  return page === null ? '' : `, page of ${agentName(state, page, repertoire)}`;
}

function domainName(state: State, name: string): string {
  const domain = named(state, name);
  const kind = name === 'dom0' ? 'Dom0' : domain?.dying === true ? 'dying guest' : 'guest';
  return domain?.agent === null ? `${kind} without agent` : kind;
}

/** A device as one domain sees it. */
function deviceName(state: State, id: number, domain: string, { profile }: Repertoire): string {
  const known = profile.devices.find(device => device.id === id);
  if (known === undefined) return 'no such device';
  if (known.owner === 'shared') return 'a shared device';
  if (known.owner === 'firmware') return "a device of firmware's";
  const { holders = [], owner = null } = state.devices.find(device => device.id === id) ?? {};
  const agent = named(state, domain)?.agent;
  if (holders.length > 1) return 'a device of several';
  const [holder] = holders;
  if (holder === undefined) return owner === null ? 'a free device' : 'a device without permission';
  if (holder === agent) return 'its own device';
  const other = state.domains.find(each => each.agent === holder);
  if (other === undefined) return 'a device of nobody there';
  return other.name === 'dom0' ? "Dom0's device" : "another guest's device";
}

function doorbellName(state: State, functionId: number, domain: string): string {
  const channel = state.channels.find(each => each.functionId === functionId);
  if (channel === undefined) return 'a doorbell that is not listed';
  if (channel.agent === named(state, domain)?.agent) return 'its own doorbell';
  if (channel.holder === 'xen') return "Xen's doorbell";
  if (channel.holder === null) return 'a free doorbell';
  return channel.holder === 'dom0' ? "Dom0's doorbell" : "another guest's doorbell";
}

function subjectName(
  before: State,
  { domain, message }: Extract<Action, { do: 'smc' }>,
  repertoire: Repertoire,
): string {
  if (message?.device === undefined) return '';
  return `, ${deviceName(before, message.device, domain, repertoire)}`;
}

function named(state: State, name: string): DomainState | undefined {
  return state.domains.find(each => each.name === name);
}
