/** Memory of a board that no file of a deployment may be loaded into, and whose it is. */
import type { BoardType } from '../../board/board-type.ts';
import { nodeReg } from '../../model/dt/address.ts';
import type { DeviceTree, DtNode } from '../../model/dt/tree.ts';
import type { Scenario } from '../../model/predict/scenario.ts';
import { cellsBelow } from './boot-modules.ts';

export interface TakenRange {
  readonly what: string;
  readonly base: bigint;
  /** Address of the first byte behind it. */
  readonly end: bigint;
}

/**
 * Memory that the board type reserves, the firmware's shared memory, and the host tree's: Xen refuses a boot
 * module in it (common/device-tree/bootinfo.c, check_reserved_regions_overlap).
 */
export function takenMemory(
  type: BoardType,
  { profile }: Scenario['firmware'],
  tree: DeviceTree,
): TakenRange[] {
  const ranges = [
    ...type.reserved,
    ...profile.agents.map(({ id, shmem, shmemSize }) => ({
      what: `the page of SCMI agent ${id}`,
      base: shmem,
      size: shmemSize,
    })),
    ...tree.reservations.map(({ address, size }) => ({
      what: "a memory reservation of the host tree's header",
      base: address,
      size,
    })),
    ...reservedNodes(tree),
    ...(tree.node('/chosen')?.children ?? []).flatMap(staticMemory),
  ];
  return ranges
    .filter(({ size }) => size > 0)
    .map(({ what, base, size }) => ({ what, base: BigInt(base), end: BigInt(base) + BigInt(size) }));
}

/** Devicetree Specification v0.4, section 3.5: those with a place of their own, not those that are given one. */
function reservedNodes(tree: DeviceTree) {
  const nodes = tree.node('/reserved-memory')?.children ?? [];
  return nodes.flatMap(node => {
    const found = [];
    for (let index = 0; ; index++) {
      const reg = nodeReg(node, index);
      if (!reg.ok) return found;
      found.push({ what: `${node.path} of the host tree`, base: reg.address, size: reg.size });
    }
  });
}

/** Of a dom0less domain (docs/misc/arm/device-tree/booting.txt, xen,static-mem): cells are those of /chosen. */
function staticMemory(domain: DtNode) {
  const cells = domain.cells('xen,static-mem') ?? [];
  const { address, size } = cellsBelow(domain.parent ?? domain);
  const entry = address + size;
  const count = entry > 0 ? Math.floor(cells.length / entry) : 0;
  return Array.from({ length: count }, (_, index) => ({
    what: `the static memory of ${domain.name}`,
    base: joined(cells.slice(index * entry, index * entry + address)),
    size: joined(cells.slice(index * entry + address, (index + 1) * entry)),
  }));
}

function joined(cells: readonly number[]): bigint {
  return cells.reduce((value, cell) => (value << 32n) | BigInt(cell), 0n);
}
