import type { Context } from './context.ts';
import type { Domain } from './domain.ts';
import { SMCCC_UNKNOWN_FUNCTION } from './machine.ts';
import type { Sci } from './sci.ts';

/**
 * vsmccc_handle_call(): an SMC or HVC of a domain. The SCI subsystem is asked for ids of the SiP; what Xen does
 * with those of other owners (PSCI and its like) is not modelled: they count as unhandled.
 * @returns x0 as a signed 32-bit number
 */
export function handleSmc(context: Context, sci: Sci, domain: Domain, functionId: number): number {
  const id = functionId >>> 0;
  const sip = ownerOf(id) === OWNER_SIP && id > RESERVED_RANGE_END;
  const result = sip ? sci.handleCall(domain, id) : undefined;
  if (result !== undefined) return result;
  const words = sci.mediator === null ? 'no mediator is registered' : whyNot(domain);
  context.console.printk(
    'vsmc.unhandled',
    [domain.domid, id],
    { because: `${domain.name} calls 0x${id.toString(16)}: ${words}`, domid: domain.domid },
    domain.domid,
  );
  return SMCCC_UNKNOWN_FUNCTION;
}

function whyNot(domain: Domain): string {
  return domain.sciEnabled ? 'that is not the function id of its channel' : 'it has no channel';
}

const ownerOf = (functionId: number): number => (functionId >>> 24) & 0x3f;
const OWNER_SIP = 2;
/** ARM_SMCCC_RESERVED_RANGE_END: ids up to here are of calls older than the convention. */
const RESERVED_RANGE_END = 0x0100_ffff;
