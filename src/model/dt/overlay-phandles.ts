import { DtError } from './error.ts';
import { childByName, phandleOf } from './overlay-lookup.ts';
import type { DtNode } from './tree.ts';

const PHANDLE_PROPERTIES = ['phandle', 'linux,phandle'];

export function findMaximumPhandle(root: DtNode): number {
  let maximum = 0;
  for (const node of root.walk()) maximum = Math.max(maximum, phandleOf(node));
  return maximum;
}

/**
 * Add a number to all phandles of an overlay and to the places that `__local_fixups__` lists, so that none is one of
 * the base tree's.
 */
export function renumberPhandles(overlay: DtNode, delta: number): void {
  for (const node of overlay.walk()) {
    for (const name of PHANDLE_PROPERTIES) {
      const value = node.properties.get(name);
      if (value === undefined) continue;
      const phandle = (node.u32(name) ?? 0) + delta;
      if (value.length !== 4) throw new DtError(`"${name}" of ${node.path} in the overlay is not a phandle`);
      if (phandle >= 0xffff_ffff) throw new DtError(`no phandle is left for ${node.path} of the overlay`);
      new DataView(value.buffer, value.byteOffset).setUint32(0, phandle);
    }
  }
  const fixups = childByName(overlay, '__local_fixups__');
  if (fixups !== undefined) changeReferences(overlay, fixups, phandle => phandle + delta);
}

/**
 * Where an overlay's node has a phandle and the base node that it is merged into has one too, take that of the base.
 * @param merges base node (undefined: it is new) with the overlay's node that is merged into it
 */
export function keepBasePhandles(overlay: DtNode, merges: readonly [DtNode | undefined, DtNode][]): void {
  const fixups = childByName(overlay, '__local_fixups__');
  for (const [base, node] of merges) {
    if (base === undefined) continue;
    const [kept, given] = [phandleOf(base), phandleOf(node)];
    if (kept !== 0 && given !== 0) {
      for (const name of PHANDLE_PROPERTIES) {
        const value = node.properties.get(name);
        if (value?.length === 4) new DataView(value.buffer, value.byteOffset).setUint32(0, kept);
      }
      if (fixups !== undefined)
        changeReferences(overlay, fixups, phandle => (phandle === given ? kept : phandle));
    }
    keepBasePhandles(
      overlay,
      node.children.map(child => [childByName(base, child.name), child]),
    );
  }
}

/** Change every phandle that `__local_fixups__` (a mirror of the overlay's nodes, with offsets) points at. */
function changeReferences(node: DtNode, fixups: DtNode, change: (phandle: number) => number): void {
  for (const name of fixups.properties.keys()) {
    const value = node.properties.get(name);
    const offsets = fixups.cells(name) ?? [];
    for (const offset of offsets) {
      if (value === undefined || offset + 4 > value.length) {
        throw new DtError(
          `${fixups.path} names offset ${offset} of "${name}", which the overlay does not have`,
        );
      }
      const view = new DataView(value.buffer, value.byteOffset);
      view.setUint32(offset, change(view.getUint32(offset)));
    }
  }
  for (const child of fixups.children) {
    const mirrored = childByName(node, child.name);
    if (mirrored === undefined)
      throw new DtError(`${child.path} names a node that the overlay does not have`);
    changeReferences(mirrored, child, change);
  }
}
