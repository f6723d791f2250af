/** Messages between a controller and its guard: one JSON value a line. */
import type { Claim } from '../claims.ts';
import type { LabPower } from '../lab-power.ts';
import type { Holder } from '../holder.ts';
import type { HeldPlace } from '../acquire-place.ts';

/** A board as its guard needs it. */
export interface Guarded {
  readonly claims: readonly Claim[];
  readonly holder: Holder;
  /** Absent: the board is made by its controller, and gone with it. */
  readonly power?: {
    readonly setup: LabPower;
    /** Milliseconds for one attempt to switch off. */
    readonly deadline: number;
  };
  /** Place of a farm that it is, to be given back when it is off. */
  readonly held?: HeldPlace | undefined;
  /** Process that runs the board for the controller, and ends with it; absent: the controller does. */
  readonly worker?: number;
  /** The run's directory; absent: nothing is recorded. */
  readonly directory?: string;
}

export type GuardRequest =
  | { readonly number: number; readonly ask: 'take'; readonly board: Guarded }
  /** The board is off, or its controller has done what it could. */
  | { readonly number: number; readonly ask: 'release'; readonly taken: number };

export type GuardAnswer =
  | { readonly number: number; readonly done: true }
  | {
      readonly number: number;
      readonly failed: {
        readonly attempt: string;
        readonly why: string;
        readonly hint: string;
        /** Another process has the board. */
        readonly held: boolean;
      };
    };
