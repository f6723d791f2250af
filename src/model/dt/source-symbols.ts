import { DtError } from './error.ts';
import { cell, markersOf, type References } from './source-references.ts';
import { SourceNode } from './source-tree.ts';

const encoder = new TextEncoder();

/**
 * Add `/__symbols__`: the path of each labelled node by its label; every labelled node gets a phandle.
 * @see dtc's livetree.c, generate_label_tree()
 */
export function addSymbols(root: SourceNode, references: References): void {
  const labelled = [...root.walk()].filter(node => node.labels.length > 0);
  if (labelled.length === 0) return;
  const symbols = rootChild(root, '__symbols__');
  for (const node of labelled) {
    for (const label of node.labels) {
      if (label.deleted || symbols.property(label.name) !== undefined) continue;
      symbols.set(label.name, encoder.encode(`${node.path}\0`));
    }
    references.phandle(node);
  }
}

/**
 * Add what an overlay needs to be applied: `/__fixups__` (where phandles of the base tree go, by label) and
 * `/__local_fixups__` (where phandles of the overlay itself are, which are renumbered).
 * @see dtc's livetree.c, generate_fixups_tree() and generate_local_fixups_tree()
 */
export function addFixups(root: SourceNode, references: References): void {
  for (const [node, property, marker] of markersOf(root, 'phandle')) {
    if (references.node(marker.name) !== undefined) continue;
    if (`${node.path}${property.name}`.includes(':')) {
      throw new DtError(
        `"${property.name}" of ${node.path} has a colon and cannot be fixed up`,
        marker.place,
      );
    }
    const entry = `${node.path}:${property.name}:${marker.offset}\0`;
    append(rootChild(root, '__fixups__'), marker.name, encoder.encode(entry));
  }
  for (const [node, property, marker] of markersOf(root, 'phandle')) {
    if (references.node(marker.name) === undefined) continue;
    append(localFixups(root, node), property.name, cell(marker.offset));
  }
}

function rootChild(parent: SourceNode, name: string): SourceNode {
  const known = parent.child(name);
  if (known !== undefined) return known;
  const child = new SourceNode(name, undefined);
  parent.append(child);
  return child;
}

/** The node under `/__local_fixups__` that mirrors a node of the overlay. */
function localFixups(root: SourceNode, node: SourceNode): SourceNode {
  return node.parent === null
    ? rootChild(root, '__local_fixups__')
    : rootChild(localFixups(root, node.parent), node.name);
}

function append(node: SourceNode, name: string, bytes: Uint8Array): void {
  const before = node.property(name)?.value ?? new Uint8Array();
  const value = new Uint8Array(before.length + bytes.length);
  value.set(before);
  value.set(bytes, before.length);
  node.set(name, value);
}
