/** Requests for the firmware's resources in a walk: one resource per device, on and off. */
import type { Firmware } from '../../model/scmi/firmware.ts';
import type { FirmwareProfile } from '../../model/scmi/profile.ts';
import { protocolId } from '../../model/scmi/protocol-ids.ts';
import type { OutgoingMessage } from '../../model/scmi/shared-memory.ts';

export interface Resource {
  /** `reset 1` */
  readonly name: string;
  readonly kind: 'powerDomains' | 'resets' | 'pins' | 'clocks';
  readonly id: number;
  /** Device that brings it; null: none does, nobody controls it. */
  readonly device: number | null;
  /** The two messages that change it, by what they do. */
  readonly uses: readonly Use[];
}

interface Use {
  /** `RESET assert` */
  readonly name: string;
  readonly message: OutgoingMessage;
  /** Whether the caller takes something, or gives it back. */
  readonly takes: boolean;
}

/** @param devices ids of the devices that are explored */
export function exploredResources(profile: FirmwareProfile, devices: readonly number[]): Resource[] {
  const controlled = devices.flatMap(id => {
    const device = profile.devices.find(each => each.id === id);
    const kind = device && kinds.find(each => device[each].length > 0 && isServed(profile, each));
    const first = kind === undefined ? undefined : device?.[kind][0];
    return kind === undefined || first === undefined ? [] : [resource(kind, first, id)];
  });
  if (controlled.length > 0) return controlled;
  return kinds.flatMap(kind => {
    const first = isServed(profile, kind) ? firstOf(profile, kind) : undefined;
    return first === undefined ? [] : [resource(kind, first, null)];
  });
}

/** The state of a resource as a text that is the same whenever the state is. */
export function resourceState(firmware: Firmware, { kind, id }: Resource): string {
  switch (kind) {
    case 'powerDomains': {
      const domain = firmware.powerDomain(id);
      return `${domain?.on === true ? 'on' : 'off'}, ${domain?.users ?? 0} users`;
    }
    case 'resets':
      return firmware.isResetAsserted(id) ? 'asserted' : 'deasserted';
    case 'pins':
      return `requested by ${firmware.pin(id)?.requestedBy ?? 'nobody'}`;
    default:
      return firmware.clock(id)?.enabled === true ? 'running' : 'stopped';
  }
}

function resource(kind: Resource['kind'], id: number, device: number | null): Resource {
  return { name: `${names[kind]} ${id}`, kind, id, device, uses: usesOf[kind](id) };
}

function isServed({ protocols }: FirmwareProfile, kind: Resource['kind']): boolean {
  return protocols.has(protocolOf[kind]);
}

/** The first that a domain may well change: neither a hole in the table nor one that is always on. */
function firstOf(profile: FirmwareProfile, kind: Resource['kind']): number | undefined {
  if (kind === 'pins') return profile.pins?.pins.length === 0 ? undefined : 0;
  const all: readonly { readonly id: number; readonly name: string; readonly alwaysOn?: boolean }[] =
    profile[kind];
  return all.find(({ name, alwaysOn }) => alwaysOn !== true && !name.startsWith('reserved'))?.id;
}

const kinds = ['powerDomains', 'resets', 'pins', 'clocks'] as const;
const names = { powerDomains: 'power domain', resets: 'reset', pins: 'pin', clocks: 'clock' } as const;
const protocolOf = {
  powerDomains: protocolId.powerDomain,
  resets: protocolId.resetDomain,
  pins: protocolId.pinControl,
  clocks: protocolId.clock,
} as const;

const OFF = 0x4000_0000;
const ASSERT = 2;

/** Message ids and payloads: SCMI specification sections 4.3.2.5, 4.8.2.5, 4.11.2.8 and 9, 4.6.2.8. */
const usesOf: Readonly<Record<Resource['kind'], (id: number) => readonly Use[]>> = {
  powerDomains: id => [
    use('POWER_STATE_SET on', protocolId.powerDomain, 0x4, [0, id, 0], true),
    use('POWER_STATE_SET off', protocolId.powerDomain, 0x4, [0, id, OFF], false),
  ],
  resets: id => [
    use('RESET assert', protocolId.resetDomain, 0x4, [id, ASSERT, 0], true),
    use('RESET deassert', protocolId.resetDomain, 0x4, [id, 0, 0], false),
  ],
  pins: id => [
    use('PINCTRL_REQUEST', protocolId.pinControl, 0x7, [id, 0], true),
    use('PINCTRL_RELEASE', protocolId.pinControl, 0x8, [id, 0], false),
  ],
  clocks: id => [
    use('CLOCK_CONFIG_SET on', protocolId.clock, 0x7, [id, 1], true),
    use('CLOCK_CONFIG_SET off', protocolId.clock, 0x7, [id, 0], false),
  ],
};

function use(name: string, protocol: number, message: number, words: readonly number[], takes: boolean): Use {
  return { name, message: { protocol, message, words }, takes };
}
