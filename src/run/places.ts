/** Where in memory the files of a deployment are when Xen starts, and what they must not touch there. */
import type { BoardType } from '../board/board-type.ts';
import { ConfigurationError } from '../board/configuration-error.ts';
import type { Scenario } from '../scenario/scenario.ts';
import type { FileSize } from './deployed-file.ts';

export interface Placed extends FileSize {
  readonly file: string;
  readonly address: number;
}

/** Xen and Linux want their images on such a boundary; all else gets one too. */
const boundary = 2 * 1024 * 1024;

/** The first boundary at or behind an address. */
export function behind(address: number): number {
  return Math.ceil(address / boundary) * boundary;
}

/** @returns the address of the first byte behind all files; 0 where there are none */
export function endOf(placed: readonly Placed[]): number {
  return Math.max(0, ...placed.map(({ address, span }) => address + span));
}

/** @throws ConfigurationError where a file lies outside the board's memory, on another, or on what is not free */
export function requirePlaces(
  type: BoardType,
  { profile }: Scenario['firmware'],
  placed: readonly Placed[],
): void {
  const taken: readonly Range[] = [
    ...type.reserved.map(({ what, base, size }) => ({ what, base, end: base + size })),
    ...profile.agents.map(({ id, shmem, shmemSize }) => ({
      what: `the page of SCMI agent ${id}`,
      base: shmem,
      end: shmem + shmemSize,
    })),
  ];
  const files = placed.map(({ file, address, span }) => ({ what: file, base: address, end: address + span }));
  for (const [index, file] of files.entries()) {
    const isInside = type.memory.some(({ base, size }) => file.base >= base && file.end <= base + size);
    if (!isInside) {
      throw new ConfigurationError(`${file.what}: ${inWords(file)} is not in the memory of ${type.type}`);
    }
    const other = [...taken, ...files.slice(index + 1)].find(
      each => file.base < each.end && each.base < file.end,
    );
    if (other === undefined) continue;
    throw new ConfigurationError(
      `${file.what}: ${inWords(file)} overlaps ${other.what} at ${inWords(other)}`,
      `choose other addresses in boots.${type.boot.name} of the board type ${type.type}`,
    );
  }
}

interface Range {
  readonly what: string;
  readonly base: number;
  /** Address of the first byte behind it. */
  readonly end: number;
}

function inWords({ base, end }: Range): string {
  return `0x${base.toString(16)}-0x${end.toString(16)}`;
}
