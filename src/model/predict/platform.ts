/** Firmware, Xen, the kernels in its domains and the toolstack of one machine, as one boot brings them up. */
import type { DeviceTree } from '../dt/tree.ts';
import { bootKernel } from '../linux/kernel.ts';
import { LinuxView } from '../linux/view.ts';
import type { LinuxVersion, OptionalDriver } from '../linux/kernel-version.ts';
import type { RawMode } from '../linux/raw-mode.ts';
import { ProbeProgram } from '../probe/program.ts';
import type { Firmware } from '../scmi/firmware.ts';
import type { XenBuild } from '../xen/build.ts';
import { levelNumber } from '../xen/console.ts';
import type { Domctl } from '../xen/domctl.ts';
import { Hypervisor } from '../xen/hypervisor.ts';
import type { Channel } from '../xen/mediator.ts';
import type { XenPanic } from '../xen/panic.ts';
import { type CommandResult, type Listing, type StartedDomain, Toolstack } from '../xl/xl.ts';
import { firmwareMachine, type FirmwareMachine, type MachineOptions } from './machine.ts';
import { guestProbeMachine } from './probe-machines.ts';

export interface PlatformOptions extends MachineOptions {
  readonly build: XenBuild;
  readonly linux: LinuxVersion;
  /** SCMI drivers that the kernels have beside the default. */
  readonly linuxDrivers?: readonly OptionalDriver[] | undefined;
  /** SCMI raw mode of the kernels; absent: none. */
  readonly linuxRawMode?: RawMode | undefined;
  /** Path in Dom0 of the bare-metal probe: a guest whose kernel that is runs no Linux. */
  readonly probe?: string | undefined;
  /** The device tree that Xen is started with. */
  readonly hostTree: DeviceTree;
  /** Partial trees of dom0less domains, by the name of their node in /chosen. */
  readonly partialTrees: ReadonlyMap<string, DeviceTree>;
  /** Dom0's kernel is there though the tree does not name it: the boot loader adds it. */
  readonly dom0KernelIsAdded?: boolean | undefined;
  /** Kind of Dom0, if it is no Linux: its requests to the firmware are unknown. */
  readonly dom0System?: 'zephyr' | undefined;
  /** SMC Calling Convention of EL3, major << 16 | minor; 1.5 where absent. */
  readonly smcccVersion?: number;
}

/** A domain as it can be seen from outside. */
export interface PlatformDomain {
  readonly domid: number;
  readonly name: string;
  /** Agent whose channel it was given; null: none. */
  readonly agentId: number | null;
  /** Its configuration; null if it was never made. */
  readonly tree: DeviceTree | null;
  /** `dying`: its destruction did not complete. */
  readonly state: 'running' | 'kernel-panicked' | 'dying';
}

/**
 * One machine from power to the end of its Xen. Nothing here waits: a call returns when all that follows from
 * it has happened, and what would be seen of it has been told to the observer.
 *
 * @example
 * const platform = new Platform({ build, linux: '6.12', firmware, hostTree, partialTrees, observer });
 * platform.boot();
 * if (platform.panic === null) platform.xlCreate('/root/guest.cfg', text, files).rc; // 0
 */
export class Platform {
  readonly #options: PlatformOptions;
  readonly #machine: FirmwareMachine;
  readonly #hypervisor: Hypervisor;
  readonly #toolstack: Toolstack;
  readonly #views = new Map<number, LinuxView>();
  readonly #probes = new Map<number, ProbeProgram>();
  /** Domains whose kernels have panicked after they were up. */
  readonly #crashed = new Set<number>();
  /** Domains that run, whose kernels have not come to their devices yet; null: kernels boot at once. */
  #held: StartedDomain[] | null = null;
  /** Files in Dom0 that the toolstack may be told to read, by path. */
  readonly #files = new Map<string, Uint8Array>();

