/** Broken invariants that are no surprise: what of the firmware, the layout or Xen is known to break them. */
import type { DeviceTree } from '../../model/dt/tree.ts';
import { status } from '../../model/scmi/status.ts';
import { isObeyed } from './answer.ts';
import type { InvariantName, Step } from './invariants.ts';
import { managementNode, type Subject } from './subject.ts';

export interface KnownFinding {
  readonly invariant: InvariantName;
  /** Quirk, policy or fault of the firmware; `layout`: who is which agent; `xen`: what the series does. */
  readonly cause: string;
  /** Why that follows. */
  readonly words: string;
  readonly applies: (subject: Subject, step: Step) => boolean;
}

/** The first that applies explains a broken invariant. */
export const knownFindings: readonly KnownFinding[] = [
  {
    invariant: 'assignment-gives-permission',
    cause: 'layout: no #access-controller-cells',
    words:
      "without #access-controller-cells in Xen's own node its devices cannot be told, and nothing is sent",
    applies: ({ hostTree }) => !hasControllerCells(hostTree),
  },
  {
    invariant: 'new-channel-works',
    cause: 'quirk channel-stays-busy',
    words:
      'one doorbell without a message, or with a length out of range, and the channel answers ERROR until the next boot; RESET_AGENT_CONFIGURATION does not hint it, so that the next domain inherits it',
    applies: hasQuirk('channel-stays-busy'),
  },
  {
    invariant: 'one-agent-per-device',
    cause: 'quirk deny-clears-any-owner',
    words: 'denying one agent a device clears the owner, which is another one and keeps its permission',
    applies: (subject, step) =>
      isXenUnprivileged(subject, step) && hasQuirk('deny-clears-any-owner')(subject, step),
  },
  {
    invariant: 'no-permission-left-behind',
    cause: 'quirk deny-clears-any-owner',
    words:
      'an agent that has a permission without being the owner keeps it, for only what an agent owns is taken back',
    applies: (subject, step) =>
      isXenUnprivileged(subject, step) && hasQuirk('deny-clears-any-owner')(subject, step),
  },
  {
    invariant: 'no-permission-left-behind',
    cause: 'RESET_AGENT_CONFIGURATION not supported',
    words: 'Xen takes NOT_SUPPORTED for success, and nobody else takes permissions back',
    applies: isResetUnsupported,
  },
  {
    invariant: 'no-permission-left-behind',
    cause: 'layout: a domain is the privileged agent',
    words: 'the privileged domain gave an agent without domain a device, and nobody takes it back',
    applies: isXenUnprivileged,
  },
  {
    invariant: 'default-permissions-restored',
    cause: 'policy resetAgentPolicy permissions',
    words:
      'RESET_AGENT_CONFIGURATION takes all devices from the agent, those too that it had by default, and the specification asks for the default configuration',
    applies: ({ firmware }) => firmware.profile.resetAgentPolicy === 'permissions',
  },
  {
    invariant: 'default-permissions-restored',
    cause: 'layout: a domain is the privileged agent',
    words: 'the privileged domain took the device from the agent',
    applies: isXenUnprivileged,
  },
  {
    invariant: 'settings-reset',
    cause: 'policy resetAgentPolicy permissions',
    words:
      'RESET_AGENT_CONFIGURATION takes permissions back and leaves resets, clocks and pins as the agent set them',
    applies: ({ firmware }) => firmware.profile.resetAgentPolicy === 'permissions',
  },
  {
    invariant: 'settings-reset',
    cause: 'RESET_AGENT_CONFIGURATION not supported',
    words: 'Xen takes NOT_SUPPORTED for success, and what the agent set stays',
    applies: isResetUnsupported,
  },
  {
    invariant: 'settings-reset',
    cause: 'policy resetAgentPolicy resources',
    words:
      'RESET_AGENT_CONFIGURATION asserts the resets, stops the clocks and releases the power domains of a fixed list of devices, not what the agent set',
    applies: ({ firmware }) => firmware.profile.resetAgentPolicy === 'resources',
  },
  {
    invariant: 'power-stays-on',
    cause: 'policy resetAgentPolicy resources',
    words:
      'RESET_AGENT_CONFIGURATION releases the power domains of a fixed list of devices, even those that another agent has turned on',
    applies: ({ firmware }, { action }) =>
      action.do === 'destroy' && firmware.profile.resetAgentPolicy === 'resources',
  },
  {
    invariant: 'power-stays-on',
    cause: 'quirk power-use-counted',
    words: 'users are counted over all agents: one agent may give back what another one took',
    applies: hasQuirk('power-use-counted'),
  },
  {
    invariant: 'power-stays-on',
    cause: 'policy permissions none',
    words: 'every agent may turn off every power domain',
    applies: ({ firmware }) => firmware.profile.permissions === 'none',
  },
  {
    invariant: 'only-xen-configures-agents',
    cause: 'layout: a domain is the privileged agent',
    words: "the firmware's privileged agent is not Xen's but a domain's, which may give and take any device",
    applies: isXenUnprivileged,
  },
  {
    invariant: 'dom0-keeps-its-own',
    cause: 'layout: a domain is the privileged agent',
    words: 'the privileged domain took the device from Dom0, or Dom0 gave it up itself',
    applies: (subject, step) => isXenUnprivileged(subject, step) && step.after.channels.some(isDom0s),
  },
  {
    invariant: 'destroyed-is-gone',
    cause: 'layout: a domain is the privileged agent',
    words: 'RESET_AGENT_CONFIGURATION of Xen is DENIED, and a destruction that it fails does not complete',
    applies: isDenied,
  },
  {
    invariant: 'refusal-changes-nothing',
    cause: 'layout: a domain is the privileged agent',
    words: 'undoing a creation that failed half-way is a destruction, which DENIED keeps from completing',
    applies: isDenied,
  },
  {
    invariant: 'destroyed-is-gone',
    cause: 'fault of the firmware',
    words: 'RESET_AGENT_CONFIGURATION fails by fault, and a destruction that it fails does not complete',
    applies: isRefusedByFault,
  },
  {
    invariant: 'refusal-changes-nothing',
    cause: 'fault of the firmware',
    words: 'undoing a creation that failed half-way is a destruction, which the fault keeps from completing',
    applies: isRefusedByFault,
  },
  {
    invariant: 'page-of-its-own',
    cause: 'xen: the hardware domain may pass on every page that it was ever permitted',
    words:
      "Dom0's own page and, once a domain had the agent, any guest's: the permission is never taken from Dom0, so that `iomem` can name it for another guest",
    applies: (_, { action, before }) =>
      action.do === 'create' && action.page !== null && before.passable.includes(action.page),
  },
];

