/** The driver's bugs in giving channels to domains and taking them back. */
import { status } from '../../model/scmi/status.ts';
import type { Context } from '../../model/xen/context.ts';
import { sharedMemoryAddress } from '../../model/xen/device-tree.ts';
import type { Domain } from '../../model/xen/domain.ts';
import { errno } from '../../model/xen/errno.ts';
import { baseMessage, SmcChannel } from '../../model/xen/scmi-smc-channel.ts';
import type { SciOfDriver } from '../../model/xen/scmi-smc-multiagent.ts';
import { asking, channelOf, Driver, mediator, sending } from './driver.ts';
import type { Mutant } from './mutant.ts';

export const channelMutants: readonly Mutant[] = [
  mediator(
    'gives-first-free-channel',
    'A domain gets the first channel that is free, not that of the agent it asks for.',
    class extends Driver {
      override domainInit(domain: Domain): number {
        const free = this.channels().find(({ domid }) => domid === null);
        return super.domainInit(free === undefined ? domain : asking(domain, free.agentId));
      }
    },
  ),
  mediator(
    'gives-next-agent',
    'The agent id is taken for an index counted from 1, so that the domain gets the next agent.',
    class extends Driver {
      override domainInit(domain: Domain): number {
        return super.domainInit(asking(domain, domain.config.sciAgentId + 1));
      }
    },
  ),
  mediator(
    'shares-taken-channel',
    'A channel that another domain holds is given out once more.',
    class extends Driver {
      readonly #given = new Map<number, SmcChannel>();

      override domainInit(domain: Domain): number {
        const { sciAgentId } = domain.config;
        const taken = this.#given.get(sciAgentId);
        if (taken !== undefined) taken.domid = null;
        const rc = super.domainInit(domain);
        const channel = channelOf(domain);
        if (channel !== undefined) this.#given.set(sciAgentId, channel);
        return rc;
      }
    },
  ),
  mediator(
    'gives-xens-channel',
    "Xen's own channel is not marked as taken, so that a domain can have it.",
    class extends Driver {
      override domainInit(domain: Domain): number {
        const { sciAgentId, sciType } = domain.config;
        if (sciType === 'none' || this.agentId !== sciAgentId) return super.domainInit(domain);
        const channel = managementChannel(this.context, sciAgentId, domain);
        this.context.console.printk('smc-multiagent.acquire', [sciAgentId, domain.domid, channel.address], {
          because: 'a mutant gives out the management channel',
        });
        domain.sciData = channel;
        domain.sciEnabled = true;
        return 0;
      }
    },
  ),
  mediator(
    'creates-without-channel',
    'A domain whose channel cannot be had is created all the same, without SCMI.',
    class extends Driver {
      override domainInit(domain: Domain): number {
        super.domainInit(domain);
        return 0;
      }
    },
  ),
  mediator(
    'permits-nothing',
    "A guest's page is not added to what Dom0 may pass on, so that the toolstack cannot give it.",
    class extends Driver {
      constructor(context: Context, sci: SciOfDriver) {
        super(context, { register: (driver, node) => sci.register(driver, node), permitHardwareDomain() {} });
      }
    },
  ),
  mediator(
    'permits-all-pages',
    'The pages of all agents, not only the one that is acquired, are added to what Dom0 may pass on.',
    class extends Driver {
      constructor(context: Context, sci: SciOfDriver) {
        super(context, {
          register: (driver, node) => sci.register(driver, node),
          permitHardwareDomain: pfn => sci.permitHardwareDomain(pfn - 8, 16),
        });
      }
    },
  ),
  mediator(
    'keeps-channel',
    'A channel is not freed when its domain is gone.',
    class extends Driver {
      override domainDestroy(): void {}
    },
  ),
  mediator(
    'says-free-and-keeps',
    'When a domain is gone its channel is said to be free, but the holder stays noted.',
    class extends Driver {
      override domainDestroy(domain: Domain): void {
        const channel = channelOf(domain);
        super.domainDestroy(domain);
        if (channel !== undefined) channel.domid = domain.domid;
      }
    },
  ),
  mediator(
    'skips-reset',
    'RESET_AGENT_CONFIGURATION is not sent when a domain ends.',
    class extends Driver {
      override relinquishResources(): number {
        return 0;
      }
    },
  ),
  mediator(
    'ignores-refused-reset',
    'A RESET_AGENT_CONFIGURATION that firmware refuses does not stop the destruction.',
    class extends Driver {
      override relinquishResources(domain: Domain): number {
        super.relinquishResources(domain);
        return 0;
      }
    },
  ),
  mediator(
    'needs-reset',
    'A firmware without RESET_AGENT_CONFIGURATION, which is optional, keeps domains from ending.',
    class extends sending({
      answered: ({ id, area }, x0) => {
        const isMissing =
          id === baseMessage.resetAgentConfiguration && (area.word(0) | 0) === status.NOT_SUPPORTED;
        if (isMissing) area.setWords([status.GENERIC_ERROR >>> 0]);
        return x0;
      },
    }) {},
  ),
  mediator(
    'serves-other-types',
    'A domain that asks for `scmi_smc` is not refused.',
    class extends Driver {
      override sanitiseConfig(): number {
        return 0;
      }
    },
  ),
  mediator(
    'refuses-domains-without-sci',
    'A domain that asks for no SCMI is refused while the mediator is registered.',
    class extends Driver {
      override domainInit(domain: Domain): number {
        return domain.config.sciType === 'none' ? -errno.EINVAL : super.domainInit(domain);
      }
    },
  ),
];

function managementChannel({ hostTree }: Context, agentId: number, domain: Domain): SmcChannel {
  const node = [...hostTree.root.walk()].find(
    each => each.isCompatible('arm,scmi-smc') && each.parent?.isCompatible('xen,sci'),
  );
  const address = node === undefined ? 0 : sharedMemoryAddress(hostTree, node);
  const channel = new SmcChannel(agentId, node?.u32('arm,smc-id') ?? 0, address, null);
  channel.domid = domain.domid;
  return channel;
}
