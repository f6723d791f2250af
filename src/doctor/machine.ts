/** Checks of this machine, for all boards. */
import { clockCheck } from './clock.ts';
import type { Check, Circumstances } from './check.ts';
import { diskCheck } from './disk.ts';
import { type LabAndBoards, labFileCheck } from './lab-file.ts';
import { programsCheck } from './programs.ts';
import { reservationsCheck } from './reservations.ts';

export function machineChecks(machine: Circumstances & LabAndBoards): Check[] {
  return [
    labFileCheck(machine),
    programsCheck(machine),
    diskCheck(machine),
    clockCheck(machine),
    reservationsCheck(),
  ];
}
