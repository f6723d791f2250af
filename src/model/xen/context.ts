import type { DeviceTree } from '../dt/tree.ts';
import type { XenBuild } from './build.ts';
import type { CommandLine } from './command-line.ts';
import type { Console } from './console.ts';
import type { Heap } from './heap.ts';
import type { Machine } from './machine.ts';
import type { Vmap } from './vmap.ts';

/** State that all parts of one running Xen share. */
export interface Context {
  readonly build: XenBuild;
  readonly commandLine: CommandLine;
  readonly console: Pick<Console, 'printk' | 'print' | 'leave'>;
  readonly machine: Machine;
  readonly vmap: Vmap;
  readonly heap: Heap;
  /** The host's device tree (`dt_host`). */
  readonly hostTree: DeviceTree;
  /** The boot loader adds the boot modules, and `cpus` and `memory` if a domain's node lacks them. */
  readonly modulesAreAdded: boolean;
  /** Told what the sources leave undefined about this configuration, in words. */
  undefinedBehaviour(words: string): void;
}
