/** Invariants that hold in every state and of every step, after any history. */
import type { FirmwareMessage } from '../../model/scmi/firmware-message.ts';
import { messageName } from '../../model/scmi/message-names.ts';
import { protocolId } from '../../model/scmi/protocol-ids.ts';
import { errno, errnoName } from '../../model/xen/errno.ts';
import type { Action } from './action.ts';
import { isObeyed } from './answer.ts';
import type { Outcome } from './machine.ts';
import type { Marks } from './marks.ts';
import type { Repertoire } from './possible-actions.ts';
import type { ChannelState, DomainState, State } from './state.ts';

/** One step of the walk. */
export interface Step {
  /** The state right after the boot. */
  readonly boot: State;
  readonly before: State;
  readonly action: Action;
  readonly outcome: Outcome;
  readonly after: State;
  readonly marksBefore: Marks;
  readonly marksAfter: Marks;
  readonly repertoire: Repertoire;
}

export interface Invariant {
  readonly name: InvariantName;
  /** Whether it is about the state that a step leads to, or about the step itself. */
  readonly of: 'state' | 'step';
  /** The promise, as a sentence. */
  readonly promise: string;
  /** Everything that breaks it, in words. */
  readonly broken: (step: Step) => readonly string[];
}

/** Part of an invariant that a step breaks. A violation of the state before is not reported again. */
export function brokenBy({ of, broken }: Invariant, step: Step): readonly string[] {
  const all = broken(step);
  if (all.length === 0 || of === 'step') return all;
  const earlier = broken({ ...step, after: step.before, marksAfter: step.marksBefore });
  return all.filter(words => !earlier.includes(words));
}

export type InvariantName =
  | 'one-domain-per-channel'
  | 'xens-channel-is-xens'
  | 'caller-is-its-agent'
  | 'own-doorbell-reaches-firmware'
  | 'other-doorbell-is-refused'
  | 'assignment-gives-permission'
  | 'no-agent-no-call'
  | 'only-xen-configures-agents'
  | 'dom0-keeps-its-own'
  | 'dying-keeps-its-channel'
  | 'destroyed-is-gone'
  | 'refusal-changes-nothing'
  | 'page-of-its-own'
  | 'one-agent-per-device'
  | 'no-permission-left-behind'
  | 'default-permissions-restored'
  | 'settings-reset'
  | 'power-stays-on'
  | 'new-channel-works';

