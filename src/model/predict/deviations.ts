/** Parts of a machine in another form than the right one. Mutants are made of them (src/trials/mutants). */
import type { DeviceTree } from '../dt/tree.ts';
import type { Answer } from '../scmi/entry.ts';
import type { FirmwareProfile } from '../scmi/profile.ts';
import type { Domctl } from '../xen/domctl.ts';
import type { GuestMachine } from '../xen/guest.ts';
import type { Hypervisor, HypervisorParts } from '../xen/hypervisor.ts';
import type { Toolstack, ToolstackOptions } from '../xl/xl.ts';

/** Each makes of the right part the one that is used; absent: the right one is. */
export interface Deviations {
  /** The handler of SCMI messages in firmware. */
  readonly answer?: (right: Answer) => Answer;
  /** Tables of the firmware. */
  readonly profile?: (right: FirmwareProfile) => FirmwareProfile;
  /** EL3's answer to an SMC of anybody: x0 by function id. */
  readonly smc?: (right: (functionId: number) => number) => (functionId: number) => number;
  readonly hypervisor?: Partial<HypervisorParts>;
  /** Xen's domctls, as the toolstack meets them. */
  readonly domctl?: (right: Domctl, hypervisor: Hypervisor) => Domctl;
  readonly Toolstack?: typeof Toolstack;
  readonly armSci?: NonNullable<ToolstackOptions['armSci']>;
  /** The machine as the kernel of a domain uses it; `hostTree` is what Xen was started with. */
  readonly guest?: (right: GuestMachine, hostTree: DeviceTree) => GuestMachine;
}
