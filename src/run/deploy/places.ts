/** Where in memory the files of a deployment are when Xen starts, and what they must not touch there. */
import type { BoardType } from '../../board/board-type.ts';
import { ConfigurationError } from '../../config/configuration-error.ts';
import type { DeviceTree } from '../../model/dt/tree.ts';
import type { Scenario } from '../../model/predict/scenario.ts';
import type { FileSize } from './deployed-file.ts';
import { takenMemory } from './taken-memory.ts';

export interface Placed extends FileSize {
  readonly file: string;
  readonly address: number;
}

/** Xen and Linux want their images on such a boundary; all else gets one too. */
const boundary = 2 * 1024 * 1024;

/** Xen takes a larger device tree for none (arch/arm/include/asm/setup.h, MAX_FDT_SIZE). */
const largestTree = 2 * 1024 * 1024;

/** Room that `fdt resize` gives a tree, for lines that somebody adds to a script. */
export const treeRoom = 0x3000;

/**
 * By which a device tree can grow where it lies: `fdt resize` and `booti` each let it end on a page, and with
 * fdt_high all ones booti pads it by CONFIG_SYS_FDT_PAD, 0x3000 (U-Boot boot/fdt_support.c, fdt_shrink_to_minimum;
 * boot/image-fdt.c, boot_relocate_fdt).
 */
export const treeGrowth = treeRoom + 0x1000 + 0x3000 + 0x1000;

/** The first boundary at or behind an address. */
export function behind(address: number): number {
  return Math.ceil(address / boundary) * boundary;
}

/** @returns the address of the first byte behind all files; 0 where there are none */
export function endOf(placed: readonly Placed[]): number {
  return Math.max(0, ...placed.map(({ address, span }) => address + span));
}

export interface PlaceProblem {
  /** With both ranges, where two of them overlap. */
  readonly what: string;
  readonly hint: string;
}

export interface Layout {
  readonly type: BoardType;
  readonly firmware: Scenario['firmware'];
  readonly hostTree: DeviceTree;
  readonly placed: readonly Placed[];
}

/** Files that lie outside the board's memory, on another file, or on what is not free. */
export function placeProblems({ type, firmware, hostTree, placed }: Layout): PlaceProblem[] {
  const taken = takenMemory(type, firmware, hostTree);
  const files = placed.map(({ file, address, span }) => ({ what: file, base: address, end: address + span }));
  const hint = `choose other addresses in boots.${type.boot.name} of the board type ${type.type}`;
  return files.flatMap((file, index) => {
    const isInside = type.memory.some(({ base, size }) => file.base >= base && file.end <= base + size);
    const outside = isInside ? [] : [`${file.what}: ${inWords(file)} is not in the memory of ${type.type}`];
    const overlaps = [...taken, ...files.slice(index + 1)]
      .filter(other => file.base < other.end && other.base < file.end)
      .map(other => `${file.what}: ${inWords(file)} overlaps ${other.what} at ${inWords(other)}`);
    return [...outside, ...overlaps].map(what => ({ what, hint }));
  });
}

/** @param size of the device tree in bytes */
export function treeProblems(size: number): PlaceProblem[] {
  if (size <= largestTree) return [];
  return [
    {
      what: `dtb: ${size} bytes are more than the ${largestTree} that Xen takes`,
      hint: 'leave out symbols and overlays that the board does not need',
    },
  ];
}

/** @throws ConfigurationError for the first of the problems */
export function requireNone([problem]: readonly PlaceProblem[]): void {
  if (problem !== undefined) throw new ConfigurationError(problem.what, problem.hint);
}

function inWords({ base, end }: Record<'base' | 'end', number | bigint>): string {
  return `0x${base.toString(16)}-0x${end.toString(16)}`;
}
