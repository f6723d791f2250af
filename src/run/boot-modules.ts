/**
 * Xen's boot modules: where each file is put into memory, and the nodes under /chosen that tell Xen so (Xen
 * docs/misc/arm/device-tree/booting.txt).
 */
import { parseFlat, writeFlat } from '../dt/flat.ts';
import { type DeviceTree, DtNode } from '../dt/tree.ts';

export interface BootModule {
  readonly file: string;
  readonly kind: 'multiboot,kernel' | 'multiboot,ramdisk';
  readonly address: number;
  /** In bytes, exactly: Xen takes what is behind a compressed image for a part of it. */
  readonly size: number;
}

/**
 * A copy of a host tree that names the modules. A module of the same kind that the tree has already, directly
 * in /chosen, gets the new place instead.
 */
export function withBootModules(tree: DeviceTree, modules: readonly BootModule[]): DeviceTree {
  const copy = parseFlat(writeFlat(tree), 'host tree');
  const chosen = copy.node('/chosen') ?? add(copy.root, 'chosen');
  const cells = {
    address: chosen.u32('#address-cells') ?? copy.root.u32('#address-cells') ?? 2,
    size: chosen.u32('#size-cells') ?? copy.root.u32('#size-cells') ?? 1,
  };
  for (const { kind, address, size } of modules) {
    const node =
      chosen.children.find(child => child.isCompatible(kind)) ??
      add(chosen, `module@${address.toString(16)}`);
    if (!node.has('compatible')) {
      node.properties.set('compatible', new TextEncoder().encode(`${kind}\0multiboot,module\0`));
    }
    node.properties.set('reg', reg(address, cells.address, size, cells.size));
  }
  return copy;
}

function add(parent: DtNode, name: string): DtNode {
  const node = new DtNode(name, parent);
  parent.children.push(node);
  return node;
}

function reg(address: number, addressCells: number, size: number, sizeCells: number): Uint8Array {
  const bytes = new Uint8Array((addressCells + sizeCells) * 4);
  const view = new DataView(bytes.buffer);
  write(view, 0, address, addressCells);
  write(view, addressCells, size, sizeCells);
  return bytes;
}

function write(view: DataView, cell: number, value: number, cells: number): void {
  if (cells === 1 && value > 0xffffffff) throw new Error(`0x${value.toString(16)} does not fit one cell`);
  if (cells > 1) view.setUint32((cell + cells - 2) * 4, Math.floor(value / 2 ** 32));
  if (cells > 0) view.setUint32((cell + cells - 1) * 4, value % 2 ** 32);
}
