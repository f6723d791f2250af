/** The smallest machine that has the behaviour: EL3 firmware, memory and Xen, with domains but no kernels in them. */
import { DeviceTree, DtNode } from '../../model/dt/tree.ts';
import { abortingRanges } from '../../model/predict/machine-map.ts';
import { processMessage } from '../../model/scmi/entry.ts';
import { Firmware } from '../../model/scmi/firmware.ts';
import type { FirmwareMessage } from '../../model/scmi/firmware-message.ts';
import { encodeHeader } from '../../model/scmi/header.ts';
import { PhysicalMemory } from '../../model/scmi/memory.ts';
import { headerSize, SharedMemory, sharedMemoryOffset } from '../../model/scmi/shared-memory.ts';
import { type Domain, pageFrame } from '../../model/xen/domain.ts';
import type { Domctl } from '../../model/xen/domctl.ts';
import { errno } from '../../model/xen/errno.ts';
import { GuestAbort, type GuestMachine } from '../../model/xen/guest.ts';
import { Hypervisor } from '../../model/xen/hypervisor.ts';
import { namesBootModules } from '../../model/xen/modules.ts';
import type { Action, DomainMessage } from './action.ts';
import { type Resource, resourceState } from './resources.ts';
import type { ChannelState, DomainState, State } from './state.ts';
import { devicePath, exploredTree, type Subject } from './subject.ts';

/** A configuration in which there is nothing to explore. */
export class NotExplorable extends Error {
  /** The action to do. */
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.name = 'NotExplorable';
    this.hint = hint;
  }
}

/** Result of an action. */
export interface Outcome {
  /** 0 or a negative errno of the domctl that failed; x0 of an SMC. */
  readonly rc: number;
  /** The part that failed, if that is not the action as a whole. */
  readonly failed?: Failure;
  /** Messages that reached EL3, in order. */
  readonly messages: readonly FirmwareMessage[];
}

/** A guest was not given its page; a domain could not write to its page. */
type Failure = 'page' | 'access';

/** Agents of a machine by the part that they play. */
export interface Parts {
  readonly xen: number;
  readonly dom0: number | null;
  /** Agents in the mediator's list that no domain has at boot, in the order of the list. */
  readonly guests: readonly number[];
}

export class ExploredMachine {
  readonly firmware: Firmware;
  readonly parts: Parts;
  readonly #subject: Subject;
  readonly #devices: readonly number[];
  readonly #resources: readonly Resource[];
  readonly #memory = new PhysicalMemory();
  readonly #hypervisor: Hypervisor;
  readonly #domctl: Domctl;
  readonly #management: ChannelState;
  /** Domains by the name that the walk has for them. */
  #names = new Map<number, string>();
  #messages: FirmwareMessage[] = [];

