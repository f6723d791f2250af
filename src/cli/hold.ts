/** Takes a board for a command. */
import { claimsOf } from '../lab/claims.ts';
import type { WiredBoard } from '../lab/load-lab.ts';
import { holderOfBoard } from '../lab/holder.ts';
import { type Reservation, reserve } from '../lab/reservation.ts';

/**
 * @param command what others are told that this does
 * @throws DriverError that says who holds the board
 */
export async function hold(entry: WiredBoard, command: string): Promise<Reservation> {
  return reserve(await claimsOf(entry), holderOfBoard(entry.name, command));
}
