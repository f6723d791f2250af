/** The `xen,sci` container and Xen's own node in it. */
import type { DeviceTree, DtNode } from '../../dt/tree.ts';
import { isAvailable, isForPassthrough } from '../../xen/device-tree.ts';
import { nodesWithoutRanges } from '../agent-list.ts';
import type { Configuration } from '../configuration.ts';
import { document, type Rule } from '../rule.ts';

export const containerRules: readonly Rule[] = [
  {
    id: 'sci-no-container',
    severity: 'error',
    title: 'No node is compatible `xen,sci`',
    consequence:
      'The mediator binds to nothing and says nothing; Dom0 keeps its SCMI node, if it has one, and each of its calls is `Unhandled SMC/HVC`.',
    hint: 'Add the container, with `compatible = "xen,sci"`, to the host tree.',
    documented: ['D3', 'v7-1', document.scmi, document.booting],
    shows: ['vsmc.unhandled', 'linux.scmi.no-answer'],
    *check({ isMultiAgent, container, tree }) {
      if (!isMultiAgent || container !== undefined) return;
      const close = tree.node('/chosen/xen/xen_scmi_config') ?? tree.node('/chosen') ?? tree.root;
      const name = close.name === 'xen_scmi_config' ? `${close.path} is compatible with something else` : '';
      yield {
        place: { node: close.path },
        message: `no node of the host tree is compatible xen,sci${name === '' ? '' : `; ${name}`}`,
        consequence: withoutContainer(tree),
      };
    },
  },
  {
    id: 'sci-second-container',
    severity: 'error',
    title: 'A second `xen,sci` container',
    consequence:
      'The second probe starts the list of channels anew and frees it when it cannot register: no domain gets an agent, and a Dom0 that asks for one is a panic.',
    hint: 'Leave one container.',
    documented: ['D14', document.driver, document.sci],
    shows: ['smc-multiagent.already-registered', 'smc-multiagent.acquire-failed', 'dom0.create-failed'],
    *check({ isMultiAgent, containers }) {
      if (!isMultiAgent) return;
      for (const { path } of containers.slice(1)) {
        yield { place: { node: path }, message: `${containers[0]?.path} is compatible xen,sci already` };
      }
    },
  },
  {
    id: 'sci-no-management-node',
    severity: 'error',
    title: 'The container has no `arm,scmi-smc` node',
    consequence:
      'Xen has no channel of its own: the mediator binds to nothing and says nothing, and Dom0 is built as if there were no container.',
    hint: 'Add a node with `compatible = "arm,scmi-smc"`, `arm,smc-id` and `shmem` to the container.',
    documented: ['D3', document.scmi, document.booting],
    shows: ['vsmc.unhandled', 'linux.scmi.no-answer'],
    *check({ isMultiAgent, container, managementNodes }) {
      if (!isMultiAgent || container === undefined || managementNodes.length > 0) return;
      yield {
        place: { node: container.path },
        message: 'no node below the container is compatible arm,scmi-smc',
      };
    },
  },
  {
    id: 'sci-management-not-available',
    severity: 'error',
    title: "Xen's own node is disabled or passed through",
    consequence: 'Xen does not probe it: the mediator is not bound, without a message.',
    hint: 'Remove `status` and `xen,passthrough` from the node.',
    documented: [document.sci],
    shows: ['vsmc.unhandled', 'linux.scmi.no-answer'],
    *check({ isMultiAgent, managementNodes }) {
      if (!isMultiAgent) return;
      for (const node of managementNodes) {
        const property = isForPassthrough(node)
          ? 'xen,passthrough'
          : isAvailable(node)
            ? undefined
            : 'status';
        if (property === undefined) continue;
        yield {
          place: { node: node.path, property },
          message: `${property} keeps Xen from probing its own node`,
        };
      }
    },
  },
  {
    id: 'sci-second-management-node',
    severity: 'error',
    title: 'A second `arm,scmi-smc` node below one container',
    consequence:
      'The second probe starts the list of channels anew and frees it when it cannot register: no domain gets an agent, and a Dom0 that asks for one is a panic.',
    hint: 'Leave one node: the one whose channel firmware lets configure the others.',
    documented: ['D14', document.driver],
    shows: ['smc-multiagent.already-registered', 'smc-multiagent.acquire-failed', 'dom0.create-failed'],
    *check({ isMultiAgent, containers, managementNodes }) {
      if (!isMultiAgent || containers.length > 1) return;
      for (const { path } of managementNodes.filter(isProbed).slice(1)) {
        yield { place: { node: path }, message: 'the container has another arm,scmi-smc node already' };
      }
    },
  },
  {
    id: 'sci-no-function-id',
    severity: 'error',
    title: "Xen's own node has no `arm,smc-id`",
    consequence: 'The probe fails with -ENOENT: there is no mediator.',
    hint: "Give it the function id of Xen's channel.",
    documented: [document.scmi, document.booting],
    shows: ['smc-multiagent.no-smc-id'],
    *check({ isMultiAgent, management }) {
      if (!isMultiAgent || management === undefined || management.functionId !== undefined) return;
      yield { place: { node: management.node.path }, message: 'arm,smc-id is missing' };
    },
  },
  {
    id: 'sci-missing-ranges',
    severity: 'error',
    title: '`ranges` is missing on the way from a page to the root',
    consequence: 'The address of the page does not translate, the probe fails: there is no mediator.',
    hint: 'Add `ranges;` (and the cell counts) to the node; /chosen, xen and the container all need it.',
    documented: [document.scmi, document.booting],
    shows: [
      'device-tree.address',
      'device-tree.address-error',
      'smc-multiagent.collect.no-address',
      'vsmc.unhandled',
    ],
    *check(configuration) {
      if (!configuration.isMultiAgent) return;
      for (const { path } of new Set(channelPages(configuration).flatMap(nodesWithoutRanges))) {
        yield {
          place: { node: path, property: 'ranges' },
          message: `${path} has no ranges, and pages of SCMI channels are below it`,
        };
      }
    },
  },
  {
    id: 'sci-status-ignored',
    severity: 'warning',
    title: '`status` on the container or on a page',
    consequence: 'Xen does not look at it: they are used as if they were enabled.',
    hint: 'Remove the node, or the entry of the list, in place of disabling it.',
    documented: [document.driver],
    *check(configuration) {
      if (!configuration.isMultiAgent) return;
      const pages = channelPages(configuration).map(({ node }) => node);
      for (const node of new Set([...configuration.containers, ...pages])) {
        if (isAvailable(node)) continue;
        yield {
          place: { node: node.path, property: 'status' },
          message: `status = "${node.string('status') ?? ''}" has no effect here`,
        };
      }
    },
  },
  {
    id: 'sci-earlier-series',
    severity: 'warning',
    title: 'Names of an earlier version of the series',
    consequence: 'Xen does not know the name and ignores it.',
    hint: 'Use the names of version 8 and later: `xen,sci`, `scmi-secondary-agents`, `xen,dom0-sci-agent-id`, `xen,sci_type`, `xen,sci-agent-id`.',
    documented: ['R3', 'v7-1', document.booting],
    *check({ isMultiAgent, tree, commandLine }) {
      if (!isMultiAgent) return;
      for (const node of tree.root.walk()) {
        for (const property of earlierProperties.filter(each => node.has(each))) {
          yield { place: { node: node.path, property }, message: `${property} is of an earlier version` };
        }
      }
      const argument = earlierArguments.exec(commandLine.text)?.[1];
      if (argument === undefined) return;
      yield {
        place: { node: '/chosen', property: 'xen,xen-bootargs' },
        message: `${argument} on Xen's command line is of an earlier version`,
      };
    },
  },
];

const earlierProperties = [
  'epam,secondary-agents',
  'xen,scmi-secondary-agents',
  'xen,arm_sci',
  'xen,sci_agent_id',
  'xen,sci-agent_id',
];
const earlierArguments = /(?:^|\s)((?:dom0_scmi_agent_id=|dom0=(?:\S*,)?sci-agent-id=)\S*)/;

function withoutContainer(tree: DeviceTree): string {
  // Xen makes Dom0's /chosen anew.
  const kept = [...tree.root.walk()].find(
    node => node.isCompatible('arm,scmi-smc') && isProbed(node) && !node.path.startsWith('/chosen/'),
  );
  const silent = 'The mediator binds to nothing and says nothing';
  return kept === undefined
    ? `${silent}.`
    : `${silent}; Dom0 keeps ${kept.path}, and each of its calls is \`Unhandled SMC/HVC\`.`;
}

/** Whether Xen, and Dom0 where it is given the node, probes it. */
function isProbed(node: DtNode): boolean {
  return isAvailable(node) && !isForPassthrough(node);
}

/** Pages that the mediator needs the addresses of. */
function channelPages({ management, entries }: Configuration) {
  return [management?.page, ...entries.map(({ page }) => page)].filter(page => page !== undefined);
}
