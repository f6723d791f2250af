/** Parts that mutants of the multi-agent driver are made of. */
import type { DeviceTree } from '../../model/dt/tree.ts';
import { decodeHeader } from '../../model/scmi/header.ts';
import { protocolId } from '../../model/scmi/protocol-ids.ts';
import { SharedMemory } from '../../model/scmi/shared-memory.ts';
import type { Context } from '../../model/xen/context.ts';
import { sharedMemoryAddress } from '../../model/xen/device-tree.ts';
import type { Domain } from '../../model/xen/domain.ts';
import { SmcChannel } from '../../model/xen/scmi-smc-channel.ts';
import { type SciOfDriver, ScmiSmcMultiAgent } from '../../model/xen/scmi-smc-multiagent.ts';
import type { Mutant } from './mutant.ts';

/** A mutant of the driver. */
export function mediator(name: string, words: string, MultiAgent: typeof ScmiSmcMultiAgent): Mutant {
  return { name, part: 'mediator', words, deviations: { hypervisor: { MultiAgent } } };
}

/** The right driver, for mutants that override one of its functions. */
export class Driver extends ScmiSmcMultiAgent {
  protected readonly context: Context;
  protected readonly sci: SciOfDriver;

  constructor(context: Context, sci: SciOfDriver) {
    super(context, sci);
    this.context = context;
    this.sci = sci;
  }
}

/** The driver as it is where it takes the host tree for another one. */
export function reading(misread: (tree: DeviceTree) => DeviceTree): typeof ScmiSmcMultiAgent {
  return class extends ScmiSmcMultiAgent {
    constructor(context: Context, sci: SciOfDriver) {
      super({ ...context, hostTree: misread(context.hostTree) }, sci);
    }
  };
}

/** One message of Base that Xen sends as its own agent. */
export interface OwnMessage {
  readonly id: number;
  /** Xen's page; what stands there can be changed. */
  readonly area: SharedMemory;
}

export interface OwnMessages {
  /** Before the SMC. */
  readonly sent?: (message: OwnMessage, xen: { readonly agentId: number | null }) => void;
  /** After it. @returns x0 as the driver takes it */
  readonly answered?: (message: OwnMessage, x0: number) => number;
}

/** The driver with other messages on its management channel. */
export function sending({ sent, answered }: OwnMessages): typeof ScmiSmcMultiAgent {
  return class extends ScmiSmcMultiAgent {
    readonly #state: { forwards: boolean; agentId: () => number | null };

    constructor(context: Context, sci: SciOfDriver) {
      const state = { forwards: false, agentId: (): number | null => null };
      const smc = (functionId: number): number => {
        const message = state.forwards ? undefined : ownMessage(context, functionId);
        if (message === undefined) return context.machine.smc(functionId);
        sent?.(message, { agentId: state.agentId() });
        const x0 = context.machine.smc(functionId);
        return answered?.(message, x0) ?? x0;
      };
      super({ ...context, machine: { ...context.machine, smc } }, sci);
      state.agentId = () => this.agentId;
      this.#state = state;
    }

    /** A guest's call is not Xen's message, whatever its page holds. */
    override handleCall(domain: Domain, functionId: number): number | undefined {
      this.#state.forwards = true;
      const result = super.handleCall(domain, functionId);
      this.#state.forwards = false;
      return result;
    }
  };
}

/** The channel that a domain holds. */
export function channelOf(domain: Domain): SmcChannel | undefined {
  return domain.sciData instanceof SmcChannel ? domain.sciData : undefined;
}

/** The domain as it would be if it asked for another agent. */
export function asking(domain: Domain, sciAgentId: number): Domain {
  const config = { ...domain.config, sciAgentId };
  return new Proxy(domain, {
    get: (target, key) => (key === 'config' ? config : Reflect.get(target, key)),
  });
}

function ownMessage({ hostTree, machine }: Context, functionId: number): OwnMessage | undefined {
  const nodes = [...hostTree.root.walk()].filter(node => node.parent?.isCompatible('xen,sci'));
  const own = nodes.find(node => node.isCompatible('arm,scmi-smc') && node.u32('arm,smc-id') === functionId);
  if (own === undefined) return undefined;
  const area = new SharedMemory(machine.memory, sharedMemoryAddress(hostTree, own));
  const { protocol, message } = decodeHeader(area.header);
  return protocol === protocolId.base ? { id: message, area } : undefined;
}
