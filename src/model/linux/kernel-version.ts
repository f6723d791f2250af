/**
 * How the SCMI client of one kernel series differs from the others: what it asks of firmware and how it
 * words its log. Taken from drivers/firmware/arm_scmi, drivers/clk/clk-scmi.c and boots of Debian's kernels.
 */
import { protocolId } from '../scmi/protocol-ids.ts';
import type { RawMode } from './raw-mode.ts';

/** Kernel series whose SCMI client is known. */
export type LinuxVersion = '6.1' | '6.12' | '7.2';

export interface KernelVersion {
  readonly version: LinuxVersion;
  /** `uname -r` of the kernel that the table was taken from. */
  readonly release: string;
  /**
   * Transports are devices of their own since 6.12: the core is then bound to `arm-scmi.N.auto` and
   * prints `Using scmi_smc_transport`; each channel is a device on the scmi_protocol bus.
   */
  readonly transportDevices: boolean;
  /** Nodes that the SMC transport binds to (drivers/firmware/arm_scmi/transports/smc.c). */
  readonly compatibles: readonly string[];
  /** Whether a power domain that was switched is asked for its state. */
  readonly verifiesPowerState: boolean;
  /** `SCMI max-rx-timeout` line, without its device; undefined where none is printed. */
  readonly timeoutLine: string | undefined;
  /** Whether PROTOCOL_MESSAGE_ATTRIBUTES is asked for the notification messages at probe. */
  readonly asksForNotifications: boolean;
  /** Whether unused clocks are read and switched off at the end of the boot. */
  readonly disablesUnusedClocks: boolean;
  /** A failed PROTOCOL_VERSION does not end the probe: the newest version that the kernel knows is tried. */
  readonly assumesVersion: boolean;
  /** Bytes that a shared memory area must have; 0: the size is not checked. */
  readonly minimumShmemSize: number;
  /** `%pe`-style errors of dev_err_probe and `probe with driver` in the driver core, since 6.9. */
  readonly namesErrors: boolean;
  /** Whether a failed channel set-up names its protocol. */
  readonly namesFailedChannel: boolean;
  /** Lines, without their device, that follow the success line. */
  readonly quirks: readonly string[];
  /** Protocols that a built-in driver asks for although the tree may not have them; each costs a line. */
  readonly requestedProtocols: readonly number[];
  /** Drivers that are built in, by protocol: each gets one device on the bus where the tree has the protocol. */
  readonly drivers: ReadonlyMap<number, string>;
  /** Properties whose phandles the driver core follows when it adds a device, with their `#...-cells`. */
  readonly suppliers: ReadonlyMap<string, string>;
  /** Whether user space can send SCMI messages itself. */
  readonly rawMode: RawMode;
}

/** Newest version of each protocol that the kernels know, for negotiation. */
export const knownProtocolVersion: ReadonlyMap<number, number> = new Map([
  [protocolId.base, 0x20001],
  [protocolId.powerDomain, 0x30001],
  [protocolId.clock, 0x30000],
  [protocolId.resetDomain, 0x30001],
  [protocolId.pinControl, 0x10000],
]);

/** SCMI drivers that a kernel may have beside those that come with the protocol by default. */
const optionalDrivers = ['pinctrl'] as const;
export type OptionalDriver = (typeof optionalDrivers)[number];

/**
 * @param version kernel series, as scenarios name it
 * @param drivers what its configuration has beside the default; a series that lacks the driver passes it over
 * @param rawMode what its configuration has of SCMI raw mode; a series that lacks it passes it over
 */
export function kernelVersion(
  version: LinuxVersion,
  drivers: readonly OptionalDriver[] = [],
  rawMode: RawMode = 'none',
): KernelVersion {
  const kernel = kernels[version];
  const more = drivers
    .map(each => optional[each])
    .filter(({ missingIn }) => !missingIn.includes(version))
    .map(({ protocol, driver }) => [protocol, driver] as const);
  return {
    ...kernel,
    drivers: new Map([...kernel.drivers, ...more]),
    rawMode: beforeRawMode.has(version) ? 'none' : rawMode,
  };
}

