import type { GuestMachine } from '../../model/xen/guest.ts';

/** A domain's machine with some of it in another form. */
export function machineWith(right: GuestMachine, other: Partial<GuestMachine>): GuestMachine {
  return {
    domid: right.domid,
    tree: right.tree,
    smc: functionId => right.smc(functionId),
    readU32: address => right.readU32(address),
    writeU32: (address, value) => right.writeU32(address, value),
    ...other,
  };
}
