/**
 * Calls after which the probe says nothing more: Arm DEN0022 (PSCI), xen/arch/arm/vpsci.c. It has one CPU and no
 * interrupts, so nothing wakes it.
 */

/** @returns what the call is, where it does not come back to the probe */
export function callWithoutReturn(functionId: number): string | undefined {
  const id = functionId >>> 0;
  return id === 1 ? 'CPU_OFF of PSCI 0.1' : endings.get(id - (id >= SMC64_STANDARD ? SMC64 : 0));
}

const SMC64 = 0x4000_0000;
/** Fast calls of the standard secure service, 64 bits. */
const SMC64_STANDARD = 0xc400_0000;

const endings: ReadonlyMap<number, string> = new Map([
  [0x8400_0001, 'PSCI CPU_SUSPEND'],
  [0x8400_0002, 'PSCI CPU_OFF'],
  [0x8400_0008, 'PSCI SYSTEM_OFF'],
  [0x8400_0009, 'PSCI SYSTEM_RESET'],
  [0x8400_000b, 'PSCI CPU_FREEZE'],
  [0x8400_000c, 'PSCI CPU_DEFAULT_SUSPEND'],
  [0x8400_000e, 'PSCI SYSTEM_SUSPEND'],
  [0x8400_0012, 'PSCI SYSTEM_RESET2'],
]);
