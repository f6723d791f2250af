/** The driver's bugs in forwarding calls: who may ring what. */
import type { Domain } from '../../model/xen/domain.ts';
import { channelOf, Driver, mediator } from './driver.ts';
import type { Mutant } from './mutant.ts';

export const callMutants: readonly Mutant[] = [
  mediator(
    'forwards-any-function-id',
    'A domain that has a channel may ring any function id, not only that of its channel.',
    class extends Driver {
      override handleCall(domain: Domain, functionId: number): number | undefined {
        return channelOf(domain) === undefined ? undefined : this.context.machine.smc(functionId);
      }
    },
  ),
  mediator(
    'forwards-for-any-domain',
    'The function id of any channel in the list is forwarded, from every domain.',
    class extends Driver {
      override handleCall(_: Domain, functionId: number): number | undefined {
        const isListed = this.channels().some(channel => channel.functionId === functionId);
        return isListed ? this.context.machine.smc(functionId) : undefined;
      }
    },
  ),
  mediator(
    'forwards-64-bit-twin',
    'Only the low half of a function id is compared, so that the 64-bit twin of its own is forwarded too.',
    class extends Driver {
      override handleCall(domain: Domain, functionId: number): number | undefined {
        const own = channelOf(domain)?.functionId;
        const isTwin = own !== undefined && (own & 0xffff) === (functionId & 0xffff);
        return super.handleCall(domain, isTwin ? own : functionId);
      }
    },
  ),
  mediator(
    'forwards-only-for-dom0',
    "Guests' calls are not handled, as before there were agents for guests.",
    class extends Driver {
      override handleCall(domain: Domain, functionId: number): number | undefined {
        return domain.hardware ? super.handleCall(domain, functionId) : undefined;
      }
    },
  ),
  mediator(
    'forwards-only-for-guests',
    "Dom0's calls are not handled, as if it had to be given nothing.",
    class extends Driver {
      override handleCall(domain: Domain, functionId: number): number | undefined {
        return domain.hardware ? undefined : super.handleCall(domain, functionId);
      }
    },
  ),
  mediator(
    'refuses-in-silence',
    'A call that is not forwarded counts as handled with NOT_SUPPORTED, so that Xen reports nothing.',
    class extends Driver {
      override handleCall(domain: Domain, functionId: number): number {
        return super.handleCall(domain, functionId) ?? -1;
      }
    },
  ),
  mediator(
    'refuses-with-success',
    'A call that is not forwarded is answered with 0, as if firmware had done it.',
    class extends Driver {
      override handleCall(domain: Domain, functionId: number): number {
        return super.handleCall(domain, functionId) ?? 0;
      }
    },
  ),
];
