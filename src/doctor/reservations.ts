/** Reservations that a controller left behind when it was killed. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { holderOf } from '../lab/reservation.ts';
import type { Check, Circumstances } from './check.ts';
import { warning, ok } from './finding.ts';

const ending = '.hold';

export function reservationsCheck({ stateDirectory }: Pick<Circumstances, 'stateDirectory'>): Check {
  return {
    name: 'reservations',
    deadline: 5000,
    look: async () => {
      const directory = path.join(stateDirectory, 'boards');
      const names = (await readdir(directory).catch(() => []))
        .filter(name => name.endsWith(ending))
        .map(name => decodeURIComponent(name.slice(0, -ending.length)));
      const holders = await Promise.all(names.map(name => holderOf(name, stateDirectory)));
      const stale = names.filter((_, index) => holders[index] === undefined);
      const held = names.flatMap((name, index) => {
        const holder = holders[index];
        return holder === undefined
          ? []
          : [`${name} by ${holder.user}@${holder.host} (process ${holder.pid})`];
      });
      return [
        ok(held.length === 0 ? 'no board is reserved' : `reserved: ${held.join(', ')}`),
        ...stale.map(name =>
          warning(
            `${name} is reserved by a process that is gone`,
            `nothing: the next run takes it over; or rm ${path.join(directory, `${encodeURIComponent(name)}${ending}`)}`,
          ),
        ),
      ];
    },
  };
}
