/**
 * A domain's Linux from its first SCMI message to the shell: which devices its tree makes, what the SCMI
 * drivers do, who holds which clock, and what is left over.
 */
import type { DtNode } from '../dt/tree.ts';
import type { Observer, Reason } from '../trace/observation.ts';
import { protocolId } from '../scmi/protocol-ids.ts';
import { GuestAbort, type GuestMachine } from '../xen/guest.ts';
import { type Clock, ClockTree } from './clock-tree.ts';
import { bindConsumers } from './consumers.ts';
import { KernelLog } from './kernel-log.ts';
import {
  type KernelVersion,
  kernelVersion,
  type LinuxVersion,
  type OptionalDriver,
} from './kernel-version.ts';
import { deviceName, deviceNodes } from './platform-devices.ts';
import {
  probeScmi,
  protocolVersion,
  sayDriverFailed,
  sayOfProtocol,
  type ScmiInstance,
  type ScmiProbe,
  type ScmiProtocol,
} from './scmi-driver.ts';
import type { RawInterface, RawMode } from './raw-mode.ts';
import { probePinControl } from './scmi-pin-control.ts';
import {
  clockEnabled,
  clockRate,
  probeClocks,
  probePowerDomains,
  probeResets,
  type ScmiPowerDomain,
  setClock,
  setPowerOff,
} from './scmi-protocols.ts';
import { sayMissingSuppliers, supplierEntries } from './suppliers.ts';

/** A kernel that has booted, or stopped at it. */
export interface Kernel {
  readonly machine: GuestMachine;
  readonly version: KernelVersion;
  readonly log: KernelLog;
  /** `panicked`: the shell never comes; nothing can be asked of the domain. */
  readonly state: 'running' | 'panicked';
  readonly instances: readonly ScmiInstance[];
  /** By number of the instance; to be reached from the domain's shell only with `version.rawMode`. */
  readonly raw: readonly RawInterface[];
  readonly clocks: ClockTree;
  readonly powerDomains: readonly ScmiPowerDomain[];
  /** Devices that wait for a supplier, by name, in the order of the tree. */
  readonly deferred: readonly string[];
}

/**
 * Boots a domain's kernel.
 *
 * @param machine the domain
 * @param version kernel series
 * @param observer told of each line as it is printed; messages go to the machine
 * @param drivers SCMI drivers that it has beside the default
 * @param rawMode what it has of SCMI raw mode
 */
export function bootKernel(
  machine: GuestMachine,
  version: LinuxVersion,
  observer: Observer,
  drivers: readonly OptionalDriver[] = [],
  rawMode: RawMode = 'none',
): Kernel {
  const kernel = kernelVersion(version, drivers, rawMode);
  const boot = new Boot(machine, kernel, new KernelLog(machine.domid, observer));
  let state: Kernel['state'] = 'running';
  try {
    boot.run();
  } catch (error) {
    if (!(error instanceof GuestAbort)) throw error;
    boot.panic(error);
    state = 'panicked';
  }
  return { ...boot.result(), state };
}

class Boot {
  readonly #machine: GuestMachine;
  readonly #kernel: KernelVersion;
  readonly #log: KernelLog;
  readonly #clocks = new ClockTree();
  readonly #instances: ScmiInstance[] = [];
  readonly #raw: RawInterface[] = [];
  readonly #devices: readonly DtNode[];
  #powerDomains: readonly ScmiPowerDomain[] = [];
  #deferred: readonly string[] = [];

  constructor(machine: GuestMachine, kernel: KernelVersion, log: KernelLog) {
    this.#machine = machine;
    this.#kernel = kernel;
    this.#log = log;
    this.#devices = deviceNodes(machine.tree);
  }

  result(): Omit<Kernel, 'state'> {
    return {
      machine: this.#machine,
      version: this.#kernel,
      log: this.#log,
      instances: this.#instances,
      raw: this.#raw,
      clocks: this.#clocks,
      powerDomains: this.#powerDomains,
      deferred: this.#deferred,
    };
  }

  run(): void {
    this.#registerFixedClocks();
    sayMissingSuppliers(this.#machine.tree, this.#devices, this.#kernel, this.#log);
    if (this.#kernel.transportDevices) this.#log.print('scmi_core: SCMI protocol bus registered', busReason);
    const early = bindConsumers(this.#consumerContext());
    let automatic = early.bound.length > 0 ? 1 : 0;
    for (const node of this.#devices) {
      if (!this.#kernel.compatibles.some(each => node.isCompatible(each))) continue;
      const device = this.#kernel.transportDevices ? `arm-scmi.${automatic++}.auto` : deviceName(node);
      this.#probe(node, device);
    }
    this.#deferred = bindConsumers(this.#consumerContext()).deferred;
    this.#powerOffUnused();
    this.#disableUnusedClocks();
  }

  panic(abort: GuestAbort): void {
    const reason: Reason = {
      rule: 'linux.scmi.abort',
      because: `the shared memory at 0x${abort.address.toString(16)} is not mapped for the domain: ${abort.message}`,
    };
    const oops = 'Internal error: synchronous external abort: 0000000096000210 [#1] SMP';
    this.#log.print(oops, reason, [
      {
        part: /synchronous.*/,
        as: '.*',
        because: 'how the abort is reported depends on the machine and the build',
      },
    ]);
    const end = 'Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b';
    this.#log.print(end, reason, [
      { part: /Attempted.*/, as: '.*', because: 'the task in which the abort comes is not known' },
    ]);
  }

