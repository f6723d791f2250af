/** One Xen, from its boot on: what it prints, which domains it has, and what they can do. */
import type { DeviceTree, DtNode } from '../dt/tree.ts';
import type { Observer } from '../trace/observation.ts';
import { MemoryAbort } from '../scmi/memory.ts';
import type { XenBuild } from './build.ts';
import { type CommandLine, readCommandLine } from './command-line.ts';
import { Console, type Why } from './console.ts';
import type { Context } from './context.ts';
import { isAvailable, isCompatible, isForPassthrough, nodeName, TreeReadPastEnd } from './device-tree.ts';
import { buildDom0Tree, dom0Config, iommus } from './dom0.ts';
import { domUConfig, hasCapability } from './dom0less-bindings.ts';
import { buildDomUTree, finishDomU, needsXenstore, placeModules, prepareDomU } from './dom0less-build.ts';
import type { Domain } from './domain.ts';
import type { Domctl } from './domctl.ts';
import { errno } from './errno.ts';
import type { GuestMachine } from './guest.ts';
import { XenGuestMachine } from './guest-machine.ts';
import { Heap, ramOfTree } from './heap.ts';
import { Hypercalls } from './hypercalls.ts';
import type { Machine } from './machine.ts';
import {
  checkBootModules,
  domainNodes,
  hasDom0,
  hasDom0Kernel,
  isDom0KernelEmpty,
  modulesOfDom0,
} from './modules.ts';
import { XenPanic } from './panic.ts';
import { type FirmwareDriver, Sci } from './sci.ts';
import { ScmiSmc } from './scmi-smc.ts';
import { ScmiSmc420 } from './scmi-smc-4.20.ts';
import { ScmiSmcMultiAgent } from './scmi-smc-multiagent.ts';
import { isSilent } from './serial.ts';
import { hasSciSubsystem } from './version.ts';
import { Vmap } from './vmap.ts';

export interface HypervisorOptions {
  readonly build: XenBuild;
  readonly hostTree: DeviceTree;
  readonly machine: Machine;
  /** Partial trees of dom0less domains, by the name of their node in /chosen. */
  readonly partialTrees: ReadonlyMap<string, DeviceTree>;
  readonly observer: Observer;
  /**
   * Dom0's kernel is there though the tree does not name it: the boot loader adds it, as well as what the nodes of
   * dom0less domains lack of modules, `cpus` and `memory`.
   */
  readonly dom0KernelIsAdded?: boolean;
  /** Parts in place of the right ones; absent in everything but mutants. */
  readonly parts?: Partial<HypervisorParts>;
}

/** Parts of Xen that a mutant may have in another form. */
export interface HypervisorParts {
  readonly MultiAgent: typeof ScmiSmcMultiAgent;
  readonly dom0Config: typeof dom0Config;
  readonly domUConfig: typeof domUConfig;
}

export class Hypervisor {
  readonly domctl: Domctl;
  readonly sci: Sci;
  readonly commandLine: CommandLine;
  /** It prints to nowhere, as it has no UART, or ends before it has its console. */
  readonly isSilent: boolean;
  /** Behaviour that the sources leave undefined so far, in words. */
  readonly undefinedBehaviour: string[] = [];
  readonly #context: Context;
  readonly #partialTrees: ReadonlyMap<string, DeviceTree>;
  readonly #hypercalls: Hypercalls;
  readonly #dom0KernelIsAdded: boolean;
  readonly #parts: HypervisorParts;
  readonly #domains = new Map<number, Domain>();
  /** The panic of what comes before the console. */
  readonly #early: XenPanic | null;
  #panic: XenPanic | null = null;

