/** Firmware as a profile and the faults that it is given say it is. */
import { faultsByName } from '../scmi/faults.ts';
import type { AgentProfile, DeviceProfile, FirmwareProfile } from '../scmi/profile.ts';

export interface FirmwareFacts {
  readonly profile: FirmwareProfile;
  readonly privilegedAgent: number | null;
  hasBaseMessage(message: number): boolean;
  byFunctionId(functionId: number | undefined): AgentProfile | undefined;
  byId(id: number | undefined): AgentProfile | undefined;
  device(id: number | undefined): DeviceProfile | undefined;
}

/** Messages of the Base protocol that Xen sends (SCMI specification, section 4.2.2). */
export const baseMessage = {
  discoverAgent: 0x7,
  setDevicePermissions: 0x9,
  resetAgentConfiguration: 0xb,
} as const;

export function firmwareFacts({
  profile,
  faults: names,
}: {
  readonly profile: FirmwareProfile;
  readonly faults: readonly string[];
}): FirmwareFacts {
  const faults = faultsByName(names);
  const missing = faults.flatMap(fault => fault.missingBaseMessages ?? []);
  const privileged = faults.find(fault => fault.privilegedAgent !== undefined)?.privilegedAgent;
  return {
    profile,
    privilegedAgent: privileged ?? profile.privilegedAgent,
    hasBaseMessage: message => profile.baseMessages.includes(message) && !missing.includes(message),
    byFunctionId: functionId => profile.agents.find(agent => agent.functionId === functionId),
    byId: id => profile.agents.find(agent => agent.id === id),
    device: id =>
      profile.devicePolicy === 'none' ? undefined : profile.devices.find(device => device.id === id),
  };
}
