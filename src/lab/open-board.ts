/** A board of the lab, ready for a run. Nothing above this knows whether it is virtual. */
import type { BoardType } from '../board/board-type.ts';
import type { FirmwareProfile } from '../model/scmi/profile.ts';
import type { Claim } from './claims.ts';
import type { BoardWithDrivers } from './drivers/board.ts';
import type { HeldPlace } from './acquire-place.ts';
import type { LabPower } from './lab-power.ts';

export interface OpenBoard extends BoardWithDrivers {
  /** Parts that other controllers of this machine can use too; absent: the board is made by and for this one. */
  readonly shared?: {
    readonly claims: readonly Claim[];
    readonly power: LabPower;
    /** The place of a farm that it is. */
    readonly held?: HeldPlace | undefined;
  };
}

/**
 * Software that is flashed or built for a run. A virtual board gets it; a physical one has its own; an emulated one
 * tells its own firmware the faults.
 */
export interface Software {
  readonly firmware: { readonly profile: FirmwareProfile; readonly faults: readonly string[] };
  readonly xen: BoardType['xen'];
  readonly linux: BoardType['linux'];
  readonly linuxRawMode?: BoardType['linuxRawMode'];
}
