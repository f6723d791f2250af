/** Observations, in one form for a run's recording and for a bare console log. */
import type { ConsoleTalker } from '../console/line.ts';
import type { SignSeen } from '../console/sign.ts';
import type { Phase } from '../../model/predict/prediction.ts';
import type { Log } from './evidence/log.ts';
import type { DeployedImage, RunHeader } from '../recording/event.ts';

/** Where in the recording or log something is. */
export interface Place {
  /** Line of recording.jsonl, or of the console log, counted from 1. */
  readonly line: number;
  readonly t?: number;
}

export interface SeenLine extends Place {
  readonly talker: ConsoleTalker | 'xl';
  readonly domid?: number;
  readonly text: string;
  readonly phase: Phase;
  /** The next line of the talker was glued to this one. */
  readonly unterminated?: true;
  /** Seconds of the time stamp of its kernel, or of Xen, where it has one. */
  readonly stamp?: number | undefined;
  /** Another talker broke in, and it was put together again. */
  readonly restIn?: number;
  /** Its prefix came damaged. */
  readonly damaged?: true;
  /** The end of what was recorded, which may be the middle of a line. */
  readonly isCut?: true | undefined;
}

export interface SeenSign extends Place {
  readonly sign: SignSeen;
  readonly phase: Phase;
}

export interface SeenMilestone extends Place {
  readonly name: string;
  /** Name or number of the domain, where the milestone is one's. */
  readonly domain?: string;
  readonly text: string;
  readonly phase: Phase;
}

/** A command and what it answered. */
export interface SeenAnswer extends Place {
  /** On the console, which has shown it too. */
  readonly isTyped?: true;
  readonly domain: string;
  readonly command: string;
  /** Null where only the console shows the command, without its exit status. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly phase: Phase;
}

/** A time in which the console's adapter was away; `to`: none where it did not come back. */
export interface SeenGap {
  /** The adapter of the UART that this talker has to itself; absent: the console's. */
  readonly of?: ConsoleTalker;
  readonly from: Place & { readonly phase: Phase };
  readonly to?: Place & { readonly phase: Phase };
}

export interface SeenFault extends Place {
  readonly class: 'infrastructure' | 'board' | 'interrupted' | 'controller';
  readonly what: string;
  readonly hint?: string;
  readonly phase: Phase;
}

/**
 * All that one boot showed. What a board says after it started again by itself is left out, and so is what comes
 * once the lab has failed, and what was said in attempts to boot that were made again.
 */
export interface Observations {
  readonly form: 'recording' | 'console log';
  readonly board: string;
  readonly scenario: string;
  /** Of a recording; absent where it has none. */
  readonly header?: RunHeader | undefined;
  /** In words, what shows that a recording is not of one run as it happened. */
  readonly flaws?: readonly string[];
  /** Images of the run, if its recording names them. */
  readonly deployed?: Readonly<Record<string, DeployedImage>> | undefined;
  readonly lines: readonly SeenLine[];
  readonly signs: readonly SeenSign[];
  readonly milestones: readonly SeenMilestone[];
  readonly answers: readonly SeenAnswer[];
  /** Logs of Xen (`xl dmesg`) and Dom0's kernel (`dmesg`), as read over SSH. */
  readonly logs?: {
    readonly xen?: Log;
    readonly dom0?: Log;
    /** Line of recording.jsonl of the last of them. */
    readonly line?: number;
    /** Line of recording.jsonl up to which all that was said is in them, where they go back so far. */
    readonly settled?: number;
    /** Seconds from the board's last power-on until the last of them was read, where this run has switched it on. */
    readonly poweredFor?: number | undefined;
  };
  readonly faults: readonly SeenFault[];
  /** Failures that were retried, in words. */
  readonly retried?: readonly string[];
  /** When the console was not heard. */
  readonly gaps: readonly SeenGap[];
  /** Phases that were begun, and those that came to their end. */
  readonly begun: ReadonlySet<Phase>;
  readonly finished: ReadonlySet<Phase>;
  /** Steps that were passed over, each with why. */
  readonly notDone: ReadonlyMap<Phase, string>;
  /** The first of these that was to change something: what comes afterwards is not as predicted. */
  readonly passedOver?: { readonly phase: Phase; readonly why: string };
  /** Talkers that have a UART to themselves, on which something came. */
  readonly heardAlone: ReadonlySet<ConsoleTalker>;
  /** The reason why the run ended early; null if it completed. */
  readonly ended: string | null;
  /** The party to blame for that, if no fault names it. */
  readonly endedBy: 'infrastructure' | 'interrupted';
}

/** `boot` comes before step 0. */
export function orderOf(phase: Phase): number {
  return phase === 'boot' ? -1 : phase;
}
