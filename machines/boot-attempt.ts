import type { Fault } from './fault.ts';

/** Told to an attempt: the switch has turned. The console may have spoken before. */
export interface PoweredOn {
  readonly type: 'poweredOn';
}

/** How a part of one boot loader's attempt ends: without a fault, the next part may follow. */
export interface PartOutput {
  readonly fault: Fault | null;
  /** Whether a power cycle may hint the fault. */
  readonly retry: boolean;
}

/** How one boot loader's attempt ends: without a fault, the next line is that of what it started. */
export interface AttemptOutput extends PartOutput {
  /** Whether the hand-over was seen by Xen's own banner. */
  readonly xenSeen: boolean;
}