  /**
   * Boots it.
   * @throws {NotExplorable} where Xen panics or has no multi-agent mediator
   */
  constructor(subject: Subject, devices: readonly number[], resources: readonly Resource[]) {
    const { xen, firmware, deviations = {} } = subject;
    this.#subject = subject;
    this.#devices = devices;
    this.#resources = resources;
    const profile = deviations.profile?.(firmware.profile) ?? firmware.profile;
    for (const range of abortingRanges(profile.name)) this.#memory.abortRange(range);
    this.firmware = new Firmware(profile, {
      memory: this.#memory,
      faults: firmware.faults,
      onMessage: message => this.#messages.push(message),
      ...(deviations.answer === undefined ? {} : { answer: deviations.answer(processMessage) }),
    });
    const smc = (functionId: number): number => this.firmware.smc(functionId);
    const hostTree = exploredTree(subject, devices);
    this.#hypervisor = new Hypervisor({
      build: xen,
      hostTree,
      machine: { memory: this.#memory, smcccVersion: SMCCC_1_5, smc: deviations.smc?.(smc) ?? smc },
      partialTrees: new Map(),
      observer: { console: () => {}, message: () => {} },
      dom0KernelIsAdded: !namesBootModules(hostTree),
      parts: deviations.hypervisor ?? {},
    });
    this.#hypervisor.boot();
    const { domctl } = this.#hypervisor;
    this.#domctl = deviations.domctl?.(domctl, this.#hypervisor) ?? domctl;
    for (const [domid, { name }] of this.#hypervisor.domains) {
      this.#names.set(domid, domid === 0 ? 'dom0' : name);
    }
    this.#management = this.#managementChannel(hostTree);
    this.parts = this.#findParts();
    this.#messages = [];
  }

  /** The state now. */
  state(): State {
    return {
      domains: this.#domainStates(),
      channels: this.#channelStates(),
      devices: this.#devices.map(id => ({
        id,
        owner: this.firmware.ownerOf(id) ?? null,
        holders: this.firmware.holdersOf(id),
      })),
      resources: this.#resources.map(each => resourceState(this.firmware, each)),
      stuck: this.#agents.filter(id => this.firmware.isChannelStuck(id)),
      busy: this.#agents.filter(id => !this.#area(id).free),
      passable: this.#agents.filter(id =>
        this.#hypervisor.domains.get(0)?.iomem.contains(...this.#frames(id)),
      ),
    };
  }

  /** @returns what brings the machine back to what it is now, any number of times */
  snapshot(): () => void {
    const firmware = this.firmware.snapshot();
    const hypervisor = this.#hypervisor.snapshot();
    const names = new Map(this.#names);
    const statuses = this.#agents.map(id => [id, this.#area(id).channelStatus] as const);
    return () => {
      firmware();
      hypervisor();
      this.#names = new Map(names);
      for (const [id, status] of statuses) this.#area(id).channelStatus = status;
    };
  }

  perform(action: Action): Outcome {
    this.#messages = [];
    const done = this.#do(action);
    return { ...done, messages: this.#messages };
  }

  /** Function id of an agent's channel: the mediator's, else the firmware's. */
  functionIdOf(agent: number): number | undefined {
    const listed = this.#channelStates().find(each => each.agent === agent)?.functionId;
    return listed ?? this.firmware.profile.agents.find(({ id }) => id === agent)?.functionId;
  }

  #do(action: Action): Omit<Outcome, 'messages'> {
    switch (action.do) {
      case 'create':
        return this.#create(action.guest, action.agent, action.page);
      case 'destroy':
        return { rc: this.#destroy(this.#domidOf(action.guest)) };
      case 'assign-device':
        return {
          rc: this.#domctl.assignDevice(this.#domidOf(action.guest), devicePath(action.device)),
        };
      default:
        return this.#ring(this.#domidOf(action.domain), action.functionId, action.message);
    }
  }

  /** As libxl does it: the domain, then its page; what fails half-way is destroyed again. */
  #create(name: string, agent: number | null, page: number | null): Omit<Outcome, 'messages'> {
    const { rc, domid } = this.#domctl.createDomain({
      name,
      sciType: agent === null ? 'none' : 'scmi_smc_multiagent',
      sciAgentId: agent ?? 0,
    });
    if (rc !== 0) return { rc };
    this.#names.set(domid, name);
    const given = page === null ? 0 : this.#givePage(domid, page);
    if (given === 0) return { rc: 0 };
    this.#destroy(domid);
    return { rc: given, failed: 'page' };
  }

  #givePage(domid: number, agent: number): number {
    const [frame] = this.#frames(agent);
    const permitted = this.#domctl.iomemPermission(domid, frame, 1, true);
    return permitted === 0 ? this.#domctl.memoryMapping(domid, pageFrame(GUEST_PAGE), frame, 1) : permitted;
  }

  #destroy(domid: number): number {
    const rc = this.#domctl.destroyDomain(domid);
    if (!this.#hypervisor.domains.has(domid)) this.#names.delete(domid);
    return rc;
  }

  #ring(domid: number, functionId: number, message: DomainMessage | null): Omit<Outcome, 'messages'> {
    const right = this.#hypervisor.guest(domid, NO_TREE);
    const { deviations = {}, hostTree } = this.#subject;
    const machine = deviations.guest?.(right, hostTree) ?? right;
    try {
      if (message !== null) putThrough(machine, this.#pageIn(domid), message);
    } catch (error) {
      if (!(error instanceof GuestAbort)) throw error;
      return { rc: -errno.EPERM, failed: 'access' };
    }
    return { rc: machine.smc(functionId) };
  }

  /** Where a domain finds its page: Dom0 where it is, a guest where it was put. */
  #pageIn(domid: number): number {
    if (domid !== 0) return GUEST_PAGE;
    const dom0 = this.parts.dom0;
    return dom0 === null ? GUEST_PAGE : this.#addressOf(dom0);
  }

  #domidOf(name: string): number {
    for (const [domid, each] of this.#names) if (each === name) return domid;
    return -errno.ESRCH;
  }

  #domainStates(): DomainState[] {
    return [...this.#hypervisor.domains]
      .map(([domid, domain]) => ({
        name: this.#names.get(domid) ?? `d${domid}`,
        agent: agentOf(domain),
        pages: this.#agents.filter(id => this.#hasMapped(domain, id)),
        dying: domain.state === 'dying',
      }))
      .toSorted((one, other) => (one.name < other.name ? -1 : 1));
  }

  #hasMapped(domain: Domain, agent: number): boolean {
    const frame = pageFrame(this.#addressOf(agent));
    return domain.p2m.some(({ mfn, count }) => mfn <= frame && frame < mfn + count);
  }

  #channelStates(): ChannelState[] {
    const channels = this.#hypervisor.sci.mediator?.channels() ?? [];
    return [
      this.#management,
      ...channels.map(({ agentId, functionId, address, domid }) => ({
        agent: agentId,
        functionId,
        address,
        holder: domid === null ? null : (this.#names.get(domid) ?? 'nobody'),
      })),
    ];
  }

  get #agents(): readonly number[] {
    return this.firmware.profile.agents.map(({ id }) => id);
  }

  #frames(agent: number): [first: number, last: number] {
    const frame = pageFrame(this.#addressOf(agent));
    return [frame, frame];
  }

  #addressOf(agent: number): number {
    return this.firmware.profile.agents.find(({ id }) => id === agent)?.shmem ?? 0;
  }

  #area(agent: number): SharedMemory {
    return new SharedMemory(this.#memory, this.#addressOf(agent), 'secure');
  }

  #managementChannel(hostTree: DeviceTree): ChannelState {
    const { panic, sci } = this.#hypervisor;
    if (panic !== null) {
      const words = `Xen panics at boot: ${panic.text} (${panic.why})`;
      throw new NotExplorable(words, '`scmi-hil predict` tells what leads there');
    }
    const { mediator, node } = sci;
    if (mediator === null || node === null) {
      const words = `no mediator registers at boot (${sci.errno}): tree, firmware and build do not fit`;
      throw new NotExplorable(words, 'a firmware with another layout needs a tree of its own');
    }
    if (mediator.agentId === null) {
      const words = 'the mediator of this build serves one domain: there are no agents to explore';
      throw new NotExplorable(words, 'explore a board type or a build with the multi-agent mediator');
    }
    const functionId = hostTree.node(node)?.u32('arm,smc-id') ?? 0;
    return { agent: mediator.agentId, functionId, address: this.#addressOf(mediator.agentId), holder: 'xen' };
  }

  #findParts(): Parts {
    const dom0 = this.#hypervisor.domains.get(0);
    const guests = this.#channelStates().filter(({ holder }) => holder === null);
    return {
      xen: this.#management.agent,
      dom0: dom0 === undefined ? null : agentOf(dom0),
      guests: guests.map(({ agent }) => agent),
    };
  }
}

function agentOf({ config }: Domain): number | null {
  return config.sciType === 'none' ? null : config.sciAgentId;
}

/** Writes a message as a kernel does, through the domain's own mapping. */
function putThrough(machine: GuestMachine, page: number, { message, length }: DomainMessage): void {
  const words = message.words ?? [];
  machine.writeU32(page + sharedMemoryOffset.channelStatus, 0);
  machine.writeU32(page + sharedMemoryOffset.length, length ?? headerSize + 4 * words.length);
  machine.writeU32(page + sharedMemoryOffset.header, encodeHeader(message));
  for (const [index, word] of words.entries()) {
    machine.writeU32(page + sharedMemoryOffset.payload + 4 * index, word);
  }
}

/** Where a guest's page is in its own address space: any place without RAM would do. */
const GUEST_PAGE = 0x2200_1000;
const SMCCC_1_5 = 0x1_0005;
/** No kernel reads a tree here. */
const NO_TREE = new DeviceTree(new DtNode('', null), []);
