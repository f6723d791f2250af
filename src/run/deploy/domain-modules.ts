/** Modules in memory for the domains that Xen creates by itself. */
import type { PlannedBoard } from '../../lab/planned-board.ts';
import { writeFlat } from '../../model/dt/flat.ts';
import type { Scenario } from '../../model/predict/scenario.ts';
import { type BootModule, domainNodes } from './boot-modules.ts';
import { type DeployedFile, imageOf } from './deployed-file.ts';

export interface DomainModule {
  readonly file: string;
  readonly content: DeployedFile;
  readonly module: { readonly kind: BootModule['kind']; readonly domain: string };
}

/**
 * Kernel, ramdisk and partial tree of each dom0less domain: the lab's images `guest-kernel` and `guest-ramdisk`, or
 * Dom0's where there are none.
 */
export function domainModules(board: PlannedBoard, { hostTree, dom0less }: Scenario): DomainModule[] {
  return domainNodes(hostTree).flatMap(({ name: domain }) => {
    const partial = dom0less.get(domain);
    const ramdisk = board.images.get('guest-ramdisk') ?? board.images.get('ramdisk');
    const contents: readonly (readonly [BootModule['kind'], DeployedFile | undefined])[] = [
      ['multiboot,kernel', board.images.get('guest-kernel') ?? imageOf(board, 'kernel')],
      ['multiboot,ramdisk', ramdisk],
      ['multiboot,device-tree', partial === undefined ? undefined : writeFlat(partial)],
    ];
    return contents.flatMap(([kind, content]) =>
      content === undefined ? [] : [{ file: `${domain}.${suffix[kind]}`, content, module: { kind, domain } }],
    );
  });
}

const suffix = {
  'multiboot,kernel': 'kernel',
  'multiboot,ramdisk': 'ramdisk',
  'multiboot,device-tree': 'dtb',
} as const satisfies Record<BootModule['kind'], string>;
