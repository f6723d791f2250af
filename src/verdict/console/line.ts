/** Lines of a console reader, each with its talker. */

/**
 * The talker on a board's console.
 *
 * - `eeprom`: the boot ROM's second stage of a Raspberry Pi.
 * - `tf-a`: BL1, BL2 and BL31, and OP-TEE, which shares their place in the boot.
 * - `linux`: the kernel and the programs of a domain; `domid` says which.
 */
export type ConsoleTalker = 'eeprom' | 'tf-a' | 'u-boot' | 'xen' | 'linux' | 'unknown';

export interface TalkerLine {
  readonly talker: ConsoleTalker;
  /** For `linux`: 0 is Dom0. */
  readonly domid?: number;
  /** Without prefix (`(XEN) `, `(XEN) DOM1: `, `(d1) `), kernel time stamp, escape sequences and line ending. */
  readonly text: string;
  /** Seconds of the kernel time stamp, or of Xen's with `console_timestamps`, where there is one. */
  readonly stamp?: number;
  /** When its last byte came, in the caller's milliseconds. */
  readonly t: number;
  /** Line of the console in which it began, counted from 1. */
  readonly number: number;
  /** Characters before it in that line, where it was written behind a prompt or another open line. */
  readonly column?: number;
  /** Xen's prefix lacks a character of its own, or has one twice: the line is bad. */
  readonly damaged?: true;
  /** Another talker broke in: line of the console in which the rest of it was. */
  readonly restIn?: number;
  /** No newline ended it: the next message is glued to it, it was too long, or the board went silent. */
  readonly unterminated?: true;
}

/** Text that no newline has ended yet: a prompt, for instance. */
export interface Tail {
  readonly talker: ConsoleTalker;
  readonly domid?: number;
  readonly text: string;
  readonly number: number;
}