  constructor(options: HypervisorOptions) {
    const { build, hostTree, machine, partialTrees, observer } = options;
    this.#dom0KernelIsAdded = options.dom0KernelIsAdded ?? false;
    this.#parts = { MultiAgent: ScmiSmcMultiAgent, dom0Config, domUConfig, ...options.parts };
    this.commandLine = readCommandLine(hostTree, build);
    this.#early =
      (this.#dom0KernelIsAdded ? null : checkBootModules(hostTree, build)) ?? beforeConsole(hostTree);
    this.isSilent = this.#early !== null || isSilent({ hostTree, commandLine: this.commandLine });
    const undefinedBehaviour = (words: string): void => {
      if (!this.undefinedBehaviour.includes(words)) this.undefinedBehaviour.push(words);
    };
    this.#context = {
      build,
      commandLine: this.commandLine,
      console: new Console(build, this.commandLine, observer, this.isSilent),
      machine,
      vmap: new Vmap(),
      hostTree,
      heap: new Heap(machine.ram ?? ramOfTree(hostTree, !this.#dom0KernelIsAdded), undefinedBehaviour),
      modulesAreAdded: this.#dom0KernelIsAdded,
      undefinedBehaviour,
    };
    this.#partialTrees = partialTrees;
    this.sci = new Sci(this.#context);
    this.#hypercalls = new Hypercalls(this.#context, this.sci, this.#domains, this.#hasIommu());
    this.domctl = this.#hypercalls;
  }

  /** The panic that ended the boot; null while Xen runs. */
  get panic(): XenPanic | null {
    return this.#panic;
  }

  /** Domains that exist, also those that die and cannot, by id. */
  get domains(): ReadonlyMap<number, Domain> {
    return this.#domains;
  }

  /** start_xen(): what is read of the boot modules; then from the initcalls to the last domain that Xen builds by itself. */
  boot(): void {
    try {
      if (this.#early !== null) throw this.#early;
      this.#setUpIommu();
      this.#initialiseMediator();
      if (this.#dom0KernelIsAdded || hasDom0(this.#context.hostTree)) this.#createDom0();
      this.#createDomUs();
    } catch (error) {
      this.#panic = this.#panicOf(error);
      const { rule, line, why, place } = this.#panic;
      this.#context.console.print(line, { rule, because: why, ...(place === undefined ? {} : { place }) });
    }
  }

  /**
   * The machine of a domain.
   * @param tree what the domain is started with; absent: what Xen itself built for it
   * @throws {RangeError} for a domain that does not exist, or that has no tree
   */
  guest(domid: number, tree?: DeviceTree): GuestMachine {
    const domain = this.#domains.get(domid);
    if (domain === undefined) throw new RangeError(`there is no domain ${domid}`);
    domain.tree ??= tree ?? null;
    const own = tree ?? domain.tree;
    if (own === null) throw new RangeError(`domain ${domid} was given no device tree`);
    return new XenGuestMachine(this.#context, this.sci, domain, own);
  }

  /**
   * Remembers what may change once Xen has booted: its domains, and who holds which channel. The console is not part
   * of it, nor is the machine.
   * @returns what brings that back, any number of times
   */
  snapshot(): () => void {
    const domains = this.#hypercalls.snapshot();
    const channels = this.sci.mediator?.snapshot?.();
    return () => {
      domains();
      channels?.();
    };
  }

  #initialiseMediator(): void {
    const { build } = this.#context;
    if (build.mediator === 'none') this.sci.initialise(null);
    else if (!hasSciSubsystem(build)) this.sci.initialiseWith(new ScmiSmc420(this.#context));
    else this.sci.initialise(this.#driver());
  }

  #driver(): FirmwareDriver {
    const driver =
      this.#context.build.mediator === 'multi-agent'
        ? new this.#parts.MultiAgent(this.#context, this.sci)
        : new ScmiSmc(this.#context, this.sci);
    return { compatible: 'arm,scmi-smc', probe: node => driver.probe(node) };
  }

  #createDom0(): void {
    const config = this.#parts.dom0Config(this.#context);
    const dom0 = this.#hypercalls.create(0, config, true);
    if (typeof dom0 === 'number') {
      const words = `Dom0 asks for ${asked(config)}, and is not built without it`;
      throw new XenPanic('dom0.create-failed', `Error creating domain 0 (rc = ${dom0})`, words);
    }
    this.sci.setHardwareDomain(dom0);
    const problem = this.#dom0KernelIsAdded ? undefined : dom0KernelProblem(this.#context.hostTree);
    if (problem !== undefined) {
      this.#context.console.printk('domain-build.no-kernel', [], {
        because: problem,
        place: '/chosen',
        domid: 0,
      });
      throw new XenPanic('dom0.set-up-failed', dom0SetUpFailed(-errno.ENOENT), problem, { place: '/chosen' });
    }
    const memory = this.#giveDom0Memory();
    const tree = buildDom0Tree(this.#context, this.sci, dom0);
    if (typeof tree === 'number') {
      const because = "a device of Dom0's cannot be handed over, and Dom0 is not built without it";
      this.#context.console.printk('domain-build.tree-failed', [tree], { because, domid: 0 });
      throw new XenPanic('dom0.set-up-failed', dom0SetUpFailed(-errno.EINVAL), because);
    }
    if (!this.#dom0KernelIsAdded) placeModules(memory, modulesOfDom0(this.#context.hostTree), '/chosen');
    dom0.tree = tree;
  }

  /**
   * allocate_memory_11() of xen/arch/arm/domain_build.c.
   * @returns bytes that Dom0 has
   */
  #giveDom0Memory(): number {
    const { heap, commandLine } = this.#context;
    const memory = commandLine.dom0Memory;
    const missing = heap.take(0, memory, 'memory of Dom0');
    if (missing === 0) return memory;
    const why = `dom0_mem is ${Math.floor(memory / 0x10_0000)} MiB, more than the machine's RAM`;
    const text = 'Failed to allocate requested dom0 memory. %?dMB unallocated';
    const values = [Math.floor(missing / 0x10_0000)];
    throw new XenPanic('dom0.memory', text, why, { place: '/chosen', values });
  }

  /** create_domUs() and alloc_static_evtchn() */
  #createDomUs(): void {
    const nodes = domainNodes(this.#context.hostTree);
    const isNew = hasSciSubsystem(this.#context.build);
    let xenstore = this.#domains.has(0) ? 0 : undefined;
    for (const node of nodes) {
      const domid = this.#createDomU(node);
      if (!hasCapability(node, 'xenstore') || !isNew) continue;
      if (xenstore !== undefined) {
        const text = `Only 1 xenstore domain can be specified! (${xenstore})`;
        const why = `capabilities of ${node.path} asks for Xenstore, which domain ${xenstore} has already`;
        throw new XenPanic('dom0less.xenstore', text, why, { place: node.path, hasNewline: false });
      }
      xenstore = domid;
    }
    const needy = nodes.find(needsXenstore);
    if (needy === undefined || xenstore !== undefined || !isNew) return;
    const why = `xen,enhanced of ${needy.path} promises Xenstore, and no domain has it`;
    const text = 'xenstore requested, but xenstore domain not present';
    throw new XenPanic('dom0less.xenstore', text, why, { place: needy.path });
  }

  /** @returns its id */
  #createDomU(node: DtNode): number {
    const hardwareDomain = this.#domains.has(0) ? 0 : undefined;
    const config = this.#parts.domUConfig(this.#context, node, {
      iommu: this.#hypercalls.iommuEnabled,
      hardwareDomain,
    });
    const domid = this.#hypercalls.allocate();
    const domain = this.#hypercalls.create(domid, config);
    const place = node.path;
    if (typeof domain === 'number') {
      const words = `${config.name} asks for ${asked(config)}, and a dom0less domain is not built without it`;
      const text = `Error creating domain ${config.name} (rc = ${domain})`;
      throw new XenPanic('dom0less.create-failed', text, words, { place });
    }
    const rc = prepareDomU(this.#context, node, domain);
    if (rc !== 0)
      throw domUSetUpFailed(config.name, rc, `${config.name} lacks what it is to be built with`, place);
    const partial = this.#partialTrees.get(node.name) ?? this.#partialTrees.get(nodeName(node));
    const iommu = this.#hypercalls.iommuEnabled;
    const parts = { node, partial, iommu, hasDom0: this.#domains.has(0) };
    const tree = buildDomUTree(this.#context, this.sci, domain, parts);
    if (typeof tree === 'number') {
      const because = `the partial tree of ${config.name} cannot be put into effect`;
      this.#context.console.printk('domain-build.tree-failed', [tree], { because, place, domid });
      throw domUSetUpFailed(config.name, -errno.EINVAL, because, place);
    }
    finishDomU(this.#context, node, domain);
    domain.tree = tree;
    return domid;
  }

  /** Ends the boot for an exception of Xen; any other error is thrown on. */
  #panicOf(error: unknown): XenPanic {
    if (error instanceof XenPanic) return error;
    if (error instanceof TreeReadPastEnd) {
      return this.#dataAbort(0x103_0005, { because: error.message, place: error.node.path });
    }
    if (!(error instanceof MemoryAbort)) throw error;
    const { address, access, reason } = error;
    const because = `Xen ${access}s 0x${address.toString(16)}, which is ${reason === 'secure' ? 'secure memory' : 'backed by nothing'}: it maps a channel's page there`;
    return this.#dataAbort(access === 'write' ? 0x50 : 0x10, { because });
  }

  #dataAbort(syndrome: number, why: Why): XenPanic {
    const { console } = this.#context;
    console.printk('traps.hypervisor-abort', [syndrome], why);
    console.printk('traps.unexpected', ['Data Abort'], why);
    return dataAbort(why);
  }

  /** iommu_hardware_setup(): offers all nodes that are available to the drivers of IOMMUs. */
  #setUpIommu(): void {
    if (!this.commandLine.iommu) return;
    for (const node of this.#context.hostTree.root.walk()) {
      if (isAvailable(node) && !isForPassthrough(node)) isCompatible(node, '');
    }
  }

  #hasIommu(): boolean {
    if (!this.commandLine.iommu) return false;
    return [...this.#context.hostTree.root.walk()].some(
      node => isAvailable(node) && iommus.some(each => node.isCompatible(each)),
    );
  }
}

function asked({ sciType, sciAgentId }: { readonly sciType: string; readonly sciAgentId: number }): string {
  return sciType === 'scmi_smc_multiagent' ? `SCMI agent ${sciAgentId}` : `SCI type ${sciType}`;
}

/** Why Dom0 has no kernel; undefined where it has one. */
function dom0KernelProblem(tree: DeviceTree): string | undefined {
  if (!hasDom0Kernel(tree)) return "no module in /chosen is Dom0's kernel";
  return isDom0KernelEmpty(tree) ? "the module of Dom0's kernel has the size 0" : undefined;
}

/** preinit_xen_time() looks through the nodes for the timer, before there is a console. */
function beforeConsole(tree: DeviceTree): XenPanic | null {
  for (const node of tree.root.walk()) {
    if (timers.some(each => node.isCompatible(each))) return null;
    if (!node.hasUnterminatedCompatible) continue;
    return dataAbort({ because: new TreeReadPastEnd(node).message, place: node.path });
  }
  return null;
}

function dataAbort({ because, place }: Why): XenPanic {
  return new XenPanic('traps.unexpected', 'CPU0: Unexpected Trap: Data Abort', because, { place });
}

/** DT_MATCH_TIMER of xen/arch/arm/include/asm/time.h */
const timers = ['arm,armv7-timer', 'arm,armv8-timer'];

const dom0SetUpFailed = (rc: number): string => `Could not set up d0 guest OS (rc = ${rc})`;

function domUSetUpFailed(name: string, rc: number, words: string, place: string): XenPanic {
  return new XenPanic('dom0less.set-up-failed', `Could not set up domain ${name} (rc = ${rc})`, words, {
    place,
  });
}