  #registerFixedClocks(): void {
    for (const node of this.#machine.tree.root.walk()) {
      if (!node.isCompatible('fixed-clock')) continue;
      const name = node.string('clock-output-names') ?? node.name.split('@')[0] ?? node.name;
      this.#clocks.register(name, node.u32('clock-frequency') ?? 0, null);
    }
  }

  #probe(node: DtNode, device: string): void {
    const nextBusDevice = 1 + this.#instances.flatMap(each => each.busDevices).length;
    const machine = this.#machine;
    const probe: ScmiProbe = {
      machine,
      kernel: this.#kernel,
      log: this.#log,
      node,
      device,
      nextBusDevice,
      instanceNumber: this.#raw.length,
    };
    const { instance, raw } = probeScmi(probe);
    if (raw !== undefined) this.#raw.push(raw);
    if (instance === undefined) return;
    this.#instances.push(instance);
    for (const protocol of instance.protocols) {
      const version = protocolVersion(probe, instance.channel, protocol.id);
      const error = version < 0 ? version : this.#startProtocol(probe, instance, protocol);
      if (error !== 0) sayDriverFailed(probe, protocol, error);
    }
    this.#sayProtocolsNotActive(instance);
  }

  #startProtocol(probe: ScmiProbe, { channel }: ScmiInstance, protocol: ScmiProtocol): number {
    if (protocol.id === protocolId.clock) {
      const clocks = probeClocks(channel, this.#kernel);
      for (const { id, name } of clocks.items) this.#clocks.register(name, clockRate(channel, id), id);
      return clocks.error;
    }
    if (protocol.id === protocolId.resetDomain) return probeResets(channel, this.#kernel).error;
    if (protocol.id === protocolId.pinControl) {
      return probePinControl({ channel, say: (who, text) => sayOfProtocol(probe, protocol, who, text) });
    }
    const domains = probePowerDomains(channel, this.#kernel);
    this.#powerDomains = domains.items;
    return domains.error;
  }

  /** Linux 6.1 complains where a built-in driver asks for a protocol that the tree does not have. */
  #sayProtocolsNotActive({ node, device, protocols }: ScmiInstance): void {
    for (const id of this.#kernel.requestedProtocols) {
      if (protocols.some(each => each.id === id)) continue;
      this.#log.print(`arm-scmi ${device}: Failed. SCMI protocol ${id} not active.`, {
        rule: 'linux.scmi.protocol-not-active',
        because: 'a driver of the kernel asks for a protocol that the SCMI node does not have',
        place: node.path,
      });
    }
  }

  #consumerContext(): Parameters<typeof bindConsumers>[0] {
    const [instance] = this.#instances;
    return {
      tree: this.#machine.tree,
      devices: this.#devices,
      clocks: this.#clocks,
      instances: this.#instances,
      log: this.#log,
      enable: (id, enable) => (instance === undefined ? 0 : setClock(instance.channel, id, enable)),
    };
  }

  /** genpd_power_off_unused at the end of the boot: newest first, those that are on and that no device names. */
  #powerOffUnused(): void {
    const [instance] = this.#instances;
    const provider = instance?.protocols.find(({ id }) => id === protocolId.powerDomain)?.node;
    if (instance === undefined || provider === undefined || this.#bootargs.includes('pd_ignore_unused'))
      return;
    const used = new Set(
      this.#devices.flatMap(device =>
        supplierEntries(
          this.#machine.tree,
          device.cells('power-domains') ?? [],
          '#power-domain-cells',
        ).flatMap(({ node, cells: [id = 0] }) => (node === provider ? [id] : [])),
      ),
    );
    const { channel } = instance;
    const off = this.#powerDomains
      .filter(({ id, on }) => on && !used.has(id))
      .toReversed()
      .filter(({ id }) => setPowerOff(channel, id, this.#kernel) === 0);
    this.#powerDomains = this.#powerDomains.map(each => (off.includes(each) ? { ...each, on: false } : each));
  }

  get #bootargs(): readonly string[] {
    return this.#machine.tree.node('/chosen')?.string('bootargs')?.split(/\s+/) ?? [];
  }

  /** clk_disable_unused at the end of the boot: newest first, each read before it is switched off. */
  #disableUnusedClocks(): void {
    const [instance] = this.#instances;
    if (instance === undefined) return;
    const kept = this.#bootargs.includes('clk_ignore_unused');
    const reason: Reason = {
      rule: 'linux.clk.disable-unused',
      because: kept
        ? 'the command line has clk_ignore_unused'
        : 'at the end of the boot the kernel switches off the clocks that no driver holds',
    };
    this.#log.print(kept ? 'clk: Not disabling unused clocks' : 'clk: Disabling unused clocks', reason);
    if (kept || !this.#kernel.disablesUnusedClocks) return;
    for (const { scmiId, uses } of this.#clocks.clocks) {
      if (scmiId === null || uses > 0) continue;
      if (clockEnabled(instance.channel, scmiId)) setClock(instance.channel, scmiId, false);
    }
  }
}

const busReason: Reason = {
  rule: 'linux.scmi.bus',
  because: 'the kernel has the SCMI protocol bus built in',
};

/** Hz of a clock now: an SCMI clock's is asked of firmware at each reading, 0 where it refuses. */
export function currentRate(kernel: Kernel, clock: Clock): number {
  const [instance] = kernel.instances;
  if (clock.scmiId === null || instance === undefined) return clock.rate;
  return clockRate(instance.channel, clock.scmiId);
}