/** Kconfig of drivers/clk, drivers/reset and drivers/pmdomain/arm: `default ARM_SCMI_PROTOCOL`. */
const defaultDrivers: ReadonlyMap<number, string> = new Map([
  [protocolId.powerDomain, 'scmi-power-domain'],
  [protocolId.clock, 'scmi-clocks'],
  [protocolId.resetDomain, 'scmi-reset'],
]);

const optional: Readonly<
  Record<
    OptionalDriver,
    { readonly protocol: number; readonly driver: string; readonly missingIn: readonly LinuxVersion[] }
  >
> = {
  // CONFIG_PINCTRL_SCMI, since Linux 6.10.
  pinctrl: { protocol: protocolId.pinControl, driver: 'scmi-pinctrl', missingIn: ['6.1'] },
};

/** CONFIG_ARM_SCMI_RAW_MODE_SUPPORT is there since Linux 6.3. */
const beforeRawMode: ReadonlySet<LinuxVersion> = new Set(['6.1']);

const suppliers: ReadonlyArray<readonly [string, string]> = [
  ['clocks', '#clock-cells'],
  ['interconnects', '#interconnect-cells'],
  ['iommus', '#iommu-cells'],
  ['mboxes', '#mbox-cells'],
  ['dmas', '#dma-cells'],
  ['power-domains', '#power-domain-cells'],
  ['phys', '#phy-cells'],
  ['resets', '#reset-cells'],
];

const kernels: Readonly<Record<LinuxVersion, Omit<KernelVersion, 'rawMode'>>> = {
  '6.1': {
    version: '6.1',
    release: '6.1.0-50-arm64',
    compatibles: ['arm,scmi-smc'],
    verifiesPowerState: true,
    transportDevices: false,
    timeoutLine: undefined,
    asksForNotifications: false,
    disablesUnusedClocks: false,
    assumesVersion: false,
    minimumShmemSize: 0,
    namesErrors: false,
    namesFailedChannel: false,
    quirks: [],
    requestedProtocols: [protocolId.powerDomain],
    drivers: defaultDrivers,
    suppliers: new Map(suppliers),
  },
  '6.12': {
    version: '6.12',
    release: '6.12.107+deb13-arm64',
    compatibles: ['arm,scmi-smc', 'arm,scmi-smc-param'],
    verifiesPowerState: false,
    transportDevices: true,
    timeoutLine: 'SCMI max-rx-timeout: 30ms',
    asksForNotifications: true,
    disablesUnusedClocks: true,
    assumesVersion: false,
    minimumShmemSize: 0,
    namesErrors: true,
    namesFailedChannel: true,
    quirks: [],
    requestedProtocols: [],
    drivers: defaultDrivers,
    suppliers: new Map([...suppliers, ['access-controllers', '#access-controller-cells']]),
  },
  '7.2': {
    version: '7.2',
    release: '7.2.13+deb14-arm64',
    compatibles: ['arm,scmi-smc', 'arm,scmi-smc-param'],
    verifiesPowerState: false,
    transportDevices: true,
    timeoutLine: 'SCMI max-rx-timeout: 30ms / max-msg-size: 104bytes / max-msg: 20',
    asksForNotifications: true,
    disablesUnusedClocks: true,
    assumesVersion: true,
    minimumShmemSize: 128,
    namesErrors: true,
    namesFailedChannel: true,
    quirks: ['Enabling SCMI Quirk [quirk_clock_rates_triplet_out_of_spec]'],
    requestedProtocols: [],
    drivers: defaultDrivers,
    suppliers: new Map([...suppliers, ['access-controllers', '#access-controller-cells']]),
  },
};