export const invariants: readonly Invariant[] = [
  {
    name: 'one-domain-per-channel',
    of: 'state',
    promise: 'no two domains have one channel, and each has that of the agent it was given',
    broken: ({ after }) => [...sharedChannels(after), ...wrongHolders(after)],
  },
  {
    name: 'xens-channel-is-xens',
    of: 'state',
    promise: "Xen's own channel is never a domain's",
    broken: ({ after }) => {
      const own = after.channels.filter(({ holder }) => holder === 'xen');
      return withAgent(after)
        .filter(({ channel }) => own.some(each => isSameChannel(each, channel)))
        .map(({ domain }) => `${domain.name} has Xen's channel`);
    },
  },
  {
    name: 'caller-is-its-agent',
    of: 'step',
    promise: 'no call of a domain reaches firmware as another agent than that of its channel',
    broken: ({ before, action, outcome }) => {
      const agent = action.do === 'smc' ? domainOf(before, action.domain)?.agent : null;
      if (action.do !== 'smc' || typeof agent !== 'number') return [];
      return outcome.messages
        .filter(message => message.agent !== agent)
        .map(
          ({ agent: other }) => `${action.domain} has agent ${agent} and reaches firmware as agent ${other}`,
        );
    },
  },
  {
    name: 'own-doorbell-reaches-firmware',
    of: 'step',
    promise: 'what a domain rings of its own reaches firmware, once',
    broken: ({ before, action, outcome }) => {
      if (action.do !== 'smc' || !isOwnDoorbell(before, action.domain, action.functionId)) return [];
      if (outcome.failed === 'access') return [`${action.domain} cannot write to its page`];
      const isForwarded = outcome.rc === 0 && outcome.messages.length === 1;
      return isForwarded ? [] : [`${action.domain} rings its own doorbell, and ${x0Words(outcome)}`];
    },
  },
  {
    name: 'other-doorbell-is-refused',
    of: 'step',
    promise: 'a domain that rings what is not its own gets NOT_SUPPORTED',
    broken: ({ before, action, outcome }) => {
      if (action.do !== 'smc' || isOwnDoorbell(before, action.domain, action.functionId)) return [];
      return outcome.rc === NOT_SUPPORTED
        ? []
        : [`${action.domain} rings what is not its own, and ${x0Words(outcome)}`];
    },
  },
  {
    name: 'assignment-gives-permission',
    of: 'step',
    promise:
      'a device that is assigned to a guest with an agent is asked for, and what firmware grants that agent has',
    broken: ({ after, action, outcome, repertoire }) => {
      const agent = action.do === 'assign-device' ? domainOf(after, action.guest)?.agent : null;
      if (action.do !== 'assign-device' || typeof agent !== 'number') return [];
      const asked = outcome.messages.filter(configures);
      if (asked.length === 0) return [`nothing is sent for device ${action.device} and agent ${agent}`];
      const isGranted = asked.every(isObeyed);
      if (!isGranted)
        return outcome.rc === 0 || isWithoutIommu(outcome) ? ['a refused device counts as assigned'] : [];
      const isShared = repertoire.profile.devices.some(
        ({ id, owner }) => id === action.device && owner === 'shared',
      );
      if (isShared || holdersOf(after, action.device).includes(agent)) return [];
      return [`firmware granted device ${action.device}, and agent ${agent} may not use it`];
    },
  },
  {
    name: 'no-agent-no-call',
    of: 'step',
    promise: 'a domain without agent never reaches firmware',
    broken: ({ before, action, outcome }) => {
      if (action.do !== 'smc' || domainOf(before, action.domain)?.agent !== null) return [];
      return outcome.messages.map(
        ({ agent }) => `${action.domain} has no agent and reaches firmware as agent ${agent}`,
      );
    },
  },
  {
    name: 'only-xen-configures-agents',
    of: 'step',
    promise: 'no domain can change what agents may do',
    broken: ({ action, outcome }) =>
      outcome.messages
        .filter(message => action.do === 'smc' && configures(message) && isObeyed(message))
        .map(
          ({ agent, message }) => `firmware obeys agent ${agent}, a domain, that sends ${nameOf(message)}`,
        ),
  },
  {
    name: 'dom0-keeps-its-own',
    of: 'state',
    promise: 'Dom0 keeps its channel and its devices',
    broken: ({ boot, after, repertoire: { parts } }) => {
      const { dom0 } = parts;
      if (dom0 === null) return [];
      const channels = after.channels.filter(({ agent, holder }) => agent === dom0 && holder !== 'dom0');
      return [
        ...channels.map(({ agent, holder }) => `the channel of Dom0's agent ${agent} is ${holder ?? 'free'}`),
        ...lost(boot, after, agent => agent === dom0).map(
          ({ id }) => `Dom0's agent ${dom0} has lost device ${id}`,
        ),
      ];
    },
  },
  {
    name: 'dying-keeps-its-channel',
    of: 'step',
    promise: 'the channel of a domain whose destruction did not complete is not handed out',
    broken: ({ before, action, outcome }) => {
      if (action.do !== 'create' || outcome.rc !== 0 || action.agent === null) return [];
      return before.domains
        .filter(({ agent, dying }) => dying && agent === action.agent)
        .map(({ name }) => `${action.guest} is given agent ${action.agent}, which ${name} has not let go of`);
    },
  },
  {
    name: 'destroyed-is-gone',
    of: 'step',
    promise: 'a domain that is destroyed is gone, and its agent is free',
    broken: ({ after, action, outcome }) => {
      if (action.do !== 'destroy') return [];
      if (outcome.rc !== 0) return [`${action.guest} stays, dying: ${errnoName(outcome.rc)}`];
      return after.channels
        .filter(({ holder }) => holder === action.guest || holder === 'nobody')
        .map(({ agent }) => `the channel of agent ${agent} is not free though its domain is gone`);
    },
  },
  {
    name: 'refusal-changes-nothing',
    of: 'step',
    promise: 'a domain that is refused leaves nothing behind',
    broken: ({ before, after, action, outcome }) => {
      if (action.do !== 'create' || outcome.rc === 0) return [];
      const left = after.domains.filter(({ name }) => domainOf(before, name) === undefined);
      const moved = after.channels.filter((each, index) => each.holder !== before.channels[index]?.holder);
      return [
        ...left.map(({ name }) => `${name} is there though its creation failed`),
        ...moved.map(({ agent }) => `the channel of agent ${agent} has changed hands`),
      ];
    },
  },
  {
    name: 'page-of-its-own',
    of: 'state',
    promise: 'no guest has the page of an agent that is not its own',
    broken: ({ after }) =>
      after.domains
        .filter(({ name }) => name !== 'dom0')
        .flatMap(({ name, agent, pages }) =>
          pages.filter(page => page !== agent).map(page => `${name} has mapped the page of agent ${page}`),
        ),
  },
  {
    name: 'one-agent-per-device',
    of: 'state',
    promise: 'no two agents may use one device',
    broken: ({ boot, after }) =>
      after.devices
        .filter(({ id, holders }) => holders.length > 1 && holdersOf(boot, id).length < 2)
        .map(({ id, holders }) => `agents ${holders.join(' and ')} may both use device ${id}`),
  },
  {
    name: 'no-permission-left-behind',
    of: 'state',
    promise: 'a destroyed domain leaves no permission behind',
    broken: ({ boot, after }) =>
      lost(after, boot, isGone(after)).map(
        ({ id, agent }) => `agent ${agent} may still use device ${id}, and no domain has it`,
      ),
  },
  {
    name: 'default-permissions-restored',
    of: 'state',
    promise: 'when a domain is gone, its agent may use what it could at boot',
    broken: ({ boot, after }) =>
      lost(boot, after, isGone(after)).map(
        ({ id, agent }) => `agent ${agent} had device ${id} at boot and has lost it`,
      ),
  },
  {
    name: 'settings-reset',
    of: 'step',
    promise: 'when a domain is gone, what its agent had set is as at boot',
    broken: ({ boot, before, after, action, outcome, marksBefore, repertoire }) => {
      const agent = action.do === 'destroy' ? domainOf(before, action.guest)?.agent : null;
      if (typeof agent !== 'number' || outcome.rc !== 0) return [];
      return repertoire.resources.flatMap(({ name }, index) => {
        const users = marksBefore[index];
        const isAlone = users?.has(agent) === true && users.size === 1;
        const now = after.resources[index];
        return isAlone && now !== boot.resources[index] ? [`${name} stays ${now} after agent ${agent}`] : [];
      });
    },
  },
  {
    name: 'power-stays-on',
    of: 'state',
    promise: 'a power domain that a domain has turned on stays on for it',
    broken: ({ after, marksAfter, repertoire }) =>
      repertoire.resources.flatMap(({ kind, name }, index) => {
        if (kind !== 'powerDomains' || after.resources[index]?.startsWith('off') !== true) return [];
        const users = [...(marksAfter[index]?.keys() ?? [])].filter(agent => !isGone(after)(agent));
        return users.map(agent => `${name} is off, though agent ${agent} has turned it on`);
      }),
  },
  {
    name: 'new-channel-works',
    of: 'step',
    promise: 'a domain that is created can talk to firmware',
    broken: ({ before, action, outcome }) => {
      if (action.do !== 'create' || outcome.rc !== 0 || action.agent === null) return [];
      if (!before.stuck.includes(action.agent)) return [];
      const words = 'whose channel answers ERROR since a domain that is gone';
      return [`${action.guest} is given agent ${action.agent}, ${words}`];
    },
  },
];