  /** @throws {RangeError} for a firmware fault or quirk that does not exist */
  constructor(options: PlatformOptions) {
    const { build, hostTree, partialTrees, observer, smcccVersion = smccc15 } = options;
    const { deviations = {} } = options;
    this.#options = options;
    this.#machine = firmwareMachine(options);
    const { memory, smc } = this.#machine;
    const machine = { memory, smcccVersion, smc };
    const { dom0KernelIsAdded = false } = options;
    this.#hypervisor = new Hypervisor({
      build,
      hostTree,
      machine,
      partialTrees,
      observer,
      dom0KernelIsAdded,
      parts: deviations.hypervisor ?? {},
    });
    const { domctl } = this.#hypervisor;
    this.#toolstack = new (deviations.Toolstack ?? Toolstack)({
      domctl: deviations.domctl?.(domctl, this.#hypervisor) ?? domctl,
      files: path => this.#files.get(path),
      observer,
      start: domain => this.#start(domain),
      ...(deviations.armSci === undefined ? {} : { armSci: deviations.armSci }),
      ...(build.version === undefined ? {} : { version: build.version }),
    });
  }

  /** Boots Xen, then the kernels of the domains that it built: Dom0's first. */
  boot(): void {
    this.#hypervisor.boot();
    if (this.panic !== null) return;
    for (const { domid, tree, name } of this.#hypervisor.domains.values()) {
      if (tree !== null) this.#start({ domid, name, tree });
    }
  }

  /** The panic that ended the boot; null while Xen runs. */
  get panic(): XenPanic | null {
    return this.#hypervisor.panic;
  }

  /** Whether Xen prints to nowhere. */
  get isXenSilent(): boolean {
    return this.#hypervisor.isSilent;
  }

  /** Whether messages of level info are printed, if only now and then. */
  get showsInfo(): boolean {
    return this.#hypervisor.commandLine.log.upper > levelNumber.info;
  }

  /** Whether Dom0 can be logged in to. */
  get isDom0Up(): boolean {
    if (this.#options.dom0System !== undefined) return this.panic === null && this.#find('0') !== undefined;
    return this.panic === null && this.#views.get(0)?.kernel.state === 'running';
  }

  /** The mediator: what it bound to, with what the probe ended, and its channels. */
  get mediator(): {
    readonly registered: boolean;
    readonly errno: number;
    readonly node: string | null;
    readonly agentId: number | null;
    readonly channels: readonly Channel[];
  } {
    const { mediator, errno, node } = this.#hypervisor.sci;
    return {
      registered: mediator !== null,
      errno,
      node,
      agentId: mediator?.agentId ?? null,
      channels: mediator?.channels() ?? [],
    };
  }

  /** EL3 firmware: who may use what, now. */
  get firmware(): Firmware {
    return this.#machine.firmware;
  }

  /** Domctls, for what no toolstack command does. */
  get domctl(): Domctl {
    return this.#hypervisor.domctl;
  }

  /** Behaviour that the sources leave undefined, in words. */
  get undefinedBehaviour(): readonly string[] {
    return this.#hypervisor.undefinedBehaviour;
  }

  /** All domains that exist, by rising id. */
  domains(): readonly PlatformDomain[] {
    return [...this.#hypervisor.domains.values()]
      .toSorted((one, other) => one.domid - other.domid)
      .map(({ domid, name, tree, state }) => ({
        domid,
        name,
        agentId: this.mediator.channels.find(channel => channel.domid === domid)?.agentId ?? null,
        tree,
        state: state === 'dying' ? 'dying' : this.#kernelState(domid),
      }));
  }

  /**
   * Readable files of a domain, by name (`dom0` is Dom0) or id.
   * @returns undefined where there is no such domain, or its shell never came
   */
  view(nameOrId: string): LinuxView | undefined {
    const domain = this.#find(nameOrId);
    const view = domain && this.#views.get(domain.domid);
    return domain?.state === 'running' && view?.kernel.state === 'running' ? view : undefined;
  }

  /** The probe in a guest, by name or id; undefined where there is no such guest, or it runs Linux. */
  probe(nameOrId: string): ProbeProgram | undefined {
    const domain = this.#find(nameOrId);
    return domain?.state === 'running' ? this.#probes.get(domain.domid) : undefined;
  }

  /**
   * `xl create PATH`.
   * @param path path of the configuration in Dom0
   * @param config its text
   * @param files files in Dom0 that it names, by path; they stay there
   */
  xlCreate(path: string, config: string, files: ReadonlyMap<string, Uint8Array> = new Map()): CommandResult {
    for (const [name, bytes] of files) this.#files.set(name, bytes);
    return this.#toolstack.create(path, config);
  }

  /**
   * From here on kernels of new guests do not boot before `releaseKernels`: what is done meanwhile is done in the
   * seconds before a real guest's kernel gets to its devices.
   */
  holdKernels(): void {
    this.#held ??= [];
  }

  releaseKernels(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const domain of held) if (this.#find(String(domain.domid))?.state === 'running') this.#start(domain);
  }

  /** `xl destroy NAME`; a number is taken for an id. */
  xlDestroy(nameOrId: string): CommandResult {
    return this.#toolstack.destroy(nameOrId);
  }

  /** `xl shutdown -w NAME`. */
  xlShutdown(nameOrId: string): CommandResult {
    return this.#toolstack.shutdown(nameOrId);
  }

  /** `xl reboot NAME`. */
  xlReboot(nameOrId: string): CommandResult {
    return this.#toolstack.reboot(nameOrId);
  }

  /** `xl list` */
  xlList(): Listing {
    return this.#toolstack.list();
  }

  /**
   * XEN_DOMCTL_assign_device, called without xl.
   * @param path of the device in the host's tree
   * @returns 0 or a negative errno
   */
  assignDevice(nameOrId: string, path: string): number {
    const domid = this.#find(nameOrId)?.domid ?? Number.parseInt(nameOrId, 10);
    return this.#hypervisor.domctl.assignDevice(domid, path);
  }

  /** A guest's own action. */
  guestPowersOff(name: string): CommandResult {
    return this.#toolstack.guestPowersOff(name);
  }

  guestReboots(name: string): CommandResult {
    return this.#toolstack.guestReboots(name);
  }

  guestCrashes(name: string): CommandResult {
    const result = this.#toolstack.guestCrashes(name);
    if (result.domid !== undefined) this.#crashed.add(result.domid);
    return result;
  }

  #start(domain: StartedDomain): 'panicked' | void {
    const { domid, tree } = domain;
    const { deviations = {}, hostTree, linux, linuxDrivers, linuxRawMode, observer, probe } = this.#options;
    if (domid === 0 && this.#options.dom0System !== undefined) return;
    // It answers no request of the toolstack, as a kernel that has panicked.
    if (probe !== undefined && domain.kernel === probe) return this.#startProbe(domain);
    if (this.#held !== null) {
      this.#held.push(domain);
      return;
    }
    const machine = this.#hypervisor.guest(domid, tree);
    const own = deviations.guest?.(machine, hostTree) ?? machine;
    const kernel = bootKernel(own, linux, observer, linuxDrivers, linuxRawMode);
    this.#views.set(domid, new LinuxView(kernel));
  }

  #startProbe({ domid, tree, memory = 0 }: StartedDomain): 'panicked' {
    const machine = this.#hypervisor.guest(domid, tree);
    const domain = this.#hypervisor.domains.get(domid);
    if (domain !== undefined) {
      this.#probes.set(
        domid,
        new ProbeProgram(guestProbeMachine({ machine, domain, memory }, this.#machine)),
      );
    }
    return 'panicked';
  }

  #find(nameOrId: string): PlatformDomain | undefined {
    const wanted = /^dom(?:ain-)?0$/i.test(nameOrId) ? '0' : nameOrId;
    return this.domains().findLast(({ domid, name }) => String(domid) === wanted || name === wanted);
  }

  #kernelState(domid: number): 'running' | 'kernel-panicked' {
    const panicked = this.#crashed.has(domid) || this.#views.get(domid)?.kernel.state === 'panicked';
    return panicked ? 'kernel-panicked' : 'running';
  }
}

const smccc15 = 0x1_0005;
