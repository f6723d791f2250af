/** Rules about the firmware of the board: a configuration needs its channels, messages and resources. */
import type { Configuration } from '../configuration.ts';
import { pageSize } from '../domains.ts';
import { baseMessage } from '../firmware-facts.ts';
import type { Place } from '../finding.ts';
import { document, hex, type Rule } from '../rule.ts';
import { isManaged } from './access-controllers.ts';

export const firmwareRules: readonly Rule[] = [
  {
    id: 'sci-management-not-in-firmware',
    severity: 'error',
    title: "The function id of Xen's own node is no channel of the firmware",
    consequence: 'The first message gets -1 from EL3 (-95), the probe fails: there is no mediator.',
    hint: 'Use the function id of the agent that firmware has for Xen.',
    documented: ['D1', document.scmi],
    shows: ['smc-multiagent.response'],
    *check(configuration) {
      const { firmware, management } = configuration;
      if (!configuration.isProbed || firmware === null || management?.functionId === undefined) return;
      if (firmware.byFunctionId(management.functionId) !== undefined) return;
      const message = `${firmware.profile.name} has no channel ${hex(management.functionId)}`;
      yield { place: at(configuration, 'arm,smc-id'), message };
    },
  },
  {
    id: 'sci-management-page-not-in-firmware',
    severity: 'error',
    title: "The page of Xen's own node is not the one that firmware reads for its function id",
    consequence:
      'Firmware does not see the message, the channel stays busy (-16), and the probe fails: there is no mediator.',
    hint: 'Name function id and page of one agent of the firmware.',
    documented: ['D1', document.scmi],
    shows: ['smc-multiagent.response'],
    *check(configuration) {
      const { firmware, management } = configuration;
      const address = management?.page?.address;
      const agent = firmware?.byFunctionId(management?.functionId);
      if (!configuration.isProbed || agent === undefined || address === undefined) return;
      // A page that is not aligned, or at 0, is a mistake with a rule of its own.
      if (address === agent.shmem || address === 0 || address % pageSize !== 0) return;
      const message = `it is ${hex(address)}, firmware reads ${hex(agent.shmem)} for ${hex(agent.functionId)}`;
      yield { place: at(configuration, 'shmem'), message };
    },
  },
  {
    id: 'sci-no-discover-agent',
    severity: 'error',
    title: 'Firmware has no DISCOVER_AGENT',
    consequence:
      'The message is called optional, yet Xen asks it on its own channel: the probe fails (-95), and there is no mediator.',
    hint: 'Use a firmware with message 0x7 of the Base protocol that takes agent id 0xFFFFFFFF.',
    documented: ['D5', 'D16', document.driver],
    shows: ['scmi-shmem.status', 'smc-multiagent.response'],
    *check(configuration) {
      const { firmware } = configuration;
      if (!configuration.isProbed || firmware === null) return;
      const refusesOwn = firmware.profile.quirks.includes('discover-agent-own-refused');
      if (firmware.hasBaseMessage(baseMessage.discoverAgent) && !refusesOwn) return;
      const what = refusesOwn ? 'refuses 0xFFFFFFFF, which Xen asks for' : 'has no message 0x7';
      yield { place: at(configuration), message: `${firmware.profile.name} ${what}` };
    },
  },
  {
    id: 'sci-no-reset-agent-configuration',
    severity: 'note',
    title: 'Firmware has no RESET_AGENT_CONFIGURATION',
    consequence:
      'Xen ignores the answer when a domain ends: what the domain had set, and the permissions that its agent was given, stay.',
    hint: 'Know it when guests are destroyed, or use a firmware with message 0xB of the Base protocol.',
    documented: ['D15', 'D16', document.driver],
    *check(configuration) {
      const { firmware } = configuration;
      if (!configuration.isProbed || firmware === null || resets(configuration)) return;
      yield { place: at(configuration), message: `${firmware.profile.name} does not serve message 0xB` };
    },
  },
  {
    id: 'sci-xen-not-privileged',
    severity: 'error',
    title: "Firmware does not let Xen's agent configure others",
    consequence:
      'SET_DEVICE_PERMISSIONS and RESET_AGENT_CONFIGURATION are DENIED: a Dom0 device with access-controllers is a panic, and a guest can be created once but never destroyed.',
    hint: "Give Xen the function id and page of the privileged agent, and Dom0 another agent; the documentation's layout (Dom0 on the first channel) does not fit such a firmware.",
    documented: ['D2', 'D25', 'R2', document.scmi],
    shows: ['smc-multiagent.assign-failed', 'dom0.set-up-failed', 'xl.destroy'],
    *check(configuration) {
      const { firmware, management } = configuration;
      if (!configuration.isProbed || firmware === null || management?.agentId === undefined) return;
      if (firmware.privilegedAgent === management.agentId || !configures(configuration)) return;
      const privileged = firmware.privilegedAgent === null ? 'none' : `agent ${firmware.privilegedAgent}`;
      yield {
        place: at(configuration, 'arm,smc-id'),
        message: `it is the channel of agent ${management.agentId}, and ${firmware.profile.name} privileges ${privileged}`,
      };
    },
  },
  {
    id: 'sci-domain-privileged',
    severity: 'warning',
    title: 'The privileged agent of the firmware is listed for a domain',
    consequence: 'The domain that gets it, not Xen, holds the right to configure all agents.',
    hint: "Make the privileged agent's channel Xen's own, and leave it out of the list.",
    documented: ['D2', 'D25', 'R2', document.scmi],
    *check(configuration) {
      const { firmware, management, entries, container } = configuration;
      if (!configuration.isProbed || firmware === null || container === undefined) return;
      for (const { index, functionId } of entries) {
        const agent = firmware.byFunctionId(functionId);
        // Xen's own channel in the list has a rule of its own.
        if (agent === undefined || agent.id !== firmware.privilegedAgent) continue;
        if (functionId === management?.functionId) continue;
        yield {
          place: { node: container.path, property: 'scmi-secondary-agents' },
          message: `entry ${index} (${hex(functionId)}) is agent ${agent.id}, which ${firmware.profile.name} privileges`,
        };
      }
    },
  },
  {
    id: 'sci-firmware-without-permissions',
    severity: 'note',
    title: 'Every agent of this firmware may use everything',
    consequence:
      'A guest with an agent can stop the clocks and assert the resets of all others: there is no isolation to test.',
    hint: 'Use a firmware with a device policy where isolation matters.',
    documented: ['D2', 'D25'],
    *check(configuration) {
      const { firmware } = configuration;
      if (!configuration.isProbed || firmware?.profile.permissions !== 'none') return;
      yield { place: at(configuration), message: `${firmware.profile.name} checks no permission` };
    },
  },
];

function at({ management }: Configuration, property?: string): Place {
  return { node: management?.node.path ?? '/', ...(property === undefined ? {} : { property }) };
}

/** Whether the end of a domain changes anything in firmware. */
function resets({ firmware }: Configuration): boolean {
  return (
    firmware !== null &&
    firmware.hasBaseMessage(baseMessage.resetAgentConfiguration) &&
    firmware.profile.resetAgentPolicy !== 'not-supported'
  );
}

/** Whether Xen ever needs the privilege: to reset a guest's agent (if firmware has that), or to assign. */
function configures({ firmware, devices, entries, dom0 }: Configuration): boolean {
  const canReset = firmware?.hasBaseMessage(baseMessage.resetAgentConfiguration) === true;
  const hasGuestAgents = entries.some(({ agentId }) => agentId !== dom0.agentId);
  return (canReset && hasGuestAgents) || devices.some(isManaged);
}