interface Held {
  readonly domain: DomainState;
  readonly channel: ChannelState;
}

/** Domains with the channel of the agent that they were given. */
function withAgent(state: State): Held[] {
  return state.domains.flatMap(domain => {
    const channel = state.channels.find(({ agent }) => agent === domain.agent);
    return channel === undefined ? [] : [{ domain, channel }];
  });
}

function sharedChannels(state: State): string[] {
  const held = withAgent(state);
  return held.flatMap(({ domain, channel }, index) =>
    held
      .slice(index + 1)
      .filter(other => isSameChannel(other.channel, channel))
      .map(
        other => `${domain.name} and ${other.domain.name} both have the channel of agent ${channel.agent}`,
      ),
  );
}

function wrongHolders(state: State): string[] {
  const wrong = state.channels
    .filter(({ agent, holder }) => {
      return holder !== null && holder !== 'xen' && (domainOf(state, holder)?.agent ?? null) !== agent;
    })
    .map(({ agent, holder }) => `the channel of agent ${agent} is held by ${holder}, which was not given it`);
  const without = withAgent(state)
    .filter(({ domain, channel }) => channel.holder !== domain.name)
    .map(({ domain }) => `${domain.name} was given agent ${domain.agent} and does not hold its channel`);
  return [...wrong, ...without];
}

function isSameChannel(one: ChannelState, other: ChannelState): boolean {
  return one.functionId === other.functionId || one.address === other.address;
}

/** Devices that an agent may use in one state and not in another. */
function lost(
  state: State,
  other: State,
  isAbout: (agent: number) => boolean,
): { readonly id: number; readonly agent: number }[] {
  return state.devices.flatMap(({ id, holders }) =>
    holders
      .filter(agent => isAbout(agent) && !holdersOf(other, id).includes(agent))
      .map(agent => ({ id, agent })),
  );
}

/** Whether no domain has an agent, not even a dying one. */
function isGone({ domains }: State): (agent: number) => boolean {
  return agent => domains.every(each => each.agent !== agent);
}

function isOwnDoorbell(state: State, domain: string, functionId: number): boolean {
  const agent = domainOf(state, domain)?.agent;
  return state.channels.some(each => each.agent === agent && each.functionId === functionId);
}

/** Xen's return value for a device that SCI has let pass, on a machine without an IOMMU. */
function isWithoutIommu({ rc, messages }: Outcome): boolean {
  return rc === -errno.EOPNOTSUPP && messages.every(({ status }) => status !== STATUS_NOT_SUPPORTED);
}

function x0Words({ rc, messages }: Outcome): string {
  return `${messages.length} messages reach firmware, x0 is ${rc}`;
}

function configures({ protocol, message }: FirmwareMessage): boolean {
  return protocol === protocolId.base && message >= 0x9 && message <= 0xb;
}

const nameOf = (message: number): string => messageName(protocolId.base, message);

function holdersOf(state: State, device: number): readonly number[] {
  return state.devices.find(({ id }) => id === device)?.holders ?? [];
}

function domainOf(state: State, name: string): DomainState | undefined {
  return state.domains.find(each => each.name === name);
}

/** SMCCC's x0 for a call that nobody handles. */
const NOT_SUPPORTED = -1;
/** SCMI's status for a message that firmware lacks. */
const STATUS_NOT_SUPPORTED = -1;
