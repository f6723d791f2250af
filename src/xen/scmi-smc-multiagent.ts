import type { DtNode } from '../dt/tree.ts';
import { protocolId } from '../scmi/protocol-ids.ts';
import type { Because } from './console.ts';
import type { Context } from './context.ts';
import type { PhandleArguments } from './device-tree.ts';
import { deviceAddress, findCompatible } from './device-tree.ts';
import type { Domain } from './domain.ts';
import { pageFrame, pageSize } from './domain.ts';
import type { DomainConfig } from './domctl.ts';
import { errno, errnoName } from './errno.ts';
import { SMCCC_1_1, SMCCC_INVALID_PARAMETER } from './machine.ts';
import type { Channel, Mediator } from './mediator.ts';
import { XenPanic } from './panic.ts';
import type { Sci } from './sci.ts';
import type { MessageId, Response } from './scmi-shmem.ts';
import { getResponse, markFree, putXenMessage } from './scmi-shmem.ts';
import type { IoMapping } from './vmap.ts';

/** Ids of agents that no domain can ask for: SCMI_AGENT_ID_INVALID of the driver. */
export const INVALID_AGENT_ID = 0xff;

/**
 * The mediator of the series: CONFIG_SCMI_SMC_MA, xen/arch/arm/firmware/scmi-smc-multiagent.c.
 *
 * It serves the hardware domain and any number of guests, one agent each, and speaks itself as the agent of
 * the `arm,scmi-smc` node below a node compatible `xen,sci`.
 */
export class ScmiSmcMultiAgent implements Mediator {
  readonly kind = 'multi-agent';
  readonly #context: Context;
  readonly #sci: Sci;
  #channels: SmcChannel[] = [];
  #initialized = false;
  #managementAgent: number | null = null;
  /** The node that it bound to (`scmi_data.dt_dev`). */
  #device: DtNode | null = null;

  constructor(context: Context, sci: Sci) {
    this.#context = context;
    this.#sci = sci;
  }

  get agentId(): number | null {
    return this.#managementAgent;
  }

  channels(): readonly Channel[] {
    return this.#channels
      .filter(each => each.domid !== 'xen')
      .map(({ agentId, functionId, address, domid }) => ({
        agentId,
        functionId,
        address,
        domid: typeof domid === 'number' ? domid : null,
      }));
  }

