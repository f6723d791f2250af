/** The SCMI driver on one node (scmi_probe of drivers/firmware/arm_scmi/driver.c). */
import { nodeReg } from '../dt/address.ts';
import type { DeviceTree, DtNode } from '../dt/tree.ts';
import type { Reason } from '../trace/observation.ts';
import { protocolId } from '../scmi/protocol-ids.ts';
import type { GuestMachine } from '../xen/guest.ts';
import { errno, errorName } from './errno.ts';
import type { KernelLog } from './kernel-log.ts';
import { type KernelVersion, knownProtocolVersion } from './kernel-version.ts';
import { isAvailable } from './platform-devices.ts';
import { RawInterface } from './raw-mode.ts';
import { discoverAgents, readRevision, type ScmiRevision } from './scmi-base.ts';
import { ScmiChannel } from './scmi-channel.ts';

/** A protocol for which there is a device on the scmi_protocol bus. */
export interface ScmiProtocol {
  readonly id: number;
  /** Name of the driver: `scmi-clocks`. */
  readonly driver: string;
  /** Name of the device on the bus: `scmi_dev.2`. */
  readonly device: string;
  readonly node: DtNode;
}

/** An SCMI instance that is up. */
export interface ScmiInstance {
  readonly node: DtNode;
  /** Device that the driver is bound to: `arm-scmi.0.auto`, `firmware:scmi`. */
  readonly device: string;
  readonly channel: ScmiChannel;
  readonly revision: ScmiRevision;
  /** The bus's devices that belong to it, the transport's own included. */
  readonly busDevices: readonly string[];
  readonly protocols: readonly ScmiProtocol[];
}

export interface ScmiProbe {
  readonly machine: GuestMachine;
  readonly kernel: KernelVersion;
  readonly log: KernelLog;
  readonly node: DtNode;
  /** Name of the device that the driver is bound to. */
  readonly device: string;
  /** Number of the next device on the scmi_protocol bus, counted from 1. */
  readonly nextBusDevice: number;
  /** Number of the instance, counted from 0. */
  readonly instanceNumber: number;
}

/** Result of a probe. */
export interface ProbedScmi {
  /** Absent where the probe failed: the log then has the error. */
  readonly instance?: ScmiInstance;
  /** Messages by hand, where there is a channel; whether the kernel offers it is a matter of its `rawMode`. */
  readonly raw?: RawInterface;
}

/**
 * Brings an instance up to the point where the protocols' drivers are bound.
 *
 * @throws GuestAbort where the shared memory is not the domain's
 */
export function probeScmi(probe: ScmiProbe): ProbedScmi {
  const { kernel } = probe;
  if (kernel.transportDevices) say(probe, 'Using scmi_smc_transport', begins);
  if (kernel.timeoutLine !== undefined) say(probe, kernel.timeoutLine, begins);
  const busDevice = `scmi_dev.${probe.nextBusDevice}`;
  const channelDevice = kernel.transportDevices ? `scmi_protocol ${busDevice}` : owner(probe);
  const channel = setUpChannel(probe, channelDevice);
  if (typeof channel === 'number') {
    if (kernel.namesFailedChannel) say(probe, 'failed to setup channel for protocol:0x10', noChannel);
    fail(probe, channel, kernel.namesErrors ? 'failed to setup channels' : undefined, noChannel);
    return {};
  }
  print(probe, `${channelDevice}: Enabled polling mode TX channel - prot_id:16`, begins);
  const raw = new RawInterface(probe.node.name, channel, text => say(probe, text, byHand));
  const own = kernel.transportDevices ? [busDevice] : [];
  if (kernel.rawMode === 'exclusive') {
    say(probe, rawModeLine(probe), noDrivers);
    const { node, device } = probe;
    return {
      raw,
      instance: { node, device, channel, revision: nothingAsked, protocols: [], busDevices: own },
    };
  }
  if (kernel.rawMode === 'coexisting') sayRawMode(probe);
  say(probe, 'SCMI Notifications - Core Enabled.', begins);
  const revision = startBase(probe, channel);
  if (typeof revision === 'number') {
    const what = 'unable to communicate with SCMI';
    if (kernel.rawMode === 'coexisting') say(probe, what, noAnswer);
    else fail(probe, revision, what, noAnswer);
    return { raw };
  }
  const firstProtocol = probe.nextBusDevice + (kernel.transportDevices ? 1 : 0);
  const protocols = protocolDevices(probe, revision, firstProtocol);
  const busDevices = [...own, ...protocols.map(each => each.device)];
  const { node, device } = probe;
  return { raw, instance: { node, device, channel, revision, protocols, busDevices } };
}