/** The known cause of a broken invariant in this step; undefined: none, so it is a bug. */
export function explain(invariant: InvariantName, subject: Subject, step: Step): KnownFinding | undefined {
  return knownFindings.find(each => each.invariant === invariant && each.applies(subject, step));
}

function hasControllerCells(tree: DeviceTree): boolean {
  const path = managementNode(tree);
  return path !== undefined && tree.node(path)?.has('#access-controller-cells') === true;
}

function hasQuirk(quirk: string): KnownFinding['applies'] {
  return ({ firmware }) => firmware.profile.quirks.includes(quirk);
}

function isResetUnsupported({ firmware }: Subject): boolean {
  return (
    firmware.profile.resetAgentPolicy === 'not-supported' ||
    firmware.faults.includes('no-reset-agent-configuration')
  );
}

function isXenUnprivileged(_: Subject, { repertoire }: Step): boolean {
  return repertoire.privileged !== repertoire.parts.xen;
}

/** Whether it is firmware that kept a destruction from completing: by its answer, or by leaving Xen's channel busy. */
function isRefusedByFault({ firmware }: Subject, { outcome, before, after, repertoire }: Step): boolean {
  const isBusy = [before, after].some(({ busy }) => busy.includes(repertoire.parts.xen));
  return firmware.faults.length > 0 && (isBusy || outcome.messages.some(message => !isObeyed(message)));
}

function isDenied(subject: Subject, step: Step): boolean {
  return (
    isXenUnprivileged(subject, step) &&
    step.outcome.messages.some(message => message.status === status.DENIED)
  );
}

function isDom0s({ holder }: { readonly holder: string | null }): boolean {
  return holder === 'dom0';
}
