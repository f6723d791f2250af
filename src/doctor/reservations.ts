/** Boards that are held on this machine, by any user. */
import { allHolders } from '../lab/reservation.ts';
import type { Check } from './check.ts';
import { ok } from './finding.ts';

export function reservationsCheck(): Check {
  return {
    name: 'reservations',
    deadline: 30_000,
    look: async () => {
      const held = (await allHolders())
        .filter(({ pid }) => pid !== process.pid)
        .map(
          ({ board, user, host, pid, since, command }) =>
            `${board} by ${user}@${host} since ${since} (process ${pid}, ${command})`,
        );
      return [ok(held.length === 0 ? 'no board is reserved' : `reserved: ${held.join(', ')}`)];
    },
  };
}
