/** The constants of the flattened format (Devicetree Specification v0.4, chapter 5; libfdt's fdt.h). */

export const MAGIC = 0xd00dfeed;

/** Header fields by their byte offset. */
export const HEADER = {
  magic: 0,
  totalSize: 4,
  structOffset: 8,
  stringsOffset: 12,
  reservationsOffset: 16,
  version: 20,
  lastCompatible: 24,
  bootCpu: 28,
  stringsSize: 32,
  structSize: 36,
} as const;

/** Length of the header; version 16 lacks the last field. */
export const HEADER_SIZE = { 16: 36, 17: 40 } as const;

export const TOKEN = { beginNode: 1, endNode: 2, property: 3, nop: 4, end: 9 } as const;

/** Nesting that Linux still reads (drivers/of/fdt.c, FDT_MAX_DEPTH): deeper trees are refused. */
export const MAXIMUM_DEPTH = 64;

/**
 * Longest node or property name that is read. The specification allows 31 characters, compilers do not
 * enforce it; without a limit a small blob whose properties share one huge name would take gigabytes.
 */
export const MAXIMUM_NAME_LENGTH = 255;