/**
 * Asks a protocol for its version, as its driver does first.
 *
 * @returns the version word, or the negative errno with which the protocol cannot be used
 */
export function protocolVersion(probe: ScmiProbe, channel: ScmiChannel, protocol: number): number {
  const { error, words } = channel.send(protocol, protocolVersionMessage);
  const known = knownProtocolVersion.get(protocol) ?? 0;
  if (error === 0) {
    const version = words[0] ?? 0;
    if (probe.kernel.asksForNotifications && version > known)
      negotiate(probe, channel, protocol, version, known);
    return version;
  }
  if (!probe.kernel.assumesVersion) return error;
  say(probe, `Failed to query supported version for protocol ${hex(protocol)}.`, noAnswer);
  say(probe, `Trying version ${hex(known)}. Backward compatibility is NOT assured.`, noAnswer);
  return known;
}

/** Prints that a protocol's driver could not be bound, as the driver core does. */
export function sayDriverFailed(probe: ScmiProbe, { driver, device }: ScmiProtocol, error: number): void {
  const text = probe.kernel.namesErrors
    ? `${driver} ${device}: probe with driver ${driver} failed with error ${error}`
    : `${driver}: probe of ${device} failed with error ${error}`;
  print(probe, text, {
    rule: 'linux.scmi.protocol-failed',
    because: 'firmware refuses the protocol to this domain',
  });
}

/** Prints what a protocol's driver, or the instance on its behalf, says of its failure. */
export function sayOfProtocol(
  probe: ScmiProbe,
  { driver, device }: ScmiProtocol,
  who: 'instance' | 'driver',
  text: string,
): void {
  const why: Why = {
    rule: 'linux.scmi.protocol-answer',
    because: `firmware's answer is none that ${driver} can use`,
  };
  if (who === 'instance') say(probe, text, why);
  else print(probe, `${driver} ${device}: ${text}`, why);
}

const protocolVersionMessage = 0x0;
const negotiateVersionMessage = 0x10;

type Why = Omit<Reason, 'place'>;

const begins: Why = {
  rule: 'linux.scmi.probe',
  because: "the domain's tree has an enabled arm,scmi-smc node",
};
const noChannel: Why = {
  rule: 'linux.scmi.no-channel',
  because: 'the SCMI node has no usable shared memory or no function id',
};
const noAnswer: Why = {
  rule: 'linux.scmi.no-answer',
  because: 'the call with the function id of the SCMI node is not served for this domain',
};
const byHand: Why = { rule: 'linux.scmi.raw', because: 'somebody uses SCMI raw mode in the domain' };
const noDrivers: Why = {
  rule: 'linux.scmi.raw-mode',
  because: 'the kernel has SCMI raw mode, and no SCMI driver beside it',
};
const answered: Why = {
  rule: 'linux.scmi.up',
  because: 'firmware answers on the channel that the SCMI node names',
};

/** Attributes of the device if the Base protocol was never asked. */
const nothingAsked: ScmiRevision = {
  version: 0,
  vendor: '',
  subVendor: '',
  implementationVersion: 0,
  protocols: [],
  agents: 0,
};

/** All else is as in a kernel without raw mode, so nobody has to see these. */
function sayRawMode(probe: ScmiProbe): void {
  const why: Why = {
    rule: 'linux.scmi.raw-mode',
    because: 'the kernel has SCMI raw mode beside its drivers',
  };
  for (const text of [rawModeLine(probe), 'SCMI RAW Mode COEX enabled !']) {
    print(probe, `${owner(probe)}: ${text}`, why, 'only a kernel with SCMI raw mode says it');
  }
}

const rawModeLine = ({ instanceNumber }: ScmiProbe): string =>
  `SCMI RAW Mode initialized for instance ${instanceNumber}`;

/** drivers/firmware/arm_scmi/base.c, scmi_base_protocol_init: what the kernel says of a firmware that answers. */
export function revisionText(
  version: number,
  {
    vendor,
    subVendor,
    implementationVersion,
  }: Pick<ScmiRevision, 'vendor' | 'subVendor' | 'implementationVersion'>,
): string {
  const firmware = `'${vendor}:${subVendor}' Firmware version 0x${implementationVersion.toString(16)}`;
  return `SCMI Protocol v${version >>> 16}.${version & 0xffff} ${firmware}`;
}

function startBase(probe: ScmiProbe, channel: ScmiChannel): ScmiRevision | number {
  const version = protocolVersion(probe, channel, protocolId.base);
  if (version < 0) return version;
  const revision = readRevision(channel, version, text => say(probe, text, badList));
  if (typeof revision === 'number') return revision;
  say(probe, revisionText(version, revision), answered);
  discoverAgents(channel, revision.agents);
  for (const quirk of probe.kernel.quirks) say(probe, quirk, answered);
  return revision;
}

