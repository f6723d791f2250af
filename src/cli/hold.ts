/** Takes a board for a command, and says whose hold it took over. */
import { type Reservation, reserve, stateDirectory } from '../lab/reservation.ts';
import type { CliProcess } from './command.ts';

/**
 * @param command what others are told that this does
 * @throws DriverError that says who holds the board
 */
export async function hold(
  board: string,
  command: string,
  { env, stderr }: CliProcess,
): Promise<Reservation> {
  const reservation = await reserve(board, { directory: stateDirectory(env), command });
  const { tookOver } = reservation;
  if (tookOver !== undefined) {
    stderr.write(`${board}: process ${tookOver.pid} (${tookOver.command}) held it and is gone\n`);
  }
  return reservation;
}
