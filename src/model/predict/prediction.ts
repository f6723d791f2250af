/** Result of `predict`. Field names are an interface for scripts: fields are added, never renamed. */
import type { LinuxVersion } from '../linux/kernel-version.ts';
import type { XenBuild } from '../xen/build.ts';
import type { FreePart, Reason, Talker } from '../trace/observation.ts';

export interface Prediction {
  readonly schema: 2;
  /** Which Xen it is about; absent where none is booted, or nobody knew. */
  readonly xen?: XenBuild;
  /** Series of the kernels that were modelled; absent where none is booted, or in predictions of older versions. */
  readonly linux?: LinuxVersion;
  /** The run that it was made for; absent where it was made for none, or by an older version. */
  readonly run?: PredictedRun;
  readonly mediator: {
    readonly kind: 'multi-agent' | 'single-agent' | 'none';
    readonly registered: boolean;
    /** 0, or the negative errno with which the probe ended; 0 also where nothing was probed. */
    readonly errno: number;
    /** Path of the node that the mediator bound to, or tried to. */
    readonly node: string | null;
    /** Id of Xen's own (management) agent; null where none was found out. */
    readonly agentId: number | null;
  };
  /** The channels that domains can have (not Xen's own), in the order of the list. */
  readonly agents: readonly PredictedAgent[];
  readonly domains: readonly PredictedDomain[];
  /** Text of the Xen panic that ends the boot, without prefix. */
  readonly panic: string | null;
  /** All console lines that concern the mediator, in the order in which they are printed. */
  readonly console: readonly PredictedLine[];
  readonly toolstack: readonly PredictedToolstackCall[];
  readonly firmware: readonly PredictedMessage[];
  /** Basis of the verdict: one entry for each thing that must, or must not, be observed. */
  readonly expectations: readonly Expectation[];
  /** Parts of the configuration whose behaviour the sources leave undefined, in words. */
  readonly undefined: readonly string[];
}

/** Required fields in the header of the run's recording; absent: any. */
export interface PredictedRun {
  readonly scenario: string;
  readonly boardType: string;
  readonly board?: string;
  readonly virtual?: boolean;
  /** Null: the board has no bug on purpose. */
  readonly mutant?: string | null;
  /** SHA-256 by name of each file that was deployed. */
  readonly files?: Readonly<Record<string, string>>;
  /** SHA-256 by the names of the lab of what they were made of. */
  readonly images?: Readonly<Record<string, string>>;
}

/** Prediction for a board of which nothing is known. */
export const emptyPrediction: Prediction = {
  schema: 2,
  mediator: { kind: 'none', registered: false, errno: 0, node: null, agentId: null },
  agents: [],
  domains: [],
  panic: null,
  console: [],
  toolstack: [],
  firmware: [],
  expectations: [],
  undefined: [],
};

interface PredictedAgent {
  readonly agentId: number;
  /** `0x82000002`. */
  readonly functionId: string;
  readonly shmem: string;
  /** Domain that holds the channel when all steps are done; null: free. */
  readonly domid: number | null;
}

export interface PredictedDomain {
  readonly domid: number;
  readonly name: string;
  readonly created: boolean;
  readonly agentId: number | null;
  readonly scmiNodes: 'kept' | 'dropped' | 'none';
}

export interface PredictedLine {
  readonly source: Talker;
  readonly domid?: number;
  readonly level?: string;
  readonly text: string;
  readonly pattern: string;
  readonly reason: Reason;
  /** Why nothing is wrong where it is not seen; absent: it has to be. */
  readonly optional?: string;
  /** The parts of the text that the pattern leaves open, and why; absent: none is. */
  readonly free?: readonly FreePart[];
}

export interface PredictedToolstackCall {
  readonly do: string;
  readonly rc: number;
}

export interface PredictedMessage {
  readonly functionId: string;
  readonly agent: number;
  readonly protocol: number;
  readonly message: number;
  readonly status: number;
}

/** Position in a run: `boot`, or a step of the scenario by its index (0 is the first). */
export type Phase = 'boot' | number;

/**
 * One thing to observe.
 *
 * - `line`: a console line, in order among the lines of the same talker and domain.
 * - `milestone`: a point of the boot that a machine reports (`xen-banner`, `dom0-login`, ...), or `panic`.
 * - `answer`: the exit status and output of a command that a step runs. Of the probe (source `probe`) the status is
 *   0 for `ok`, 1 for `error`, 2 for `fault`.
 * - `absent`: nothing that the talker says may match `pattern`.
 */
export interface Expectation {
  /** Stable within a scenario: `boot.xen.12`, `step2.answer`. */
  readonly id: string;
  readonly kind: 'line' | 'milestone' | 'answer' | 'absent';
  readonly phase: Phase;
  readonly source: Talker | 'run' | 'probe';
  readonly domid?: number;
  /** For people: the text, the milestone, or what is asked of the answer. */
  readonly text: string;
  /** Anchored regular expression for `line`, `answer` (its output) and `absent`; a name for `milestone`. */
  readonly pattern: string;
  /** For `answer`: the command that is asked, as it is typed in the domain. */
  readonly command?: string;
  /** Exit status for `answer`; absent: any. */
  readonly exitStatus?: number;
  readonly reason: Reason;
  /** Of a line: why nothing is wrong where it is not seen; absent: it has to be. */
  readonly optional?: string;
  /** Of a line or an answer: the parts of its text that the pattern leaves open, and why; absent: none is. */
  readonly free?: readonly FreePart[];
  /**
   * Set where this is a claim of the series rather than what the model predicts: `broken` with a reason
   * when the model predicts that this configuration or firmware breaks it.
   */
  readonly claim?: { readonly ids: readonly string[]; readonly broken: Reason | null };
}
