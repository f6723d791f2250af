/** Operations of a domain's kernel on the machine under it. */
import type { DeviceTree } from '../dt/tree.ts';

export interface GuestMachine {
  readonly domid: number;
  /** The tree that the domain was given (for Dom0: the host's without what Xen kept). */
  readonly tree: DeviceTree;
  /** SMC or HVC; x0 as a signed 32-bit number (0, -1 NOT_SUPPORTED, -3 INVALID_PARAMETER). */
  smc(functionId: number): number;
  /** Words of guest physical memory. Throws `GuestAbort` where nothing is mapped. */
  readU32(address: number): number;
  writeU32(address: number, value: number): void;
}

/** The access that no mapping answers: a stage 2 fault, a secure page, a hole. */
export class GuestAbort extends Error {
  readonly address: number;

  constructor(address: number, what: string) {
    super(what);
    this.name = 'GuestAbort';
    this.address = address;
  }
}
