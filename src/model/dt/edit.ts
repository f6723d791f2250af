import { finishSource, nodeFromSource } from './source.ts';
import type { Include } from './source-lexer.ts';
import { parseChanges } from './source-parser.ts';
import { addLabel, newProperty, nodeByReference, SourceNode } from './source-tree.ts';
import { DeviceTree, type DtNode } from './tree.ts';

/**
 * Change a compiled tree by device tree source, as if that stood at the end of the tree's own source:
 * `&label { ... };` (labels are those of the tree's `/__symbols__`), `&{/path} { ... };`, `/ { ... };`,
 * `/delete-node/`, `/delete-property/`, `/memreserve/`. `/dts-v1/;` may be left out.
 *
 * Nodes that get a reference or a label get a phandle; new labels enter `/__symbols__`, those of deleted nodes leave
 * it. References that a deleted node leaves behind in the base tree stay as they are: they are numbers there.
 *
 * @param base the tree; it stays as it is
 * @param options.file name of the source in errors
 * @throws {DtError} with line and column in `source`
 */
export function editTree(
  base: DeviceTree,
  source: string,
  options: { file?: string; include?: Include } = {},
): DeviceTree {
  const root = nodeToSource(base.root);
  const symbols = root.child('__symbols__');
  labelBySymbols(root, symbols);
  const reservations = parseChanges(source, root, options);
  if (symbols !== undefined) dropStaleSymbols(root, symbols);
  finishSource(root, { plugin: false, symbols: symbols !== undefined && !symbols.deleted });
  return new DeviceTree(nodeFromSource(root, null), [...base.reservations, ...reservations], base.bootCpu);
}

function nodeToSource(node: DtNode): SourceNode {
  const source = new SourceNode(node.name, undefined);
  for (const [name, value] of node.properties) source.properties.push(newProperty(name, value, undefined));
  for (const child of node.children) source.append(nodeToSource(child));
  return source;
}

function labelBySymbols(root: SourceNode, symbols: SourceNode | undefined): void {
  for (const { name, value } of symbols?.properties ?? []) {
    const path = pathOf(value);
    const node = path === undefined ? undefined : nodeByReference(root, path);
    if (node !== undefined) addLabel(node.labels, name);
  }
}

/** A symbol of which the node is gone (its label deleted with it) would name nothing. */
function dropStaleSymbols(root: SourceNode, symbols: SourceNode): void {
  for (const property of symbols.properties) {
    const path = pathOf(property.value);
    if (path !== undefined && nodeByReference(root, path) === undefined) property.deleted = true;
  }
}

function pathOf(value: Uint8Array): string | undefined {
  const path = new TextDecoder('latin1').decode(value.subarray(0, -1));
  return path.startsWith('/') && value.at(-1) === 0 ? path : undefined;
}
