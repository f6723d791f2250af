/** The faults that a virtual board, and the lab around it, can be told to have. */
import type { VirtualFaults } from './virtual/faults.ts';
import { faultNamed, faultTable, type NamedFault } from './virtual/fault-table.ts';
import type { BoardType, Deadlines } from '../board/board-type.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { hintAt } from '../config/nearest-name.ts';

export { faultTable, type NamedFault } from './virtual/fault-table.ts';
export { fullDisk } from './virtual/full-disk.ts';
export type { VirtualFaults } from './virtual/faults.ts';

/** Deadlines of a virtual board, where events come at once or never. In milliseconds. */
export const faultDeadlines: Deadlines = {
  powerOff: 1500,
  powerOn: 1500,
  firstOutput: 2500,
  bootLoader: 5000,
  transferStall: 1500,
  deploy: 12_000,
  xenBanner: 5000,
  dom0: 8000,
  // A guest's console behind Dom0's serial line is typed on character by character.
  domain: 15_000,
  command: 25_000,
  settle: 300,
  collect: 3000,
};

/** The longest that the deadlines are stretched: a machine that is busier than this is no place for trials. */
const mostStretch = 6;

/** Milliseconds; the server sends its answer three times, a second apart and more (drivers/tftp). */
const beforeServerGivesUp = 2500;

/**
 * The deadlines on this machine as busy as it is: where processes wait for its cores, what a virtual board does at once
 * takes as much longer. The pause after a step stays, and a board that fetches nothing is told before the TFTP server
 * gives up its transfer.
 *
 * @param load processes that run or want to run (getloadavg(3), the last minute); @param cores of the machine
 */
export function stretchedDeadlines(load: number, cores: number): Deadlines {
  const factor = Math.min(mostStretch, Math.max(1, load / cores));
  const stretched = Object.entries(faultDeadlines).map(([name, value]) => [name, Math.ceil(value * factor)]);
  const slower = Object.fromEntries(stretched) as Record<keyof Deadlines, number>;
  const transferStall = Math.min(slower.transferStall, beforeServerGivesUp);
  return { ...slower, settle: faultDeadlines.settle, transferStall };
}

/** @throws ConfigurationError that lists what there is */
export function requiredFault(name: string): NamedFault {
  const fault = faultNamed(name);
  if (fault !== undefined) return fault;
  throw new ConfigurationError(
    `there is no fault ${name}`,
    hintAt(
      name,
      faultTable.map(each => each.name),
    ),
  );
}

/** Whether a board that boots so can have it. */
export function canHave({ loader }: NamedFault, { boot }: BoardType): boolean {
  return loader === undefined || boot[loader] !== undefined;
}

/**
 * Several faults as one lab has them.
 * @throws ConfigurationError for two that cannot be had at once
 */
export function together(faults: readonly NamedFault[]): VirtualFaults {
  const holders = new Map<string, string>();
  for (const { name, faults: parts } of faults) {
    for (const part of Object.keys(parts)) {
      const other = holders.get(part);
      if (other !== undefined) {
        throw new ConfigurationError(
          `a board cannot have both ${other} and ${name}`,
          'leave one of them out',
        );
      }
      holders.set(part, name);
    }
  }
  return Object.assign({}, ...faults.map(fault => fault.faults)) as VirtualFaults;
}
