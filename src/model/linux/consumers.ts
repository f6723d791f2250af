/** Devices that hold a clock: those whose drivers are known and built in. */
import type { DeviceTree, DtNode } from '../dt/tree.ts';
import type { ClockTree } from './clock-tree.ts';
import type { KernelLog } from './kernel-log.ts';
import { deviceName } from './platform-devices.ts';
import type { ScmiInstance } from './scmi-driver.ts';
import { supplierEntries } from './suppliers.ts';

export interface ConsumerContext {
  readonly tree: DeviceTree;
  readonly devices: readonly DtNode[];
  readonly clocks: ClockTree;
  /** SCMI instances that are up. */
  readonly instances: readonly ScmiInstance[];
  readonly log: KernelLog;
  /** Switches an SCMI clock; 0 or a negative errno. */
  readonly enable: (id: number, enable: boolean) => number;
}

/**
 * Binds the drivers whose clocks are there. Called again when more suppliers have come up, it leaves alone
 * what is bound already.
 *
 * @returns names of the devices that are bound, and of those that wait for their clock
 */
export function bindConsumers(context: ConsumerContext): { bound: string[]; deferred: string[] } {
  const bound: string[] = [];
  const deferred: string[] = [];
  for (const device of context.devices) {
    const driver = drivers.find(each => device.isCompatible(each.compatible));
    if (driver === undefined) continue;
    const name = deviceName(device);
    if (isBound(context.clocks, name)) continue;
    const clock = clockOf(context, device);
    if (clock === 'missing') deferred.push(name);
    else {
      bound.push(name);
      if (clock !== 'none') hold(context, device, clock, driver.registered(name));
    }
  }
  return { bound, deferred };
}

/** Drivers of AMBA devices that make a clock busy; the bus itself switches it on and off once before. */
const drivers: ReadonlyArray<{ readonly compatible: string; readonly registered: (name: string) => string }> =
  [{ compatible: 'arm,pl031', registered: name => `rtc-pl031 ${name}: registered as rtc0` }];

interface FoundClock {
  readonly connection: string;
  /** Id at firmware; null for a fixed clock. */
  readonly scmiId: number | null;
  readonly name: string | undefined;
}

/** `none`: no clock, or a hole among firmware's (which a driver takes for a clock that is always on). */
function clockOf(context: ConsumerContext, device: DtNode): FoundClock | 'missing' | 'none' {
  const list = device.cells('clocks');
  if (list === undefined) return 'none';
  const names = device.strings('clock-names') ?? [];
  const entries = supplierEntries(context.tree, list, '#clock-cells');
  const index = Math.max(0, names.indexOf(busClock));
  const entry = entries[index] ?? entries.at(-1);
  const provider = entry?.node;
  if (entry === undefined || provider === undefined) return 'missing';
  const connection = names[index] ?? busClock;
  if (provider.isCompatible('fixed-clock')) {
    const name = provider.string('clock-output-names') ?? provider.name.split('@')[0];
    return { connection, scmiId: null, name };
  }
  const up = context.instances.some(each => each.protocols.some(protocol => protocol.node === provider));
  if (!up) return 'missing';
  const scmiId = entry.cells[0] ?? 0;
  const clock = context.clocks.ofScmi(scmiId);
  return clock === undefined ? 'none' : { connection, scmiId, name: clock.name };
}

/** Name under which an AMBA device's bus clock is looked up (drivers/amba/bus.c). */
const busClock = 'apb_pclk';

function hold(context: ConsumerContext, device: DtNode, found: FoundClock, registered: string): void {
  const clock = context.clocks.clocks.find(each => each.scmiId === found.scmiId && each.name === found.name);
  if (clock === undefined) return;
  clock.uses++;
  clock.consumers.unshift({ device: deviceName(device), connection: found.connection });
  if (found.scmiId === null) return;
  for (const enable of [true, false, true]) context.enable(found.scmiId, enable);
  context.log.print(registered, {
    rule: 'linux.clk.consumer',
    because: 'the device holds a clock that SCMI gives to the domain',
    place: device.path,
  });
}

function isBound(clocks: ClockTree, device: string): boolean {
  return clocks.clocks.some(clock => clock.consumers.some(each => each.device === device));
}
