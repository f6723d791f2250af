import type { DeviceTree } from '../dt/tree.ts';
import type { Prediction } from '../predict/prediction.ts';
import type { LinuxVersion, OptionalDriver } from '../linux/kernel-version.ts';
import type { RawMode } from '../linux/raw-mode.ts';
import type { Guest, Scenario } from '../predict/scenario.ts';
import type { FirmwareProfile } from '../scmi/profile.ts';
import type { XenBuild } from '../xen/build.ts';

/** Everything that goes into a boot, as far as it is known. */
export interface LintSubject {
  readonly hostTree: DeviceTree;
  readonly xen: XenBuild;
  readonly linux: LinuxVersion;
  readonly linuxDrivers?: readonly OptionalDriver[];
  readonly linuxRawMode?: RawMode;
  /** Null where it is not known: rules about it then find nothing, and nothing is predicted. */
  readonly firmware: { readonly profile: FirmwareProfile; readonly faults: readonly string[] } | null;
  /** Guests of the toolstack, in the order in which they are created. */
  readonly guests: readonly Guest[];
  /** Partial trees of dom0less domains, by the name of their node in /chosen. */
  readonly dom0less: ReadonlyMap<string, DeviceTree>;
  /** The prediction, if it is known already; else the model is asked. */
  readonly prediction?: Prediction | null;
  /** Files that trees were read from, for places. */
  readonly files?: {
    readonly hostTree?: string;
    /** By domain. */
    readonly partialTrees?: ReadonlyMap<string, string>;
  };
}

/** A scenario as lint takes it: all of its guests, whether a step creates them or not. */
export function subjectOfScenario(scenario: Scenario): LintSubject {
  const { hostTree, xen, linux, linuxDrivers = [], linuxRawMode = 'none', firmware, dom0less } = scenario;
  const guests = [...scenario.guests.values()];
  return { hostTree, xen, linux, linuxDrivers, linuxRawMode, firmware, guests, dom0less };
}

/** A subject as the model takes it: one boot, then each guest created in order. */
export function scenarioOfSubject(subject: LintSubject): Scenario | null {
  const { hostTree, xen, linux, linuxDrivers = [], linuxRawMode = 'none', firmware } = subject;
  const { guests, dom0less } = subject;
  if (firmware === null) return null;
  return {
    name: 'lint',
    title: 'a boot, and each guest created once',
    claims: [],
    xen,
    linux,
    linuxDrivers,
    linuxRawMode,
    firmware,
    hostTree,
    dom0less,
    // Several guests may have one name.
    guests: new Map(guests.map((guest, index) => [String(index), guest])),
    steps: guests.map((_, index) => ({ do: 'create', guest: String(index) })),
    statements: [],
  };
}
