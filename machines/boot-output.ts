import type { Fault } from './fault.ts';

/** How a boot loader's machine ends: without a fault, the next line is Xen's. */
export interface BootOutput {
  readonly fault: Fault | null;
  /** Power-ons that it took. */
  readonly attempts: number;
  /** Whether the hand-over was seen by Xen's own banner. */
  readonly xenSeen: boolean;
}
