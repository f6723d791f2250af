/** Takes a board for a run: by the controller's guard, where it has one. */
import type { OpenBoard } from '../open-board.ts';
import { holderOfBoard } from '../holder.ts';
import { type Reservation, reserve } from '../reservation.ts';
import type { Guard } from './guard.ts';

export interface TakeOptions {
  /** Purpose shown to others who want the board: the command line. */
  readonly command: string;
  /** Absent: a board whose controller is killed stays on. */
  readonly guard?: Pick<Guard, 'take'> | undefined;
  /** The run's, where its guard writes that the controller was killed. */
  readonly directory?: string;
}

/** @throws DriverError that says who holds it, or that there is no guard */
export function takeBoard(
  { name, type, shared }: OpenBoard,
  { command, guard, directory }: TakeOptions,
): Promise<Reservation> {
  const holder = { ...holderOfBoard(name, command), directory };
  const claims = shared?.claims ?? [];
  if (guard === undefined) return reserve(claims, holder);
  return guard.take({
    claims,
    holder,
    ...(directory !== undefined && { directory }),
    held: shared?.held,
    ...(shared !== undefined && { power: { setup: shared.power, deadline: type.deadlines.powerOff } }),
  });
}