  /**
   * scmi_probe()
   * @param node an available node compatible `arm,scmi-smc`
   * @returns 0, or the negative errno with which the node is given up
   */
  probe(node: DtNode): number {
    if (!isUnderXenSci(node)) return -errno.ENODEV;
    this.#channels = [];
    const because = { words: `the probe of ${node.path}`, place: node.path };
    if (this.#context.machine.smcccVersion < SMCCC_1_1) {
      this.#context.console.printk('smc-multiagent.no-smccc', [], {
        ...because,
        words: 'EL3 reports an SMC Calling Convention older than 1.1',
      });
      return -errno.ENOSYS;
    }
    const own = this.#readManagementChannel(node);
    if (typeof own === 'number') return own;
    this.#device = node;
    const channel = new SmcChannel(OWN_AGENT_ID, own.functionId, own.address, 'xen');
    this.#channels.push(channel);
    const rc = this.#setUp(channel, node);
    if (rc === 0) this.#initialized = true;
    else this.#freeChannels(channel);
    return rc;
  }

  sanitiseConfig(config: DomainConfig): number {
    if (config.sciType === 'none' || config.sciType === 'scmi_smc_multiagent') return 0;
    this.#context.console.printk('smc-multiagent.unsupported-type', [], {
      words: `${config.name} asks for ${config.sciType}, which the multi-agent driver does not serve`,
    });
    return -errno.EINVAL;
  }

  domainInit(domain: Domain): number {
    if (!this.#initialized || domain.config.sciType === 'none') return 0;
    const agentId = domain.config.sciAgentId;
    const channel = this.#channelOf(agentId);
    const rc = channel === undefined ? -errno.ENOENT : channel.domid === null ? 0 : -errno.EEXIST;
    if (channel === undefined || rc !== 0) {
      this.#context.console.printk('smc-multiagent.acquire-failed', [agentId, rc], {
        words: whyNotAcquired(domain, channel),
        place: this.#device?.path,
        domid: domain.domid,
      });
      return rc;
    }
    channel.domid = domain.domid;
    this.#context.console.printk('smc-multiagent.acquire', [agentId, domain.domid, channel.address], {
      words: `${domain.name} asks for agent ${agentId}, whose channel is free`,
      place: this.#device?.path,
      domid: domain.domid,
    });
    if (!domain.hardware) this.#sci.permitHardwareDomain(pageFrame(channel.address), 1);
    domain.sciData = channel;
    domain.sciEnabled = true;
    return 0;
  }

  domainDestroy(domain: Domain): void {
    const channel = channelHeldBy(domain);
    if (channel === undefined) return;
    channel.domid = null;
    this.#context.console.printk('smc-multiagent.free', [domain.domid], {
      words: `${domain.name} is gone, so that the channel of agent ${channel.agentId} is free again`,
      domid: domain.domid,
    });
    domain.sciData = null;
    domain.sciEnabled = false;
  }

  relinquishResources(domain: Domain): number {
    const channel = channelHeldBy(domain);
    if (channel === undefined) return 0;
    const management = this.#managementChannel();
    if (management === undefined) {
      this.#context.console.printk('smc-multiagent.no-management-channel', [domain.domid], {
        words: "the list of channels, with Xen's own, was freed by a later probe",
        domid: domain.domid,
      });
      return -errno.EINVAL;
    }
    const { rc } = this.#transfer(
      management,
      baseMessage.resetAgentConfiguration,
      [channel.agentId, PERMISSIONS_RESET],
      0,
      { words: `RESET_AGENT_CONFIGURATION of agent ${channel.agentId}, sent when ${domain.name} ends` },
    );
    return rc === -errno.EOPNOTSUPP ? 0 : rc;
  }

  handleCall(domain: Domain, functionId: number): number | undefined {
    const channel = channelHeldBy(domain);
    if (channel === undefined || channel.functionId !== functionId) return undefined;
    return this.#context.machine.smc(functionId);
  }

  handleNode(domain: Domain, node: DtNode): boolean {
    if (!this.#initialized || domain.sciEnabled) return false;
    return node.isCompatible('arm,scmi-shmem') || node.path === '/firmware/scmi';
  }

  assignDevice(domain: Domain, device: DtNode, { node, args }: PhandleArguments): number {
    const channel = channelHeldBy(domain);
    if (channel === undefined || node.path !== this.#device?.path) return 0;
    const deviceId = args[0] ?? this.#uninitialisedDevice(device, node);
    const because = {
      words: `SET_DEVICE_PERMISSIONS of device ${deviceId} for agent ${channel.agentId}: ${device.path} has it in access-controllers and goes to ${domain.name}`,
      place: device.path,
      domid: domain.domid,
    };
    const management = this.#managementChannel();
    const rc =
      management === undefined
        ? -errno.EINVAL
        : this.#transfer(
            management,
            baseMessage.setDevicePermissions,
            [channel.agentId, deviceId, DEVICE_ACCESS_ALLOW],
            0,
            because,
          ).rc;
    if (rc !== 0) {
      const values = [domain.domid, channel.agentId, deviceId, rc];
      this.#context.console.printk('smc-multiagent.assign-failed', values, {
        ...because,
        words: `${because.words}; that failed with ${errnoName(rc)}`,
      });
    }
    return rc;
  }

  #uninitialisedDevice(device: DtNode, provider: DtNode): number {
    this.#context.undefinedBehaviour(
      `#access-controller-cells of ${provider.path} is 0: for ${device.path} the driver sends an uninitialised device id`,
    );
    return 2560;
  }

  /** scmi_dt_hyp_channel_read() */
  #readManagementChannel(node: DtNode): { functionId: number; address: number } | number {
    const { console } = this.#context;
    const functionId = node.u32('arm,smc-id');
    if (functionId === undefined) {
      console.printk('smc-multiagent.no-smc-id', [], {
        words: `${node.path} has no arm,smc-id`,
        place: node.path,
      });
      return -errno.ENOENT;
    }
    if (!node.has('shmem')) return -errno.ENOENT;
    const page = this.#context.hostTree.byPhandle(node.u32('shmem') ?? 0);
    if (page === undefined) {
      console.printk('smc-multiagent.no-shmem-node', [0], {
        words: `shmem of ${node.path} names no node`,
        place: node.path,
      });
      this.#context.undefinedBehaviour(
        `shmem of ${node.path} names no node, yet the driver goes on with an address and a size that nothing has set`,
      );
    }
    const { rc, address, size } = page
      ? deviceAddress(this.#context, page)
      : { rc: 0, address: 0, size: UNSET_SIZE };
    if (rc !== 0) return -errno.ENOENT;
    if (size % pageSize !== 0) {
      console.printk('smc-multiagent.not-aligned', [], {
        words: page
          ? `the size of ${page.path} is 0x${size.toString(16)}, no multiple of 4 KiB`
          : 'the size is whatever the variable held',
        place: page?.path ?? node.path,
      });
      return -errno.EINVAL;
    }
    return { functionId, address };
  }

  /** The part of scmi_probe() that needs the management channel. */
  #setUp(channel: SmcChannel, node: DtNode): number {
    const own = { words: "Xen's own agent is asked for by DISCOVER_AGENT", place: node.path };
    let rc = this.#discoverAgent(channel, own);
    if (rc !== 0) return rc;
    this.#managementAgent = channel.agentId;

    const attributes = this.#transfer(channel, baseMessage.protocolAttributes, [], 4, {
      words: 'PROTOCOL_ATTRIBUTES of Base, for the number of agents',
      place: node.path,
    });
    if (attributes.rc !== 0) return attributes.rc;
    this.#context.console.printk('smc-multiagent.agent-count', [((attributes.words[0] ?? 0) >>> 8) & 0xff], {
      words: 'the number of agents that firmware reports; nothing depends on it',
      place: node.path,
    });

    rc = this.#collectAgents();
    if (rc !== 0) return rc;
    rc = this.#sci.register(this, node);
    if (rc !== 0) {
      this.#context.console.printk('smc-multiagent.already-registered', [rc], {
        words: `a mediator had registered before ${node.path} was probed; the list of channels is freed again`,
        place: node.path,
      });
    }
    return rc;
  }

  /** collect_agents() */
  #collectAgents(): number {
    const { console, hostTree } = this.#context;
    const container = findCompatible(hostTree, 'xen,sci');
    if (container === undefined) {
      console.printk('smc-multiagent.collect.no-container', [], { words: 'no node is compatible xen,sci' });
      return -errno.ENOENT;
    }
    const at = (words: string): Because => ({ words, place: container.path });
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
      const rc = this.#collectAgent(container, entry / cells, list.slice(entry, entry + cells));
      if (rc !== 0) return rc;
    }
    return 0;
  }

  /** One entry of the list; with two cells its agent id is asked from firmware. */
  #collectAgent(container: DtNode, index: number, entry: readonly number[]): number {
    const { console, hostTree } = this.#context;
    const [functionId = 0, phandle = 0, listedId] = entry;
    const agentId = listedId ?? OWN_AGENT_ID;
    const at = (words: string): Because => ({
      words: `entry ${index} of scmi-secondary-agents: ${words}`,
      place: container.path,
    });
    const page = hostTree.byPhandle(phandle);
    if (page === undefined) {
      const words = `phandle 0x${phandle.toString(16)} names no node`;
      console.printk('smc-multiagent.collect.no-shmem-node', [agentId], at(words));
      return -errno.EINVAL;
    }
    const { rc, address, size } = deviceAddress(this.#context, page);
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
    if (this.#channelOf(agentId) !== undefined) {
      const words = `agent ${agentId} has a channel already`;
      console.printk('smc-multiagent.collect.duplicate-agent', [agentId, -errno.EEXIST], at(words));
      return -errno.EEXIST;
    }
    const channel = new SmcChannel(agentId, functionId, address, null);
    this.#channels.push(channel);
    if (listedId === undefined) {
      const discovered = this.#discoverAgent(channel, at('no agent id, so DISCOVER_AGENT asks for it'));
      if (discovered !== 0) return discovered;
    }
    const words = `agent ${channel.agentId} rings 0x${functionId.toString(16)}, its page is ${page.path}`;
    console.printk('smc-multiagent.collect.agent', [channel.agentId, functionId, address], at(words));
    return 0;
  }

  /** collect_agent_id(): DISCOVER_AGENT on a channel, for the agent that firmware takes it for. */
  #discoverAgent(channel: SmcChannel, because: Because): number {
    this.#map(channel, because);
    const { rc, words } = this.#transfer(channel, baseMessage.discoverAgent, [channel.agentId], 20, because);
    if (channel.domid !== 'xen') this.#unmap(channel);
    if (rc !== 0) return rc;
    const [agentId = 0, ...name] = words;
    this.#context.console.printk('smc-multiagent.agent-name', [agentId, textOf(name)], {
      ...because,
      words: `firmware takes function id 0x${channel.functionId.toString(16)} for agent ${agentId}`,
    });
    channel.agentId = agentId;
    return 0;
  }

  /** map_channel_memory() */
  #map(channel: SmcChannel, because: Because): void {
    if (channel.address === 0 && this.#context.build.debug) this.#assertionFailed(because);
    channel.mapping = this.#context.vmap.ioremap(channel.address, pageSize);
    markFree(this.#context, channel.address);
    this.#context.console.printk('smc-multiagent.map', [channel.address, channel.mapping.virtualAddress], {
      ...because,
      words: `Xen maps the page at 0x${channel.address.toString(16)} and marks it free`,
    });
  }

  #unmap(channel: SmcChannel): void {
    if (channel.mapping !== null) this.#context.vmap.iounmap(channel.mapping);
    channel.mapping = null;
  }

  #freeChannels(management: SmcChannel): void {
    this.#unmap(management);
    this.#channels = [];
  }

  /** do_smc_xfer(): one message of Xen's and its reply. */
  #transfer(
    channel: SmcChannel,
    message: number,
    words: readonly number[],
    room: number,
    because: Because,
  ): Response {
    const { console } = this.#context;
    const header: MessageId = { id: message, type: 0, protocol: protocolId.base };
    console.printk(
      'smc-multiagent.send',
      [channel.agentId, header.id, header.type, header.protocol],
      because,
    );
    const sent = this.#send(channel, header, words, because);
    const response =
      sent === 0
        ? getResponse(this.#context, channel.address, header, room, because)
        : { rc: sent, words: [] };
    const outcome = response.rc === 0 ? 'succeeds' : `fails with ${errnoName(response.rc)}`;
    console.printk('smc-multiagent.response', [channel.agentId, header.id, header.protocol, response.rc], {
      ...because,
      words: `${because.words}: it ${outcome}`,
    });
    return response;
  }

  /** send_smc_message() */
  #send(channel: SmcChannel, header: MessageId, words: readonly number[], because: Because): number {
    const rc = putXenMessage(this.#context, channel.address, header, words, because);
    if (rc !== 0) return rc;
    const result = this.#context.machine.smc(channel.functionId);
    if (result === SMCCC_INVALID_PARAMETER) return -errno.EINVAL;
    return result === 0 ? 0 : -errno.EOPNOTSUPP;
  }

  /** The first channel with an agent id: with two cells there may be more. */
  #channelOf(agentId: number): SmcChannel | undefined {
    return this.#channels.find(each => each.agentId === agentId);
  }

  #managementChannel(): SmcChannel | undefined {
    return this.#managementAgent === null ? undefined : this.#channelOf(this.#managementAgent);
  }

  #assertionFailed({ place }: Because): never {
    const values = ['channel && channel->paddr', SOURCE_FILE, 176] as const;
    const words = 'the page of a channel that Xen maps is at address 0, which a debug build asserts against';
    this.#context.console.printk('assertion', values, { words, place });
    throw new XenPanic(
      'assertion',
      `Assertion '${values[0]}' failed at ${values[1]}:${values[2]}`,
      words,
      place,
    );
  }
}