function setUpChannel(probe: ScmiProbe, device: string): ScmiChannel | number {
  const { machine, node, log } = probe;
  const shmem = shmemOf(machine.tree, node);
  if (shmem === undefined) return -errno.EINVAL;
  if (!shmem.isCompatible('arm,scmi-shmem')) return -errno.ENXIO;
  const resource = nodeReg(shmem);
  if (!resource.ok) {
    print(probe, `${device}: failed to get SCMI Tx shared memory`, noChannel);
    return -errno.EINVAL;
  }
  if (resource.size < probe.kernel.minimumShmemSize) {
    say(probe, 'misconfigured SCMI shared memory', noChannel);
    return -errno.ENOSPC;
  }
  if (resource.size === 0) {
    print(probe, `${device}: failed to ioremap SCMI Tx shared memory`, noChannel);
    return -errno.EADDRNOTAVAIL;
  }
  const functionId = node.u32('arm,smc-id');
  if (functionId === undefined) return -errno.EINVAL;
  const size = Math.min(resource.size, largestMessage);
  return new ScmiChannel(machine, log, {
    functionId,
    shmem: resource.address,
    size,
    device,
    node: node.path,
  });
}

/** Bytes of shared memory that the SMC transport uses. */
const largestMessage = 128;

function shmemOf(tree: DeviceTree, node: DtNode): DtNode | undefined {
  const phandle = node.u32('shmem');
  return phandle === undefined ? undefined : tree.byPhandle(phandle);
}

/** One device for each protocol of the tree that firmware lists and a built-in driver asks for. */
function protocolDevices(probe: ScmiProbe, revision: ScmiRevision, firstDevice: number): ScmiProtocol[] {
  const devices: ScmiProtocol[] = [];
  const seen = new Set<number>();
  for (const node of probe.node.children) {
    const id = node.u32('reg');
    if (id === undefined || !isAvailable(node)) continue;
    if (id > 0xff) {
      say(probe, `Out of range protocol ${id}`, badProtocol);
    } else if (!revision.protocols.includes(id)) {
      say(probe, `SCMI protocol ${id} not implemented`, notListed);
    } else if (seen.has(id)) {
      say(probe, `SCMI protocol ${id} already activated. Skip`, badProtocol);
    } else {
      seen.add(id);
      const driver = probe.kernel.drivers.get(id);
      if (driver === undefined) continue;
      devices.push({ id, driver, node, device: `scmi_dev.${firstDevice + devices.length}` });
    }
  }
  return devices;
}

const badList: Why = {
  rule: 'linux.scmi.protocol-list',
  because: "firmware's list of protocols has another length than its number of protocols asks for",
};
const badProtocol: Why = {
  rule: 'linux.scmi.protocol-node',
  because: 'a protocol node has a reg that cannot be used',
};
const notListed: Why = {
  rule: 'linux.scmi.protocol-not-listed',
  because: 'the tree has a protocol that firmware does not list for this agent',
};

function negotiate(
  probe: ScmiProbe,
  channel: ScmiChannel,
  protocol: number,
  version: number,
  known: number,
): void {
  const why: Why = { rule: 'linux.scmi.version', because: 'firmware speaks a newer version than the kernel' };
  if (channel.send(protocol, negotiateVersionMessage, [known]).error === 0) {
    say(probe, `Protocol ${hex(protocol)} successfully negotiated version ${hex(known)}`, why);
    return;
  }
  say(probe, `Detected UNSUPPORTED higher version ${hex(version)} for protocol ${hex(protocol)}.`, why);
  say(probe, `Trying version ${hex(known)}. Backward compatibility is NOT assured.`, why);
}

function fail(probe: ScmiProbe, error: number, what: string | undefined, why: Why): void {
  const { kernel, device } = probe;
  if (kernel.namesErrors) {
    if (what !== undefined) say(probe, `error ${errorName(error)}: ${what}`, why);
    say(probe, `probe with driver arm-scmi failed with error ${error}`, why);
  } else {
    if (what !== undefined) say(probe, what, why);
    print(probe, `arm-scmi: probe of ${device} failed with error ${error}`, why);
  }
}

function say(probe: ScmiProbe, text: string, why: Why): void {
  print(probe, `${owner(probe)}: ${text}`, why);
}

function owner(probe: ScmiProbe): string {
  return `arm-scmi ${probe.device}`;
}

function print({ log, node }: ScmiProbe, text: string, why: Why, optional?: string): void {
  log.print(text, { ...why, place: node.path }, [], optional);
}

function hex(value: number): string {
  return `0x${value.toString(16).toUpperCase()}`;
}
