/** Protocol ids of the SCMI specification, section 4.1.1. */
export const protocolId = {
  base: 0x10,
  powerDomain: 0x11,
  systemPower: 0x12,
  performance: 0x13,
  clock: 0x14,
  sensor: 0x15,
  resetDomain: 0x16,
  voltageDomain: 0x17,
  powercap: 0x18,
  pinControl: 0x19,
} as const;

/** What reports call a protocol; `protocol 0x80` for a vendor's. */
export function protocolName(id: number): string {
  return names.get(id) ?? `protocol 0x${id.toString(16)}`;
}

const names = new Map<number, string>([
  [protocolId.base, 'Base'],
  [protocolId.powerDomain, 'Power domain'],
  [protocolId.systemPower, 'System power'],
  [protocolId.performance, 'Performance'],
  [protocolId.clock, 'Clock'],
  [protocolId.sensor, 'Sensor'],
  [protocolId.resetDomain, 'Reset domain'],
  [protocolId.voltageDomain, 'Voltage domain'],
  [protocolId.powercap, 'Powercap'],
  [protocolId.pinControl, 'Pin control'],
]);