/** struct scmi_channel */
class SmcChannel {
  agentId: number;
  readonly functionId: number;
  readonly address: number;
  domid: number | 'xen' | null;
  mapping: IoMapping | null = null;

  constructor(agentId: number, functionId: number, address: number, domid: 'xen' | null) {
    this.agentId = agentId;
    this.functionId = functionId;
    this.address = address;
    this.domid = domid;
  }
}

function isUnderXenSci(node: DtNode): boolean {
  for (let above = node.parent; above !== null; above = above.parent) {
    if (above.isCompatible('xen,sci')) return true;
  }
  return false;
}

function channelHeldBy(domain: Domain): SmcChannel | undefined {
  return domain.sciData instanceof SmcChannel ? domain.sciData : undefined;
}

function whyNotAcquired(domain: Domain, channel: SmcChannel | undefined): string {
  const asks = `${domain.name} asks for agent ${domain.config.sciAgentId}`;
  if (channel === undefined) return `${asks}, which no channel has`;
  if (channel.domid === 'xen') return `${asks}, which is Xen's own (management) agent`;
  return `${asks}, which domain ${channel.domid} holds`;
}

/** The bytes of words as text, to the first NUL. */
function textOf(words: readonly number[]): string {
  const bytes = words.flatMap(word => [0, 8, 16, 24].map(shift => (word >>> shift) & 0xff));
  const end = bytes.indexOf(0);
  return String.fromCharCode(...(end < 0 ? bytes : bytes.slice(0, end)));
}

/** SCMI_BASE_AGENT_ID_OWN: the caller itself; also the id of a channel before discovery. */
const OWN_AGENT_ID = 0xffff_ffff;
/** SCMI_BASE_DEVICE_ACCESS_ALLOW, SCMI_BASE_AGENT_PERMISSIONS_RESET */
const DEVICE_ACCESS_ALLOW = 1;
const PERMISSIONS_RESET = 1;
/** A size that is not whole pages, standing for one that nothing has set. */
const UNSET_SIZE = 1;
const SOURCE_FILE = 'arch/arm/firmware/scmi-smc-multiagent.c';

const baseMessage = {
  protocolAttributes: 0x1,
  discoverAgent: 0x7,
  setDevicePermissions: 0x9,
  resetAgentConfiguration: 0xb,
} as const;
