/**
 * A scenario once read and fitted to one board: what `predict` and `run` both take. The YAML form and its
 * schema are in schema.ts; loading fills in the board's agents, pages and trees.
 */
import type { DeviceTree } from '../dt/tree.ts';
import type { LinuxVersion, OptionalDriver } from '../linux/kernel-version.ts';
import type { RawMode } from '../linux/raw-mode.ts';
import type { MemoryStep, ScmiStep, SmcStep } from '../probe/of-step.ts';
import type { FirmwareProfile } from '../scmi/profile.ts';
import type { XenBuild } from '../xen/build.ts';

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** Statements of the series that it tests (`D5`, `v8-2`, ...). */
  readonly claims: readonly string[];
  /** Lint rules whose errors are its subject: with any other lint error it is not run. */
  readonly lintErrors?: readonly string[];
  readonly xen: XenBuild;
  readonly linux: LinuxVersion;
  /** SCMI drivers that the kernels have beside the default. */
  readonly linuxDrivers?: readonly OptionalDriver[];
  /** SCMI raw mode of the kernels. */
  readonly linuxRawMode?: RawMode;
  readonly firmware: { readonly profile: FirmwareProfile; readonly faults: readonly string[] };
  /** The host tree as it is deployed: the board's own with the scenario's overlays and edits applied. */
  readonly hostTree: DeviceTree;
  /** Partial trees of dom0less domains, by the node name in /chosen. */
  readonly dom0less: ReadonlyMap<string, DeviceTree>;
  /** Guests that the toolstack may create, by name. */
  readonly guests: ReadonlyMap<string, Guest>;
  /** Program that the boot loader starts instead of Xen: then there are no domains, and the steps are in `probe`. */
  readonly payload?: 'probe';
  /** Path in Dom0 of the bare-metal probe: a guest whose kernel that is runs no Linux. */
  readonly probe?: string;
  readonly steps: readonly Step[];
  /** Extra things to observe, stated by the author rather than by the model. */
  readonly statements: readonly Statement[];
}

export interface Guest {
  readonly name: string;
  /** Text of the xl configuration, as it is put into Dom0. */
  readonly config: string;
  /** Where the text comes from, for errors: file, or scenario and field. */
  readonly origin: string;
  /** Files that go into Dom0 beside it, by path in Dom0 (the partial device tree, as a blob). */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** It runs the bare-metal probe instead of Linux. */
  readonly probe?: true;
}

/** Something done once Dom0 is up, in order. Booting is not a step: every scenario boots. */
export type Step =
  | { readonly do: 'create'; readonly guest: string }
  | { readonly do: 'destroy' | 'shutdown' | 'reboot'; readonly guest: string }
  /** XEN_DOMCTL_assign_device, called straight for a guest that runs. */
  | { readonly do: 'assign-device'; readonly guest: string; readonly path: string }
  /** The guest's own action. */
  | { readonly do: 'guest-powers-off' | 'guest-reboots' | 'guest-crashes'; readonly guest: string }
  /** Reads what a domain sees of SCMI (its tree, its bus, its log) over SSH. */
  | { readonly do: 'look'; readonly domain: string }
  | { readonly do: 'command'; readonly domain: string; readonly run: string }
  | SmcStep
  | ScmiStep
  | MemoryStep
  | { readonly do: 'wait'; readonly milliseconds: number };

/** A claim of the series in a form that can be checked on what was seen. */
export interface Statement {
  readonly claims: readonly string[];
  /** In words: `the guest is created again with the same agent`. */
  readonly words: string;
  readonly check: /** Exit status (and output) of a step. */
    | { readonly kind: 'step'; readonly step: number; readonly exitStatus?: number; readonly output?: string }
    /** A console line that must, or must not, appear. */
    | {
        readonly kind: 'console';
        readonly source: 'xen' | 'linux';
        readonly pattern: string;
        readonly absent?: boolean;
      }
    | { readonly kind: 'milestone'; readonly name: string; readonly absent?: boolean };
}
