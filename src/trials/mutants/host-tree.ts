/** Bugs in what Xen reads of the host's device tree, and in what of it Dom0 gets. */
import { DeviceTree, DtNode } from '../../model/dt/tree.ts';
import { findCompatible } from '../../model/xen/device-tree.ts';
import { dom0Config } from '../../model/xen/dom0.ts';
import { domUConfig } from '../../model/xen/dom0less-bindings.ts';
import type { Domain } from '../../model/xen/domain.ts';
import { Driver, mediator, reading } from './driver.ts';
import { machineWith } from './machine-with.ts';
import type { Mutant } from './mutant.ts';

export const hostTreeMutants: readonly Mutant[] = [
  mediator(
    'ignores-cells',
    '#scmi-secondary-agents-cells is not read: each entry is taken for three cells.',
    reading(withContainer(container => void container.properties.delete(cellsProperty))),
  ),
  mediator(
    'always-discovers',
    'An agent id that the list gives is not used, it is asked from firmware.',
    reading(
      withEntries(({ cells, entries }) => (cells === 3 ? entries.map(entry => entry.slice(0, 2)) : entries)),
    ),
  ),
  mediator(
    'numbers-agents-by-position',
    'Agents of a list without ids are numbered by their place in it instead of asking firmware.',
    reading(
      withEntries(({ cells, entries }) =>
        cells === 2 ? entries.map((entry, index) => [...entry, index]) : entries,
      ),
    ),
  ),
  mediator(
    'one-cell-off',
    'The entries of scmi-secondary-agents are read one cell too late.',
    reading(
      withEntries(({ cells, entries }) => {
        const all = entries.flat();
        return inEntries([...all.slice(1), ...all.slice(0, 1)], cells);
      }),
    ),
  ),
  mediator(
    'forgets-last-agent',
    'The loop over scmi-secondary-agents ends before the last entry.',
    reading(withEntries(({ entries }) => (entries.length > 1 ? entries.slice(0, -1) : entries))),
  ),
  mediator(
    'first-page-for-all',
    'Every channel gets the page of the first entry.',
    reading(
      withEntries(({ entries }) =>
        entries.map(([functionId = 0, , ...id]) => [functionId, entries[0]?.[1] ?? 0, ...id]),
      ),
    ),
  ),
  mediator(
    'takes-any-cells',
    'A count of cells other than 2 and 3 is accepted; what comes after the third cell is passed over.',
    reading(
      withEntries(({ cells, entries }) =>
        cells === 2 || cells === 3 ? entries : entries.map(entry => [...entry, 0, 0].slice(0, 3)),
      ),
    ),
  ),
  mediator(
    'takes-torn-list',
    'A list that ends in the middle of an entry is accepted as far as it goes.',
    reading(withEntries(({ cells, entries }) => entries.filter(({ length }) => length === cells))),
  ),
  mediator(
    'takes-duplicate-agents',
    'An agent that is listed twice is not noticed.',
    reading(
      withEntries(({ cells, entries }) =>
        cells === 3
          ? entries.filter((entry, index) => entries.findIndex(other => other[2] === entry[2]) === index)
          : entries,
      ),
    ),
  ),
  mediator(
    'takes-unaligned-pages',
    'Pages of channels need not be whole pages.',
    reading(
      withContainer(container => {
        for (const node of container.children) {
          const [high, low, sizeHigh, size] = node.cells('reg') ?? [];
          if (!node.isCompatible('arm,scmi-shmem') || low === undefined || size === undefined) continue;
          const start = low - (low % 0x1000);
          const whole = Math.ceil(size / 0x1000) * 0x1000;
          node.properties.set('reg', bytesOf([high ?? 0, start, sizeHigh ?? 0, whole]));
        }
      }),
    ),
  ),
  mediator(
    'binds-outside-container',
    'The first node compatible arm,scmi-smc is bound to, also one that is not below the container.',
    class extends Driver {
      override probe(node: DtNode): number {
        const container = findCompatible(this.context.hostTree, 'xen,sci');
        if (container === undefined || node.path.startsWith(`${container.path}/`)) return super.probe(node);
        const moved = new DtNode(node.name, container);
        for (const [name, value] of node.properties) moved.properties.set(name, value);
        return super.probe(moved);
      }
    },
  ),
  mediator(
    'keeps-scmi-nodes',
    "A Dom0 without agent keeps the host's SCMI nodes.",
    class extends Driver {
      override handleNode(): boolean {
        return false;
      }
    },
  ),
  mediator(
    'drops-scmi-nodes',
    "The host's SCMI nodes are taken from Dom0 though it has an agent.",
    class extends Driver {
      override handleNode(_: Domain, node: DtNode): boolean {
        return node.isCompatible('arm,scmi-shmem') || node.path === '/firmware/scmi';
      }
    },
  ),
  mediator(
    'drops-only-pages',
    'Of a Dom0 without agent only the shared memory nodes are dropped.',
    class extends Driver {
      override handleNode(domain: Domain, node: DtNode): boolean {
        return super.handleNode(domain, node) && node.isCompatible('arm,scmi-shmem');
      }
    },
  ),
  mediator(
    'drops-scmi-anywhere',
    'Of a Dom0 without agent every node compatible arm,scmi-smc is dropped, not only /firmware/scmi.',
    class extends Driver {
      override handleNode(domain: Domain, node: DtNode): boolean {
        return super.handleNode(domain, node) || (!domain.sciEnabled && node.isCompatible('arm,scmi-smc'));
      }
    },
  ),
  {
    name: 'dom0-agent-0-by-default',
    part: 'xen',
    words: 'Without xen,dom0-sci-agent-id Dom0 gets agent 0 instead of none.',
    deviations: {
      hypervisor: {
        dom0Config: context => {
          const container = findCompatible(context.hostTree, 'xen,sci');
          const given = container?.has('xen,dom0-sci-agent-id') ?? true;
          return given
            ? dom0Config(context)
            : { name: 'Dom0', sciType: 'scmi_smc_multiagent', sciAgentId: 0 };
        },
      },
    },
  },
  {
    name: 'dom0-agent-255',
    part: 'xen',
    words: 'xen,dom0-sci-agent-id may be any number, also 255 and more.',
    deviations: {
      hypervisor: {
        dom0Config: context => {
          const sciAgentId = findCompatible(context.hostTree, 'xen,sci')?.u32('xen,dom0-sci-agent-id');
          if (sciAgentId === undefined) return dom0Config(context);
          return { name: 'Dom0', sciType: 'scmi_smc_multiagent', sciAgentId };
        },
      },
    },
  },
  {
    name: 'dom0-without-agent',
    part: 'xen',
    words: 'xen,dom0-sci-agent-id is not read: Dom0 never has an agent.',
    deviations: {
      hypervisor: { dom0Config: () => ({ name: 'Dom0', sciType: 'none', sciAgentId: 0 }) },
    },
  },
  {
    name: 'domu-agent-0-by-default',
    part: 'xen',
    words: 'A dom0less domain without xen,sci-agent-id gets agent 0 instead of ending the boot.',
    deviations: {
      hypervisor: {
        domUConfig: (context, node, surroundings) => {
          if (node.string('xen,sci_type') !== 'scmi_smc_multiagent' || node.has('xen,sci-agent-id')) {
            return domUConfig(context, node, surroundings);
          }
          return { name: node.name.replace(/@.*$/, ''), sciType: 'scmi_smc_multiagent', sciAgentId: 0 };
        },
      },
    },
  },
  {
    name: 'copies-container',
    part: 'xen',
    words: "Xen's own container stays in Dom0's device tree.",
    deviations: {
      guest: (right, hostTree) => {
        const container = findCompatible(hostTree, 'xen,sci');
        if (right.domid !== 0 || container === undefined) return right;
        const tree = copied(right.tree);
        const parent = tree.node(container.parent?.path ?? '/');
        if (parent !== undefined) parent.children.push(copiedNode(container, parent));
        return machineWith(right, { tree });
      },
    },
  },
  {
    name: 'rewrites-doorbell',
    part: 'xen',
    words: "Dom0's arm,smc-id is set to its agent's, as the commit text says and the driver does not.",
    deviations: {
      guest: (right, hostTree) => {
        const tree = copied(right.tree);
        const container = findCompatible(hostTree, 'xen,sci');
        const agentId = container?.u32('xen,dom0-sci-agent-id');
        const list = container?.cells('scmi-secondary-agents') ?? [];
        const own = inEntries(list, container?.u32(cellsProperty) ?? 3).find(([, , id]) => id === agentId);
        const node = tree.node('/firmware/scmi');
        if (right.domid !== 0 || own === undefined || node === undefined) return right;
        node.properties.set('arm,smc-id', bytesOf(own.slice(0, 1)));
        return machineWith(right, { tree });
      },
    },
  },
];

