import type { Reason } from '../trace/observation.ts';
import type { Configuration } from './configuration.ts';
import type { Place, Severity } from './finding.ts';

export interface Rule {
  /** Stable: scripts and suppressions name it. */
  readonly id: string;
  readonly severity: Severity;
  /** The mistake, as a heading. */
  readonly title: string;
  /** The consequence. */
  readonly consequence: string;
  /** The change to make. */
  readonly hint: string;
  /** Statements of the series (`D5`) and files of Xen's tree. */
  readonly documented: readonly string[];
  /** Rules of the model (`Reason.rule`) whose lines it leads to, where the boot gets that far. */
  readonly shows?: readonly string[];
  /** Says only what no other rule explains. */
  readonly isFallback?: true;
  readonly check: (configuration: Configuration) => Iterable<Problem>;
}

/** One place where a rule does not hold. */
export interface Problem {
  readonly place: Place;
  /** The mistake there. */
  readonly message: string;
  /** The consequence there; absent: the rule's. */
  readonly consequence?: string;
  /**
   * Of a fallback: the failure that the model predicts, which only an error explains that shows by the same rule of the
   * model, or has such a consequence. Absent: any error or warning explains it.
   */
  readonly failure?: { readonly reason?: Reason | undefined; readonly consequence?: RegExp };
}

/** Rules about one part of a configuration. */
export interface Theme {
  readonly title: string;
  readonly rules: readonly Rule[];
}

/** Files of Xen's tree in which configurations are documented, or where the driver shows. */
export const document = {
  scmi: 'docs/hypervisor-guide/arm/firmware/arm-scmi.rst',
  booting: 'docs/misc/arm/device-tree/booting.txt',
  commandLine: 'docs/misc/xen-command-line.pandoc',
  xlConfig: 'docs/man/xl.cfg.5.pod.in',
  driver: 'xen/arch/arm/firmware/scmi-smc-multiagent.c',
  sci: 'xen/arch/arm/firmware/sci.c',
  dom0less: 'xen/common/device-tree/dom0less-build.c',
  xl: 'tools/xl/xl_parse.c',
  reservedMemory: 'Devicetree Specification v0.4, section 3.5.4',
} as const;

export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
