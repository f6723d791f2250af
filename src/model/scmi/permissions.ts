import type { DeviceProfile } from './profile.ts';
import type { Server } from './protocol.ts';
import { status } from './status.ts';

/** The kinds of resource that a device brings with it. */
export type ResourceKind = 'clocks' | 'resets' | 'powerDomains' | 'pins';

/** Whether an agent may change a resource. */
export function mayUse(server: Server, agent: number, kind: ResourceKind, id: number): boolean {
  if (server.profile.permissions === 'none' || agent === server.privilegedAgent) return true;
  return devicesWith(server.profile.devices, kind, id).some(
    device => device.owner === 'shared' || server.state.grants.get(device.id)?.has(agent) === true,
  );
}

type DevicesById = ReadonlyMap<number, readonly DeviceProfile[]>;

const byResource = new WeakMap<readonly DeviceProfile[], Map<ResourceKind, DevicesById>>();

/** Devices of a profile that bring a resource with them; worked out once for each profile. */
function devicesWith(
  all: readonly DeviceProfile[],
  kind: ResourceKind,
  id: number,
): readonly DeviceProfile[] {
  const kinds = byResource.get(all) ?? new Map<ResourceKind, DevicesById>();
  const devices = kinds.get(kind) ?? devicesById(all, kind);
  byResource.set(all, kinds.set(kind, devices));
  return devices.get(id) ?? [];
}

function devicesById(all: readonly DeviceProfile[], kind: ResourceKind): DevicesById {
  const devices = new Map<number, DeviceProfile[]>();
  for (const device of all) {
    for (const id of new Set(device[kind])) devices.set(id, [...(devices.get(id) ?? []), device]);
  }
  return devices;
}

/**
 * SET_DEVICE_PERMISSIONS once its arguments are known to be valid.
 *
 * Source: TF-A plat/rpi/rpi5/scmi/scmi_policy.c plat_scmi_device_permission; the reference firmware
 * has fixed owners besides.
 *
 * @returns The SCMI status.
 */
export function setDevicePermission(
  server: Server,
  agent: number,
  device: DeviceProfile,
  allow: boolean,
): number {
  const { owners, grants } = server.state;
  const owner = owners.get(device.id);
  if (device.owner === 'firmware') return status.DENIED;
  if (device.owner === 'shared') return status.SUCCESS;
  if (owner !== undefined && owner !== agent) {
    if (allow || server.quirks.has('deny-refused-for-others-device')) return status.DENIED;
    if (server.quirks.has('deny-clears-any-owner')) owners.delete(device.id);
    grants.get(device.id)?.delete(agent);
    return status.SUCCESS;
  }
  if (allow) {
    owners.set(device.id, agent);
    grants.get(device.id)?.add(agent);
  } else {
    owners.delete(device.id);
    grants.get(device.id)?.delete(agent);
  }
  return status.SUCCESS;
}

/** Takes an agent's devices from it; what it holds without owning stays, as in TF-A's policy. */
export function dropPermissions(server: Server, agent: number): void {
  const { owners, grants, deniedProtocols } = server.state;
  for (const [device, owner] of owners) {
    if (owner !== agent) continue;
    owners.delete(device);
    grants.get(device)?.delete(agent);
  }
  deniedProtocols.delete(agent);
}
