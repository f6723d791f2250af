import type { DeviceTree } from '../dt/tree.ts';
import type { XenBuild } from './build.ts';
import type { CommandLine } from './command-line.ts';
import type { Console } from './console.ts';
import type { Machine } from './machine.ts';
import type { Vmap } from './vmap.ts';

/** What all parts of one running Xen share. */
export interface Context {
  readonly build: XenBuild;
  readonly commandLine: CommandLine;
  readonly console: Pick<Console, 'printk' | 'print' | 'leave'>;
  readonly machine: Machine;
  readonly vmap: Vmap;
  /** The host's device tree (`dt_host`). */
  readonly hostTree: DeviceTree;
  /** Whoever starts Xen adds the boot modules, and what a domain's node lacks of `cpus` and `memory`. */
  readonly modulesAreAdded: boolean;
  /** Told what the sources leave undefined about this configuration, in words. */
  undefinedBehaviour(words: string): void;
}
