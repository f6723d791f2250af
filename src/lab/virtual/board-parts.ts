/** Parts of a virtual board: its lines to the outside, and the software on it. */
import type { BoardType } from '../../board/board-type.ts';
import type { Deviations } from '../../model/predict/deviations.ts';
import type { FirmwareProfile } from '../../model/scmi/profile.ts';
import type { VirtualNetwork } from './boot/handover.ts';
import type { Mishaps } from './mishaps.ts';
import type { SshIdentityOfBoard } from './ssh-keys.ts';
import type { SshPort } from './ssh-server.ts';
import type { Uart } from './uart.ts';

export interface VirtualBoardParts {
  readonly type: BoardType;
  readonly firmware: { readonly profile: FirmwareProfile; readonly faults: readonly string[] };
  readonly mishaps: Mishaps;
  /** The bug of its firmware, Xen, toolstack or kernels; absent: none. */
  readonly deviations?: Deviations;
  readonly uart: Uart;
  /** The firmware's own, where it has one. */
  readonly firmwareUart?: Uart;
  readonly network: VirtualNetwork;
  readonly ssh: SshPort;
  readonly keys: SshIdentityOfBoard;
  /** Last eight digits of a Raspberry Pi's serial number. */
  readonly serial: string;
}
