/** Dom0's agent and its own SCMI node. */
import { isAvailable } from '../../xen/device-tree.ts';
import { INVALID_AGENT_ID } from '../../xen/scmi-smc-multiagent.ts';
import type { Page } from '../agent-list.ts';
import type { Configuration } from '../configuration.ts';
import type { Place } from '../finding.ts';
import { document, hex, type Rule } from '../rule.ts';

export const dom0Rules: readonly Rule[] = [
  {
    id: 'sci-dom0-no-agent',
    severity: 'note',
    title: 'Dom0 has no agent',
    consequence:
      'SCMI is off for Dom0: /firmware/scmi and all `arm,scmi-shmem` nodes are dropped from its tree.',
    hint: 'Set `xen,dom0-sci-agent-id` in the container if Dom0 is to use SCMI.',
    documented: ['D8', 'R4', 'v10-4', document.booting],
    *check(configuration) {
      const { dom0, container } = configuration;
      if (!configuration.isProbed || !dom0.exists || dom0.writtenAgentId !== undefined) return;
      if (dom0.node === undefined) return;
      yield { place: { node: container?.path ?? '/' }, message: 'xen,dom0-sci-agent-id is absent' };
    },
  },
  {
    id: 'sci-dom0-agent-id-range',
    severity: 'warning',
    title: "Dom0's agent id is above 254",
    consequence: 'Xen warns, and SCMI is off for Dom0: its SCMI nodes are dropped.',
    hint: 'Use the id of a listed agent, 0 to 254, or leave the property out.',
    documented: ['v8-2', document.booting],
    shows: ['dom0.invalid-agent-id'],
    *check(configuration) {
      const { isMultiAgent, dom0 } = configuration;
      if (!isMultiAgent || dom0.writtenAgentId === undefined || dom0.writtenAgentId < INVALID_AGENT_ID)
        return;
      yield { place: idPlace(configuration), message: `it is ${dom0.writtenAgentId}` };
    },
  },
  {
    id: 'sci-dom0-is-management',
    severity: 'error',
    title: "Dom0 is given Xen's own agent",
    consequence: 'The channel is taken, by Xen: Dom0 is not created (-17), and Xen panics.',
    hint: 'Give Dom0 a listed agent.',
    documented: ['D2', 'R1', document.scmi],
    shows: ['smc-multiagent.acquire-failed', 'dom0.create-failed'],
    *check(configuration) {
      const { dom0, management, entries } = configuration;
      if (!configuration.isProbed || !dom0.exists || dom0.agentId === undefined) return;
      if (management?.agentId !== dom0.agentId || entries.some(({ listedId }) => listedId === dom0.agentId))
        return;
      yield {
        place: idPlace(configuration),
        message: `agent ${dom0.agentId} is what firmware takes Xen's own channel for`,
      };
    },
  },
  {
    id: 'sci-dom0-agent-unlisted',
    severity: 'error',
    title: "Dom0's agent is not listed",
    consequence: 'Dom0 is not created (-2), and Xen panics.',
    hint: 'Add the agent to `scmi-secondary-agents`, or give Dom0 a listed one.',
    documented: ['D4', 'D8', document.booting],
    shows: ['smc-multiagent.acquire-failed', 'dom0.create-failed'],
    *check(configuration) {
      const { dom0, entries, management, list, firmware } = configuration;
      if (!configuration.isProbed || !dom0.exists || dom0.agentId === undefined) return;
      if (entries.length === 0 || dom0.agentId === management?.agentId) return;
      if (list.cells === 2 && firmware === null) return;
      if (configuration.entryOf(dom0.agentId) !== undefined) return;
      const known = entries.map(({ agentId }) => agentId ?? '?').join(', ');
      yield {
        place: idPlace(configuration),
        message: `agent ${dom0.agentId} has no entry in the list (${known})`,
      };
    },
  },
  {
    id: 'sci-dom0-function-id',
    severity: 'error',
    title: "/firmware/scmi names another function id than that of Dom0's agent",
    consequence:
      'Xen does not rewrite the node, whatever the commit text says: each call of Dom0 is `Unhandled SMC/HVC`, and its SCMI probe fails.',
    hint: 'Make the agent id, the list and /firmware/scmi name one channel.',
    documented: ['D9', 'D11', document.scmi],
    shows: ['vsmc.unhandled', 'linux.scmi.no-answer'],
    *check(configuration) {
      const { dom0 } = configuration;
      const entry = configuration.entryOf(dom0.agentId);
      if (!usesNode(configuration) || entry === undefined || dom0.functionId === entry.functionId) return;
      const named = dom0.functionId === undefined ? 'none' : hex(dom0.functionId);
      yield {
        place: { node: '/firmware/scmi', property: 'arm,smc-id' },
        message: `it is ${named}, and Dom0's agent ${dom0.agentId} has ${hex(entry.functionId)}`,
      };
    },
  },
  {
    id: 'sci-dom0-page',
    severity: 'error',
    title: "/firmware/scmi names another page than that of Dom0's agent",
    consequence:
      'Xen does not rewrite the node: Dom0 writes into one page and firmware looks into another, so that Linux times out on a busy channel or reads rubbish.',
    hint: 'Make the agent id, the list and /firmware/scmi name one channel.',
    documented: ['D9', 'D11', document.scmi],
    shows: ['linux.scmi.channel-busy', 'linux.scmi.no-channel'],
    *check(configuration) {
      const { dom0 } = configuration;
      const entry = configuration.entryOf(dom0.agentId);
      const expected = entry && configuration.pageReadFor(entry);
      const address = dom0.page?.address;
      if (!usesNode(configuration) || expected === undefined || address === undefined) return;
      if (address === expected) return;
      yield {
        place: { node: '/firmware/scmi', property: 'shmem' },
        message: `its page is ${hex(address)}, and Dom0's agent ${dom0.agentId} has ${hex(expected)}`,
      };
    },
  },
  {
    id: 'sci-dom0-page-unusable',
    severity: 'error',
    title: 'The page of /firmware/scmi cannot be used',
    consequence: 'Linux refuses the channel, and its SCMI probe fails.',
    hint: 'Let `shmem` name a node that is compatible `arm,scmi-shmem` and has an address and a size.',
    documented: ['D7', document.scmi],
    shows: ['linux.scmi.no-channel'],
    *check(configuration) {
      if (!usesNode(configuration)) return;
      const message = whyUnusable(configuration.dom0.page);
      if (message !== undefined) yield { place: { node: '/firmware/scmi', property: 'shmem' }, message };
    },
  },
  {
    id: 'sci-dom0-no-node',
    severity: 'warning',
    title: 'Dom0 has an agent but no SCMI node',
    consequence: 'Dom0 holds the channel, and its Linux does not probe SCMI.',
    hint: 'Add (or enable) the `arm,scmi-smc` node at /firmware/scmi, or leave out `xen,dom0-sci-agent-id`.',
    documented: ['D10', document.scmi],
    *check(configuration) {
      const { dom0 } = configuration;
      if (!configuration.isProbed || !dom0.exists || dom0.agentId === undefined) return;
      if (dom0.node !== undefined && isAvailable(dom0.node) && dom0.node.isCompatible('arm,scmi-smc')) return;
      if (hostNodesElsewhere(configuration).length > 0) return;
      const what =
        dom0.node === undefined
          ? 'is not there'
          : isAvailable(dom0.node)
            ? 'is no arm,scmi-smc'
            : 'is disabled';
      yield {
        place: dom0.node === undefined ? idPlace(configuration) : { node: '/firmware/scmi' },
        message: `/firmware/scmi ${what}`,
      };
    },
  },
  {
    id: 'sci-dom0-node-elsewhere',
    severity: 'warning',
    title: "Dom0's SCMI node is not at /firmware/scmi",
    consequence:
      'Only the node at exactly that path is dropped for a Dom0 without agent: this one stays while its page goes, and the probe of Linux fails with -22.',
    hint: 'Call the node /firmware/scmi.',
    documented: ['D8', document.driver],
    shows: ['linux.scmi.no-channel'],
    *check(configuration) {
      const { dom0 } = configuration;
      if (!configuration.isProbed || !dom0.exists || dom0.agentId !== undefined) return;
      for (const { path } of hostNodesElsewhere(configuration)) {
        yield { place: { node: path }, message: `${path} stays in the tree of a Dom0 without agent` };
      }
    },
  },
];

