import { DtError } from './error.ts';
import { childByName, nodeByLibfdtPath, phandleOf } from './overlay-lookup.ts';
import { mergeNode } from './overlay-merge.ts';
import { findMaximumPhandle, keepBasePhandles, renumberPhandles } from './overlay-phandles.ts';
import { mergeSymbols } from './overlay-symbols.ts';
import { DeviceTree, DtNode } from './tree.ts';

/**
 * Apply an overlay to a tree as libfdt's fdt_overlay_apply() does, which is what U-Boot (`fdt apply`), fdtoverlay and
 * the Raspberry Pi's firmware use: phandles of the overlay are moved behind those of the base, `__local_fixups__` and
 * `__fixups__` are worked in, every fragment is merged into its `target` or `target-path`, the overlay's `__symbols__`
 * join those of the base. New properties and nodes come first in their node, as libfdt puts them.
 *
 * A base node that has a phandle keeps it when the overlay gives it another one (libfdt from 1.7.1 on; older ones
 * overwrite it and break the base tree's references).
 *
 * @param base with `/__symbols__` where the overlay refers to labels; both trees stay as they are
 * @returns a new tree
 * @throws {DtError} naming the fragment or label that cannot be resolved
 * @see libfdt fdt_overlay.c
 */
export function applyOverlay(base: DeviceTree, overlay: DeviceTree): DeviceTree {
  const tree = new DeviceTree(copy(base.root, null), [...base.reservations], base.bootCpu);
  const changes = copy(overlay.root, null);
  const delta = findMaximumPhandle(tree.root);
  renumberPhandles(changes, delta);
  resolveFixups(tree.root, changes);
  const fragments = changes.children.flatMap(fragment => {
    const content = childByName(fragment, '__overlay__');
    return content === undefined ? [] : [{ fragment, content }];
  });
  keepBasePhandles(
    changes,
    fragments.map(({ fragment, content }) => [targetOf(tree.root, fragment), content]),
  );
  for (const { fragment, content } of fragments) {
    const target = targetOf(tree.root, fragment);
    if (target === undefined) throw noTarget(fragment);
    mergeNode(target, content);
  }
  mergeSymbols(tree.root, changes, fragment => {
    const target = targetOf(tree.root, fragment);
    if (target === undefined) throw noTarget(fragment);
    return fragmentPath(fragment) ?? target.path;
  });
  return tree;
}

function copy(node: DtNode, parent: DtNode | null): DtNode {
  const result = new DtNode(node.name, parent);
  for (const [name, value] of node.properties) result.properties.set(name, value.slice());
  for (const child of node.children) result.children.push(copy(child, result));
  return result;
}

/** `__fixups__`: each label with the places, as `path:property:offset`, where its phandle goes. */
function resolveFixups(base: DtNode, overlay: DtNode): void {
  const fixups = childByName(overlay, '__fixups__');
  if (fixups === undefined) return;
  const symbols = childByName(base, '__symbols__');
  for (const label of fixups.properties.keys()) {
    const phandle = phandleOfLabel(base, symbols, label);
    for (const entry of fixups.strings(label) ?? []) setPhandle(overlay, label, entry, phandle);
  }
}

function phandleOfLabel(base: DtNode, symbols: DtNode | undefined, label: string): number {
  const used = `the overlay refers to label "${label}"`;
  if (symbols === undefined) {
    throw new DtError(`${used}, but the base tree has no /__symbols__ (compile it with symbols)`);
  }
  const path = symbols.string(label);
  if (path === undefined) throw new DtError(`${used}, which the base tree does not have`);
  const node = nodeByLibfdtPath(base, path);
  if (node === undefined) throw new DtError(`${used}, whose node ${path} the base tree does not have`);
  const phandle = phandleOf(node);
  if (phandle === 0) throw new DtError(`${used}, whose node ${path} has no phandle`);
  return phandle;
}

function setPhandle(overlay: DtNode, label: string, entry: string, phandle: number): void {
  const match = /^([^:]+):([^:]+):([0-9]+)$/.exec(entry);
  if (match === null) throw new DtError(`malformed entry "${entry}" in __fixups__ of label "${label}"`);
  const [, path = '', property = '', offset = ''] = match;
  const value = nodeByLibfdtPath(overlay, path)?.properties.get(property);
  if (value === undefined || Number(offset) + 4 > value.length) {
    throw new DtError(`entry "${entry}" in __fixups__ of label "${label}" names nothing in the overlay`);
  }
  new DataView(value.buffer, value.byteOffset).setUint32(Number(offset), phandle);
}

/** The base node that a fragment is merged into; undefined where there is none. */
function targetOf(base: DtNode, fragment: DtNode): DtNode | undefined {
  const target = fragment.properties.get('target');
  if (target === undefined || fragment.u32('target') === 0) {
    const path = fragmentPath(fragment);
    if (path === undefined) throw new DtError(`${fragment.path} has neither "target" nor "target-path"`);
    return nodeByLibfdtPath(base, path);
  }
  const phandle = fragment.u32('target');
  if (target.length !== 4 || phandle === 0xffff_ffff)
    throw new DtError(`"target" of ${fragment.path} is not a phandle`);
  for (const node of base.walk()) if (phandleOf(node) === phandle) return node;
  return undefined;
}

/** `target-path`, where that is what counts. */
function fragmentPath(fragment: DtNode): string | undefined {
  return (fragment.u32('target') ?? 0) === 0 ? fragment.string('target-path') : undefined;
}

function noTarget(fragment: DtNode): DtError {
  const path = fragmentPath(fragment);
  const target = path === undefined ? `phandle 0x${fragment.u32('target')?.toString(16)}` : path;
  return new DtError(`target ${target} of ${fragment.path} is not in the base tree`);
}
