import type { PhysicalMemory } from '../scmi/memory.ts';
import type { Ram } from './heap.ts';

/** The machine under Xen, as far as SCMI needs it. */
export interface Machine {
  readonly memory: PhysicalMemory;
  /** RAM of the machine; absent: what the tree that Xen is started with says. */
  readonly ram?: Ram | undefined;
  /** SMC Calling Convention that EL3 reports: major << 16 | minor. */
  readonly smcccVersion: number;
  /**
   * An SMC to EL3; other registers than x0 carry nothing for SCMI.
   * @returns x0 as a signed 32-bit number
   */
  smc(functionId: number): number;
}

/** ARM_SMCCC_VERSION_1_1 (xen/arch/arm/include/asm/smccc.h). */
export const SMCCC_1_1 = 0x1_0001;
/** ARM_SMCCC_INVALID_PARAMETER. */
export const SMCCC_INVALID_PARAMETER = -3;
/** ARM_SMCCC_ERR_UNKNOWN_FUNCTION. */
export const SMCCC_UNKNOWN_FUNCTION = -1;
