/**
 * Every message of Xen that follows from SCMI, as the sources have it: level, format and, where it is missing
 * there, no newline. The key is the rule that a reader of a prediction sees.
 */
import type { XenLevel } from '../trace/observation.ts';

export interface XenMessage {
  /** Absent: printed whatever the thresholds are. */
  readonly level?: XenLevel;
  /** Subject to `guest_loglvl`. */
  readonly guest?: true;
  /** dprintk and its kin: compiled into debug builds only. */
  readonly debugBuild?: true;
  readonly format: string;
  /** printk() without a level: `level` is XENLOG_DEFAULT of console.c, and no mark precedes the text. */
  readonly unmarked?: true;
}

/** xen/arch/arm/firmware/sci.c */
const sci = {
  'sci.second-controller': {
    level: 'error',
    format: 'SCMI: Only one SCI controller is supported. found second %s\n',
  },
  'sci.assign-device': { level: 'debug', format: 'sci: assign device %s to %pd\n' },
} as const satisfies Messages;

/** xen/common/device-tree/device-tree.c, as far as the mediator calls it */
const deviceTree = {
  /** Lines that Xen prints, as nodeReg() of src/model/dt reports them. */
  'device-tree.address': { level: 'info', unmarked: true, format: '%s\n' },
  'device-tree.address-warning': { level: 'warning', format: '%s\n' },
  'device-tree.address-error': { level: 'error', format: '%s\n' },
  'device-tree.no-phandle': { level: 'error', format: '%s: could not find phandle\n' },
  'device-tree.no-cells': { level: 'info', unmarked: true, format: '%s: could not get %s for %s\n' },
  'device-tree.arguments': { level: 'error', format: '%s: arguments longer than property\n' },
} as const satisfies Messages;

/** xen/arch/arm/firmware/scmi-shmem.c */
const sharedMemory = {
  'scmi-shmem.message-size': {
    level: 'error',
    format: 'scmi: Wrong size of smc message. Data is invalid\n',
  },
  'scmi-shmem.reply-length': {
    level: 'error',
    format: 'scmi: Wrong size of smc message. Data may be invalid\n',
  },
  'scmi-shmem.status': { level: 'debug', format: 'scmi: Error received: %d\n' },
  'scmi-shmem.reply-too-long': {
    level: 'error',
    format: 'scmi: Not enough buffer for message %d, expecting %d\n',
  },
} as const satisfies Messages;

/** xen/arch/arm/firmware/scmi-smc-multiagent.c of the series */
const multiAgent = {
  'smc-multiagent.no-smccc': {
    level: 'warning',
    format: 'scmi: No SMCCC 1.1 support, SCMI calls forwarding disabled\n',
  },
  'smc-multiagent.no-smc-id': { level: 'error', format: 'scmi: unable to read smc-id from DT\n' },
  'smc-multiagent.no-shmem-node': {
    level: 'error',
    format: "scmi: Device tree error, can't parse reserved memory %ld\n",
  },
  'smc-multiagent.not-aligned': { level: 'error', format: 'scmi: shmem memory is not aligned\n' },
  'smc-multiagent.map': { level: 'debug', format: 'scmi: Got shmem %lx after vmap %p\n' },
  'smc-multiagent.send': {
    level: 'debug',
    format: 'scmi: agent_id = %d msg_id = %x type = %d, proto = %x\n',
  },
  'smc-multiagent.response': {
    level: 'debug',
    format: 'scmi: get smc response agent_id = %d msg_id = %x proto = %x res=%d\n',
  },
  'smc-multiagent.agent-name': { level: 'debug', format: 'id=0x%x name=%s\n' },
  'smc-multiagent.agent-count': { level: 'debug', format: 'scmi: Got agent count %d\n' },
  'smc-multiagent.collect.no-container': {
    level: 'warning',
    format: 'scmi: xen,sci node not found, no agents to collect.\n',
  },
  'smc-multiagent.collect.cells': {
    level: 'error',
    format: 'scmi: Invalid #scmi-secondary-agents-cells value: %u\n',
  },
  'smc-multiagent.collect.no-list': {
    level: 'error',
    format: 'scmi: No scmi-secondary-agents property found, no agents to collect.\n',
  },
  'smc-multiagent.collect.length': {
    level: 'error',
    format: 'scmi: Invalid length of scmi-secondary-agents property: %u for %u cells per entry\n',
  },
  'smc-multiagent.collect.no-shmem-node': {
    level: 'error',
    format: 'scmi: Could not find shmem node for agent %u\n',
  },
  'smc-multiagent.collect.no-address': {
    level: 'error',
    format: 'scmi: Could not read shmem address for agent %u: %d\n',
  },
  'smc-multiagent.collect.not-aligned': { level: 'error', format: 'scmi: shmem memory is not aligned\n' },
  'smc-multiagent.collect.duplicate-agent': {
    level: 'error',
    format: 'scmi: Could not create channel for agent %u: %ld\n',
  },
  'smc-multiagent.collect.agent': { level: 'debug', format: 'scmi: Agent %u SMC %X addr %lx\n' },
  'smc-multiagent.already-registered': {
    level: 'error',
    format: 'SCMI: mediator already registered (ret = %d)\n',
  },
  'smc-multiagent.unsupported-type': {
    level: 'info',
    debugBuild: true,
    format: 'arch/arm/firmware/scmi-smc-multiagent.c:570: scmi: Unsupported ARM_SCI type\n',
  },
  'smc-multiagent.acquire': {
    level: 'info',
    format: 'scmi: Acquire channel id = 0x%x, domain_id = %d paddr = 0x%lx\n',
  },
  'smc-multiagent.acquire-failed': {
    level: 'error',
    format: 'scmi: Failed to acquire SCMI channel for agent_id %u: %ld\n',
  },
  'smc-multiagent.free': { level: 'debug', format: 'scmi: Free domain %d\n' },
  'smc-multiagent.no-management-channel': {
    level: 'error',
    format: 'scmi: Unable to get Hypervisor scmi channel for domain %d\n',
  },
  'smc-multiagent.assign-failed': {
    level: 'error',
    format: 'scmi: could not assign dev for %pd agent:%d dev_id:%u (%d)',
  },
} as const satisfies Messages;