/** Whether Dom0 has an agent and a node to use it with. */
function usesNode(configuration: Configuration): boolean {
  const { dom0 } = configuration;
  if (!configuration.isProbed || !dom0.exists || dom0.agentId === undefined) return false;
  return dom0.node?.isCompatible('arm,scmi-smc') === true && isAvailable(dom0.node);
}

/** Enabled SCMI nodes of the host that are neither Xen's nor where Xen looks for Dom0's. */
function hostNodesElsewhere({ tree, managementNodes }: Configuration) {
  return [...tree.root.walk()].filter(
    node =>
      node.isCompatible('arm,scmi-smc') &&
      isAvailable(node) &&
      node.path !== '/firmware/scmi' &&
      !managementNodes.includes(node),
  );
}

function idPlace({ container }: Configuration): Place {
  return { node: container?.path ?? '/', property: 'xen,dom0-sci-agent-id' };
}

function whyUnusable(page: Page | undefined): string | undefined {
  if (page === undefined) return 'shmem names no node';
  const { path } = page.node;
  if (!page.node.isCompatible('arm,scmi-shmem')) return `${path} is not compatible arm,scmi-shmem`;
  if (page.address === undefined) return `the address of ${path} does not translate`;
  return page.size === 0 ? `the size of ${path} is 0` : undefined;
}
