/**
 * Observations of the model's parts while they run. Xen, the kernels, the toolstack and firmware are simulated;
 * everything that a person at the board could see of them leaves through an `Observer`.
 */
import type { FirmwareMessage } from '../scmi/firmware-message.ts';

/** The talker. `xl` is everything that xl and libxl write to their terminal. */
export type Talker = 'firmware' | 'xen' | 'linux' | 'xl';

/** Xen's log levels; a line without one is printed whatever the thresholds are. */
export type XenLevel = 'error' | 'warning' | 'info' | 'debug';

/** Why something is expected: in words for a person, with the rule and the node that it comes from. */
export interface Reason {
  /** Stable name of the rule, for instance `smc-multiagent.collect.duplicate-agent`. */
  readonly rule: string;
  /** One sentence: what in the configuration leads to this. */
  readonly because: string;
  /** Device tree path, configuration file and line, or firmware profile that decides. */
  readonly place?: string;
}

/** A part of a line of which nothing is predicted. */
export interface FreePart {
  /** Its place in the text, in characters: from one, up to and without the other. */
  readonly from: number;
  readonly to: number;
  /** Why nothing is. */
  readonly because: string;
}

export interface ConsoleLine {
  readonly source: Talker;
  /** Domain that prints, for `linux`; domain that the line is about, where Xen names one. */
  readonly domid?: number;
  readonly level?: XenLevel;
  /** The line without prefix (`(XEN) `, kernel time stamp). */
  readonly text: string;
  /** Regular expression, anchored at both ends, where parts of the text vary; else derived from `text`. */
  readonly pattern?: string;
  /** The parts of the text that the pattern leaves open. */
  readonly free?: readonly FreePart[];
  /** False where no newline follows, so that the next line is glued to this one. */
  readonly newline?: boolean;
  /** It is said, and nothing is wrong where it is not seen: for this reason. */
  readonly optional?: string;
  readonly reason: Reason;
}

export interface Observer {
  console(line: ConsoleLine): void;
  message(message: FirmwareMessage): void;
}
