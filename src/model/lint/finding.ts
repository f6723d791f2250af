/** Findings of lint about a configuration. Field names are an interface for scripts: added, never renamed. */

/**
 * - `error`: something of the configuration cannot work: no mediator, a panic, a domain that is refused, that
 *   never ends, or none of whose calls reaches firmware.
 * - `warning`: it works otherwise than its author or the documentation says, or only by luck.
 * - `note`: worth knowing before a boot is read.
 */
export type Severity = 'error' | 'warning' | 'note';

/** In descending weight, as findings are sorted. */
export const severities: readonly Severity[] = ['error', 'warning', 'note'];

/** Where a finding is: a node of a tree, or a line of a file. */
export interface Place {
  /** File, or what stands for one, as the user named it; the host tree's where absent. */
  readonly file?: string;
  /** Line of the file, counted from 1. */
  readonly line?: number;
  /** Domain whose partial tree the node is in; absent: the host tree. */
  readonly partialTreeOf?: string;
  readonly node?: string;
  readonly property?: string;
}

export interface Finding {
  readonly rule: string;
  readonly severity: Severity;
  readonly place: Place;
  /** The mistake, in one sentence. */
  readonly message: string;
  /** The consequence. */
  readonly consequence: string;
  /** Lines of this configuration's boot in which it shows, as the model predicts them. */
  readonly predicted: readonly string[];
  /** The change to make. */
  readonly hint: string;
  /** Statements of the series, and files of Xen's tree, that it can be looked up in. */
  readonly documented: readonly string[];
}

/** A place as one reads it: `/chosen/xen: ranges`, `d2.cfg:8: arm_sci`, `partial tree of d2, /passthrough/scmi`. */
export function placeText({ file, line, partialTreeOf, node, property }: Place): string {
  const tree = partialTreeOf === undefined ? '' : `partial tree of ${partialTreeOf}, `;
  const where = node === undefined ? `${file ?? ''}${line === undefined ? '' : `:${line}`}` : tree + node;
  return property === undefined ? where : `${where}: ${property}`;
}
