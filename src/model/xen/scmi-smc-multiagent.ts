import type { DtNode } from '../dt/tree.ts';
import type { Context } from './context.ts';
import { hasPath, type PhandleArguments } from './device-tree.ts';
import { type Domain, pageFrame } from './domain.ts';
import type { DomainConfig } from './domctl.ts';
import { errno, errnoName } from './errno.ts';
import { SMCCC_1_1 } from './machine.ts';
import type { Channel, Mediator } from './mediator.ts';
import type { Sci } from './sci.ts';
import { collectAgents, readManagementChannel } from './scmi-smc-agents.ts';
import {
  baseMessage,
  discoverAgent,
  OWN_AGENT_ID,
  SmcChannel,
  transfer,
  unmapChannel,
} from './scmi-smc-channel.ts';

/** Ids of agents that no domain can ask for: SCMI_AGENT_ID_INVALID of the driver. */
export const INVALID_AGENT_ID = 0xff;

/** Functions of the SCI subsystem that the driver calls. */
export type SciOfDriver = Pick<Sci, 'register' | 'permitHardwareDomain'>;

/**
 * The mediator of the series: CONFIG_SCMI_SMC_MA, xen/arch/arm/firmware/scmi-smc-multiagent.c.
 *
 * It serves the hardware domain and any number of guests, one agent each, and speaks itself as the agent of
 * the `arm,scmi-smc` node below a node compatible `xen,sci`.
 */
export class ScmiSmcMultiAgent implements Mediator {
  readonly kind = 'multi-agent';
  readonly #context: Context;
  readonly #sci: SciOfDriver;
  #channels: SmcChannel[] = [];
  #initialized = false;
  #managementAgent: number | null = null;
  /** The node that it bound to (`scmi_data.dt_dev`). */
  #device: DtNode | null = null;

  constructor(context: Context, sci: SciOfDriver) {
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

  snapshot(): () => void {
    const holders = this.#channels.map(channel => ({ channel, domid: channel.domid }));
    return () => {
      for (const { channel, domid } of holders) channel.domid = domid;
    };
  }

  /**
   * scmi_probe()
   * @param node an available node compatible `arm,scmi-smc`
   * @returns 0, or the negative errno with which the node is given up
   */
  probe(node: DtNode): number {
    if (!isUnderXenSci(node)) return -errno.ENODEV;
    const why = { because: `the probe of ${node.path}`, place: node.path };
    if (this.#context.machine.smcccVersion < SMCCC_1_1) {
      this.#context.console.printk('smc-multiagent.no-smccc', [], {
        ...why,
        because: 'EL3 reports an SMC Calling Convention older than 1.1',
      });
      return -errno.ENOSYS;
    }
    const own = readManagementChannel(this.#context, node);
    if (typeof own === 'number') return own;
    this.#channels = [];
    this.#device = node;
    const channel = new SmcChannel(OWN_AGENT_ID, own.functionId, own.address, 'xen');
    this.#channels.push(channel);
    const rc = this.#setUp(channel, node);
    if (rc === 0) this.#initialized = true;
    else {
      unmapChannel(this.#context, channel);
      this.#channels = [];
    }
    return rc;
  }

  sanitiseConfig(config: DomainConfig): number {
    if (config.sciType === 'none' || config.sciType === 'scmi_smc_multiagent') return 0;
    this.#context.console.printk('smc-multiagent.unsupported-type', [], {
      because: `${config.name} asks for ${config.sciType}, which the multi-agent driver does not serve`,
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
        because: whyNotAcquired(domain, channel),
        place: this.#device?.path,
        domid: domain.domid,
      });
      return rc;
    }
    channel.domid = domain.domid;
    this.#context.console.printk('smc-multiagent.acquire', [agentId, domain.domid, channel.address], {
      because: `${domain.name} asks for agent ${agentId}, whose channel is free`,
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
      because: `${domain.name} is gone, so that the channel of agent ${channel.agentId} is free again`,
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
        because: "the list of channels, with Xen's own, was freed by a later probe",
        domid: domain.domid,
      });
      return -errno.EINVAL;
    }
    const { rc } = transfer(
      this.#context,
      management,
      baseMessage.resetAgentConfiguration,
      [channel.agentId, PERMISSIONS_RESET],
      0,
      { because: `RESET_AGENT_CONFIGURATION of agent ${channel.agentId}, sent when ${domain.name} ends` },
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
    return node.isCompatible('arm,scmi-shmem') || hasPath(node, '/firmware/scmi');
  }

  assignDevice(domain: Domain, device: DtNode, { node, args }: PhandleArguments): number {
    const channel = channelHeldBy(domain);
    if (channel === undefined || this.#device === null || !hasPath(node, this.#device.path)) return 0;
    const deviceId = args[0] ?? this.#uninitialisedDevice(device, node);
    const why = {
      because: `SET_DEVICE_PERMISSIONS of device ${deviceId} for agent ${channel.agentId}: ${device.path} has it in access-controllers and goes to ${domain.name}`,
      place: device.path,
      domid: domain.domid,
    };
    const management = this.#managementChannel();
    const rc =
      management === undefined
        ? -errno.EINVAL
        : transfer(
            this.#context,
            management,
            baseMessage.setDevicePermissions,
            [channel.agentId, deviceId, DEVICE_ACCESS_ALLOW],
            0,
            why,
          ).rc;
    if (rc !== 0) {
      const values = [domain.domid, channel.agentId, deviceId, rc];
      this.#context.console.printk('smc-multiagent.assign-failed', values, {
        ...why,
        because: `${why.because}; that failed with ${errnoName(rc)}`,
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

  /** The part of scmi_probe() that needs the management channel. */
  #setUp(channel: SmcChannel, node: DtNode): number {
    const own = { because: "Xen's own agent is asked for by DISCOVER_AGENT", place: node.path };
    let rc = discoverAgent(this.#context, channel, own);
    if (rc !== 0) return rc;
    this.#managementAgent = channel.agentId;

    const attributes = transfer(this.#context, channel, baseMessage.protocolAttributes, [], 4, {
      because: 'PROTOCOL_ATTRIBUTES of Base, for the number of agents',
      place: node.path,
    });
    if (attributes.rc !== 0) return attributes.rc;
    this.#context.console.printk('smc-multiagent.agent-count', [((attributes.words[0] ?? 0) >>> 8) & 0xff], {
      because: 'the number of agents that firmware reports; nothing depends on it',
      place: node.path,
    });

    rc = collectAgents(this.#context, this.#channels);
    if (rc !== 0) return rc;
    rc = this.#sci.register(this, node);
    if (rc !== 0) {
      this.#context.console.printk('smc-multiagent.already-registered', [rc], {
        because: `a mediator had registered before ${node.path} was probed; the list of channels is freed again`,
        place: node.path,
      });
    }
    return rc;
  }

  /** The first channel with an agent id: with two cells there may be more. */
  #channelOf(agentId: number): SmcChannel | undefined {
    return this.#channels.find(each => each.agentId === agentId);
  }

  #managementChannel(): SmcChannel | undefined {
    return this.#managementAgent === null ? undefined : this.#channelOf(this.#managementAgent);
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

/** SCMI_BASE_DEVICE_ACCESS_ALLOW, SCMI_BASE_AGENT_PERMISSIONS_RESET */
const DEVICE_ACCESS_ALLOW = 1;
const PERMISSIONS_RESET = 1;
