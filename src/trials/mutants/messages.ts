/** The driver's bugs in what it sends as Xen's agent and what it makes of the answers. */
import type { DtNode } from '../../model/dt/tree.ts';
import { status } from '../../model/scmi/status.ts';
import type { Context } from '../../model/xen/context.ts';
import type { PhandleArguments } from '../../model/xen/device-tree.ts';
import type { Domain } from '../../model/xen/domain.ts';
import { errno } from '../../model/xen/errno.ts';
import { SMCCC_INVALID_PARAMETER } from '../../model/xen/machine.ts';
import { baseMessage } from '../../model/xen/scmi-smc-channel.ts';
import { SharedMemory } from '../../model/scmi/shared-memory.ts';
import type { SciOfDriver } from '../../model/xen/scmi-smc-multiagent.ts';
import { Driver, mediator, type OwnMessage, sending } from './driver.ts';
import type { Mutant } from './mutant.ts';

const { setDevicePermissions, resetAgentConfiguration, discoverAgent } = baseMessage;

export const messageMutants: readonly Mutant[] = [
  mediator(
    'permission-flag-0',
    'SET_DEVICE_PERMISSIONS carries flag 0, which takes the device away instead of giving it.',
    sending({ sent: changing(setDevicePermissions, 2, () => 0) }),
  ),
  mediator(
    'permission-for-xen',
    "SET_DEVICE_PERMISSIONS names Xen's own agent, not the domain's.",
    sending({
      sent: (message, { agentId }) => changing(setDevicePermissions, 0, () => agentId ?? 0)(message),
    }),
  ),
  mediator(
    'permission-for-next-device',
    'SET_DEVICE_PERMISSIONS names the device after the one in access-controllers.',
    sending({ sent: changing(setDevicePermissions, 1, device => device + 1) }),
  ),
  mediator(
    'reset-flag-0',
    'RESET_AGENT_CONFIGURATION carries flag 0, so that firmware leaves the permissions as they are.',
    sending({ sent: changing(resetAgentConfiguration, 1, () => 0) }),
  ),
  mediator(
    'reset-of-xen',
    "RESET_AGENT_CONFIGURATION names Xen's own agent, not the one of the domain that ends.",
    sending({
      sent: (message, { agentId }) => changing(resetAgentConfiguration, 0, () => agentId ?? 0)(message),
    }),
  ),
  mediator(
    'discovers-agent-0',
    'DISCOVER_AGENT asks for agent 0 in place of the caller itself.',
    sending({ sent: changing(discoverAgent, 0, () => 0) }),
  ),
  mediator(
    'no-permissions',
    'access-controllers is not looked at: SET_DEVICE_PERMISSIONS is never sent.',
    class extends Driver {
      override assignDevice(): number {
        return 0;
      }
    },
  ),
  mediator(
    'no-permissions-for-dom0',
    "Only guests' devices are told to firmware, Dom0's at boot are not.",
    class extends Driver {
      override assignDevice(domain: Domain, device: DtNode, controller: PhandleArguments): number {
        return domain.hardware ? 0 : super.assignDevice(domain, device, controller);
      }
    },
  ),
  mediator(
    'any-access-controller',
    'An entry of access-controllers counts whatever SCMI node it names.',
    class extends Driver {
      override assignDevice(domain: Domain, device: DtNode, { node, args }: PhandleArguments): number {
        const own = boundNode(this.context);
        return super.assignDevice(domain, device, { node: own ?? node, args });
      }
    },
  ),
  mediator(
    'access-controller-of-firmware-node',
    'The provider of access-controllers is compared with /firmware/scmi, as the documentation has it.',
    class extends Driver {
      override assignDevice(domain: Domain, device: DtNode, { node, args }: PhandleArguments): number {
        const own = boundNode(this.context);
        if (own === undefined || node.path !== '/firmware/scmi') return 0;
        return super.assignDevice(domain, device, { node: own, args });
      }
    },
  ),
  mediator(
    'first-access-controller-only',
    'Of several entries of access-controllers only the first one is told to firmware.',
    class extends Driver {
      #last: { readonly domain: Domain; readonly device: DtNode } | null = null;

      override assignDevice(domain: Domain, device: DtNode, controller: PhandleArguments): number {
        if (this.#last?.device === device && this.#last.domain === domain) return 0;
        this.#last = { domain, device };
        return super.assignDevice(domain, device, controller);
      }
    },
  ),
  mediator(
    'ignores-refused-permission',
    'A SET_DEVICE_PERMISSIONS that firmware refuses does not keep the device from the domain.',
    class extends Driver {
      override assignDevice(domain: Domain, device: DtNode, controller: PhandleArguments): number {
        super.assignDevice(domain, device, controller);
        return 0;
      }
    },
  ),
  mediator(
    'ignores-missing-permissions',
    'A firmware without SET_DEVICE_PERMISSIONS does not keep a device from its domain.',
    class extends Driver {
      override assignDevice(domain: Domain, device: DtNode, controller: PhandleArguments): number {
        const rc = super.assignDevice(domain, device, controller);
        return rc === -errno.EOPNOTSUPP ? 0 : rc;
      }
    },
  ),
  mediator(
    'ignores-smc-result',
    'The driver does not look at what the SMC itself returned.',
    sending({ answered: () => 0 }),
  ),
  mediator(
    'smc-invalid-is-unsupported',
    'An SMC that returns INVALID_PARAMETER gives -EOPNOTSUPP like any other failure.',
    sending({ answered: (_, x0) => (x0 === SMCCC_INVALID_PARAMETER ? -1 : x0) }),
  ),
  mediator(
    'every-status-is-einval',
    'Statuses of SCMI are not told apart: each gives -EINVAL.',
    sending({ answered: refusing(code => (code < 0 ? status.INVALID_PARAMETERS : code)) }),
  ),
  mediator(
    'every-status-is-success',
    'The status of a reply is not looked at.',
    sending({ answered: refusing(() => status.SUCCESS) }),
  ),
  mediator(
    'clears-page',
    "A channel's page is zeroed when it is mapped, which leaves the channel busy.",
    class extends Driver {
      constructor(context: Context, sci: SciOfDriver) {
        const { console, machine } = context;
        const printk: Context['console']['printk'] = (key, values, because, domid) => {
          console.printk(key, values, because, domid);
          const [address] = values;
          if (key !== 'smc-multiagent.map' || typeof address !== 'number') return;
          new SharedMemory(machine.memory, address).clearFields();
        };
        const print: Context['console']['print'] = (line, why) => console.print(line, why);
        super({ ...context, console: { printk, print, leave: domid => console.leave(domid) } }, sci);
      }
    },
  ),
];

/** Changes one word of a kind of message. */
function changing(
  id: number,
  index: number,
  change: (word: number) => number,
): (message: OwnMessage) => void {
  return message => {
    if (message.id !== id) return;
    const words = message.area.words(index + 1);
    words[index] = change(words[index] ?? 0) >>> 0;
    message.area.setWords(words);
  };
}

/** Takes the status of each reply for another one. */
function refusing(change: (code: number) => number): (message: OwnMessage, x0: number) => number {
  return ({ area }, x0) => {
    if (x0 === 0) area.setWords([change(area.word(0) | 0) >>> 0]);
    return x0;
  };
}

/** The node that Xen speaks as. */
function boundNode({ hostTree }: Context): DtNode | undefined {
  return [...hostTree.root.walk()].find(
    node => node.isCompatible('arm,scmi-smc') && node.parent?.isCompatible('xen,sci'),
  );
}
