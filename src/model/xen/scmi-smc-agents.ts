/** Channels that the multi-agent driver reads of the host tree: its own, and those of the other agents. */
import type { DtNode } from '../dt/tree.ts';
import type { Why } from './console.ts';
import type { Context } from './context.ts';
import { deviceAddress, findByPhandle, findCompatible, firstCellUnchecked } from './device-tree.ts';
import { pageSize } from './domain.ts';
import { errno } from './errno.ts';
import { discoverAgent, OWN_AGENT_ID, SmcChannel } from './scmi-smc-channel.ts';

/**
 * scmi_dt_hyp_channel_read(): function id and page of Xen's own channel.
 * @returns a negative errno where the tree does not give them
 */
export function readManagementChannel(
  context: Context,
  node: DtNode,
): { readonly functionId: number; readonly address: number } | number {
  const { console } = context;
  const functionId = node.u32('arm,smc-id');
  if (functionId === undefined) {
    console.printk('smc-multiagent.no-smc-id', [], {
      because: `${node.path} has no arm,smc-id`,
      place: node.path,
    });
    return -errno.ENOENT;
  }
  if (!node.has('shmem')) return -errno.ENOENT;
  const page = findByPhandle(context.hostTree, firstCellUnchecked(node, 'shmem'));
  if (page === undefined) {
    console.printk('smc-multiagent.no-shmem-node', [0], {
      because: `shmem of ${node.path} names no node`,
      place: node.path,
    });
    context.undefinedBehaviour(
      `shmem of ${node.path} names no node, yet the driver goes on with an address and a size that nothing has set`,
    );
  }
  const { rc, address, size } = page ? deviceAddress(context, page) : { rc: 0, address: 0, size: UNSET_SIZE };
  if (rc !== 0) return -errno.ENOENT;
  if (size % pageSize !== 0) {
    console.printk('smc-multiagent.not-aligned', [], {
      because: page
        ? `the size of ${page.path} is 0x${size.toString(16)}, no multiple of 4 KiB`
        : 'the size is whatever the variable held',
      place: page?.path ?? node.path,
    });
    return -errno.EINVAL;
  }
  return { functionId, address };
}

/**
 * collect_agents(): a channel for each entry of `scmi-secondary-agents`.
 * @param channels the list so far, with Xen's own; added to
 * @returns 0, or the negative errno of the first entry that is refused
 */
export function collectAgents(context: Context, channels: SmcChannel[]): number {
  const { console, hostTree } = context;
  const container = findCompatible(hostTree, 'xen,sci');
  if (container === undefined) {
    console.printk('smc-multiagent.collect.no-container', [], { because: 'no node is compatible xen,sci' });
    return -errno.ENOENT;
  }
  const at = (because: string): Why => ({ because, place: container.path });
  const cells = container.u32('#scmi-secondary-agents-cells') ?? 3;
  if (cells !== 2 && cells !== 3) {
    const words = `#scmi-secondary-agents-cells is ${cells}, only 2 and 3 are known`;
    console.printk('smc-multiagent.collect.cells', [cells], at(words));
    return -errno.EINVAL;
  }
  const length = container.properties.get('scmi-secondary-agents')?.length;
  if (length === undefined) {
    console.printk('smc-multiagent.collect.no-list', [], at('scmi-secondary-agents is mandatory'));
    return -errno.EINVAL;
  }
  if (length === 0 || length % (cells * 4) !== 0) {
    const words = `scmi-secondary-agents has ${length} bytes, no whole number of entries of ${cells} cells`;
    console.printk('smc-multiagent.collect.length', [length, cells], at(words));
    return -errno.EINVAL;
  }
  const list = container.cells('scmi-secondary-agents') ?? [];
  for (let entry = 0; entry < list.length; entry += cells) {
    const rc = collectAgent(context, channels, {
      container,
      index: entry / cells,
      cells: list.slice(entry, entry + cells),
    });
    if (rc !== 0) return rc;
  }
  return 0;
}

/** One entry of the list. */
interface Entry {
  readonly container: DtNode;
  readonly index: number;
  readonly cells: readonly number[];
}

/** One entry of the list; with two cells its agent id is asked from firmware. */
function collectAgent(context: Context, channels: SmcChannel[], { container, index, cells }: Entry): number {
  const { console, hostTree } = context;
  const [functionId = 0, phandle = 0, listedId] = cells;
  const agentId = listedId ?? OWN_AGENT_ID;
  const at = (words: string): Why => ({
    because: `entry ${index} of scmi-secondary-agents: ${words}`,
    place: container.path,
  });
  const page = findByPhandle(hostTree, phandle);
  if (page === undefined) {
    const words = `phandle 0x${phandle.toString(16)} names no node`;
    console.printk('smc-multiagent.collect.no-shmem-node', [agentId], at(words));
    return -errno.EINVAL;
  }
  const { rc, address, size } = deviceAddress(context, page);
  if (rc !== 0) {
    const words = `${page.path} has no address that translates`;
    console.printk('smc-multiagent.collect.no-address', [agentId, rc], at(words));
    return rc;
  }
  if (size % pageSize !== 0 || address % pageSize !== 0) {
    const words = `${page.path} is at 0x${address.toString(16)}, size 0x${size.toString(16)}: not whole pages`;
    console.printk('smc-multiagent.collect.not-aligned', [], at(words));
    return -errno.EINVAL;
  }
  if (channels.some(each => each.agentId === agentId)) {
    const words = `agent ${agentId} has a channel already`;
    console.printk('smc-multiagent.collect.duplicate-agent', [agentId, -errno.EEXIST], at(words));
    return -errno.EEXIST;
  }
  const channel = new SmcChannel(agentId, functionId, address, null);
  channels.push(channel);
  if (listedId === undefined) {
    const discovered = discoverAgent(context, channel, at('no agent id, so DISCOVER_AGENT asks for it'));
    if (discovered !== 0) return discovered;
  }
  const words = `agent ${channel.agentId} rings 0x${functionId.toString(16)}, its page is ${page.path}`;
  console.printk('smc-multiagent.collect.agent', [channel.agentId, functionId, address], at(words));
  return 0;
}

/** A size that is not whole pages, standing for one that nothing has set. */
const UNSET_SIZE = 1;
