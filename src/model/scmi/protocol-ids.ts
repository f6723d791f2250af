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