const cellsProperty = '#scmi-secondary-agents-cells';

/** The tree with another container. */
function withContainer(change: (container: DtNode) => void): (tree: DeviceTree) => DeviceTree {
  return tree => {
    const other = copied(tree);
    const container = findCompatible(other, 'xen,sci');
    if (container !== undefined) change(container);
    return other;
  };
}

interface AgentList {
  readonly cells: number;
  readonly entries: readonly (readonly number[])[];
}

/** The tree with another list of agents; the count of cells follows it. */
function withEntries(change: (list: AgentList) => AgentList['entries']): (tree: DeviceTree) => DeviceTree {
  return withContainer(container => {
    const list = container.cells('scmi-secondary-agents');
    const cells = container.u32(cellsProperty) ?? 3;
    if (list === undefined || cells === 0) return;
    const entries = inEntries(list, cells);
    const others = change({ cells, entries });
    if (others === entries) return;
    container.properties.set('scmi-secondary-agents', bytesOf(others.flat()));
    container.properties.set(cellsProperty, bytesOf([others[0]?.length ?? cells]));
  });
}

/** The list in entries; the last one may be shorter. */
function inEntries(list: readonly number[], cells: number): number[][] {
  return Array.from({ length: Math.ceil(list.length / cells) }, (_, index) =>
    list.slice(index * cells, (index + 1) * cells),
  );
}

function bytesOf(cells: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * cells.length));
  for (const [index, cell] of cells.entries()) view.setUint32(4 * index, cell);
  return new Uint8Array(view.buffer);
}

function copied({ root, reservations, bootCpu }: DeviceTree): DeviceTree {
  return new DeviceTree(copiedNode(root, null), [...reservations], bootCpu);
}

function copiedNode(node: DtNode, parent: DtNode | null): DtNode {
  const copy = new DtNode(node.name, parent);
  for (const [name, value] of node.properties) copy.properties.set(name, value);
  for (const child of node.children) copy.children.push(copiedNode(child, copy));
  return copy;
}
