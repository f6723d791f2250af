/** A sign: text of one program that tells how far a boot got, or that something is wrong. */
import type { ConsoleTalker } from './line.ts';

/**
 * - `milestone`: the boot got this far.
 * - `refusal`: a boot loader could not do what it was to do; the lab's, and tried again.
 * - `trouble`: a program reports an error of its own and goes on.
 * - `fatal`: what wrote this does not go on.
 * - `restart`: announces that the machine will start again, so that the next banner is due.
 */
type SignKind = 'milestone' | 'refusal' | 'trouble' | 'fatal' | 'restart';

export interface Sign {
  readonly name: string;
  readonly kind: SignKind;
  /** Absent where the text may be taken for another talker's. */
  readonly talkers?: readonly ConsoleTalker[] | undefined;
  /** Of `linux`: Dom0 only, or any other domain. */
  readonly domain?: 'dom0' | 'guest' | undefined;
  /** Tested on the text without prefix. The first group, if any, is the sign's detail. */
  readonly pattern: RegExp;
  /** Tested also on text that no newline has ended. */
  readonly onTail?: true | undefined;
  /** The detail is the talker's next line. */
  readonly detail?: 'next-line' | undefined;
  /**
   * Place of a banner in the order of a boot. A banner of the same or a lower rank than what has been seen
   * since power-on means that the board has started again.
   */
  readonly rank?: number | undefined;
  /** A stage prints it more than once: it shows a restart only where a later stage has spoken. */
  readonly isRepeated?: true | undefined;
  /** The banner that comes next, though it is of a lower rank: a later stage starts an earlier one. */
  readonly foretells?: string | undefined;
  /** Not a sign where the talker's line before matches: a command asked for that text. */
  readonly unlessAfter?: RegExp | undefined;
  /** Part of an end that was told before it, by another sign or by a line of Dom0 that matches. */
  readonly follows?: { readonly signs?: readonly string[]; readonly ofDom0?: RegExp } | undefined;
  /** A restart that comes after it is its consequence, though nothing announced one. */
  readonly endsInReset?: true | undefined;
  readonly means: string;
  /** The file that prints the text. */
  readonly source: string;
}

/** A sign that was seen. `reset` is made by the watch itself: a banner came when none was due. */
export interface SignSeen {
  readonly name: string;
  readonly kind: SignKind | 'reset';
  readonly talker: ConsoleTalker;
  readonly domid?: number;
  /** The line in which it was seen. */
  readonly text: string;
  /** A panic's message, a version; of a reset, what had announced it. */
  readonly detail?: string;
  /** Of a reset: the last sign before it that software on the board had failed. */
  readonly after?: string;
  readonly t: number;
  readonly number: number;
}
