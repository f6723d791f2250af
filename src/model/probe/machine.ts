import type { GuestMachine } from '../xen/guest.ts';

/** The machine of the probe, as far as the model knows it. */
export interface ProbeMachine extends Pick<GuestMachine, 'readU32' | 'writeU32'> {
  readonly exceptionLevel: 1 | 2;
  /** Where its UART is. */
  readonly uart: number;
  /** The conduit that its device tree's /psci asks for. */
  readonly conduit: 'smc' | 'hvc';
  /** x0 as a signed 32-bit number. */
  call(functionId: number): number;
  /** Why it is not known what a call does; undefined where it is. */
  callUnknown(conduit: 'smc' | 'hvc', functionId: number): string | undefined;
  /** Why it is not known whether an access to this word succeeds; undefined where it is. */
  accessUnknown(address: number): string | undefined;
  /** Whether it is known what stands in a word that can be read. */
  isContentKnown(address: number): boolean;
}