/** xen/arch/arm/firmware/scmi-smc.c */
const singleAgent = {
  'scmi-smc.no-smccc': {
    level: 'warning',
    format: 'SCMI: No SMCCC 1.1 support, SCMI calls forwarding disabled\n',
  },
  'scmi-smc.no-smc-id': { level: 'error', format: 'SCMI: No valid "arm,smc-id" property in "%s" DT node\n' },
  'scmi-smc.already-registered': {
    level: 'error',
    format: 'SCMI: mediator already registered (ret = %d)\n',
  },
  'scmi-smc.initialization-failed': {
    level: 'error',
    format: 'SCMI: Initialization failed (ret = %d)\n',
  },
  'scmi-smc.registered': { level: 'info', format: 'Using SCMI with SMC ID: 0x%x\n' },
  'scmi-smc.domain-init': { level: 'debug', format: 'SCMI: %pd init\n' },
  'scmi-smc.domain-destroy': { level: 'debug', format: 'SCMI: %pd destroy\n' },
  'scmi-smc.unprivileged': {
    level: 'warning',
    guest: true,
    debugBuild: true,
    format: 'arch/arm/firmware/scmi-smc.c:61:%pv SCMI: Unprivileged access attempt\n',
  },
} as const satisfies Messages;

/** xen/arch/arm/domain.c, domain_build.c, dom0less-build.c, vsmc.c, traps.c, xen/common/domain.c, device-tree/ */
const domains = {
  'dom0.invalid-agent-id': {
    level: 'warning',
    format: 'Invalid xen,dom0-sci-agent-id=%u, SCMI disabled for Dom0\n',
  },
  'domain-build.tree-failed': {
    level: 'info',
    unmarked: true,
    format: 'Device tree generation failed (%d).\n',
  },
  'static-memory.sum': {
    level: 'error',
    format:
      'Size of "memory" property doesn\'t match up with the sum-up of "xen,static-mem". Unsupported configuration.\n',
  },
  'static-memory.sum-direct-map': {
    level: 'error',
    format: 'Size of "memory" property doesn\'t match up with the sum-up of "xen,static-mem".\n',
  },
  'grant-table.version-0': {
    level: 'info',
    debugBuild: true,
    format: 'common/grant_table.c:1976:%pd: invalid grant table version 0 requested\n',
  },
  'grant-table.version': {
    level: 'info',
    debugBuild: true,
    format: 'common/grant_table.c:1982:%pd: requested grant version (%u) greater than supported (%u)\n',
  },
  'grant-table.size': {
    level: 'info',
    debugBuild: true,
    format: 'common/grant_table.c:1997:Bad grant table size: %u frames\n',
  },
  'domain.no-vcpus': { level: 'info', debugBuild: true, format: 'common/domain.c:814: No vCPUS\n' },
  'domain.too-many-vcpus': {
    level: 'info',
    debugBuild: true,
    format: 'arch/arm/domain.c:611: Requested vCPUs (%u) exceeds max (%u)\n',
  },
  'domain-build.no-address': { level: 'error', format: 'Unable to retrieve address %u for %s\n' },
  'domain-build.no-kernel': { level: 'error', format: 'Missing kernel boot module?\n' },
  'dom0less.no-memory': {
    level: 'info',
    unmarked: true,
    format: 'Error building DomU: cannot read "memory" property\n',
  },
  'dom0less.sci-type': { level: 'error', format: 'xen,sci_type in not valid (%s) for domain %s\n' },
  'dom0less.assign-failed': { level: 'error', format: 'Failed to assign device to %pd\n' },
  'dom0less.no-host-node': { level: 'error', format: "Couldn't find node %s in host_dt!\n" },
  'dom0less.passthrough-incomplete': { level: 'error', format: 'xen,reg or xen,path missing for %pd\n' },
  'dom0less.passthrough-unaligned': {
    level: 'error',
    format: 'DomU passthrough config has not page aligned addresses/sizes\n',
  },
  'vsmc.unhandled': { level: 'info', guest: true, format: '%pv Unhandled SMC/HVC: %#x\n' },
  'traps.guest-abort': {
    level: 'debug',
    guest: true,
    debugBuild: true,
    format: 'arch/arm/traps.c:1960:%pv HSR=%?#016x pc=%?#016x gva=%?#x gpa=%#016x\n',
  },
  'traps.hypervisor-abort': { level: 'info', unmarked: true, format: 'Data Abort Trap. Syndrome=%?#x\n' },
  'traps.unexpected': { level: 'info', unmarked: true, format: 'CPU0: Unexpected Trap: %s\n' },
  assertion: { level: 'info', unmarked: true, format: "Assertion '%s' failed at %s\n" },
} as const satisfies Messages;

export const messages = {
  ...sci,
  ...deviceTree,
  ...sharedMemory,
  ...multiAgent,
  ...singleAgent,
  ...domains,
};

export type MessageKey = keyof typeof messages;

type Messages = Readonly<Record<string, XenMessage>>;
