import { DtError } from './error.ts';
import type { SourceNode, SourceProperty } from './source-tree.ts';

/**
 * Checks of dtc in a tree that is well-formed text: equal names side by side, characters that a name must not
 * have, a label given twice, a `name` property that says something else (a right one is redundant and removed).
 *
 * @throws {DtError} for the first problem, with its place and the node's path
 * @see dtc's checks.c, those of level ERROR up to duplicate_label
 */
export function checkSource(root: SourceNode): void {
  const labels = new Map<string, string>();
  for (const node of root.walk()) {
    checkNodeName(node);
    checkNames(node);
    checkNameProperty(node);
  }
  for (const node of root.walk()) checkLabels(node, labels);
}

function checkNodeName(node: SourceNode): void {
  const bad = /[^a-zA-Z0-9,._+\-@]/.exec(node.name);
  if (bad !== null) throw problem(node, `bad character "${bad[0]}" in the name of node ${node.path}`);
  if (node.name.split('@').length > 2)
    throw problem(node, `more than one "@" in the name of node ${node.path}`);
}

function checkNames(node: SourceNode): void {
  const children = new Set<string>();
  for (const child of node.children) {
    // A definition and a deletion side by side count as two, in dtc too.
    if (children.has(child.name)) throw problem(child, `node ${child.path} is there twice`);
    if (!child.deleted) children.add(child.name);
  }
  const properties = new Set<string>();
  for (const property of node.properties) {
    if (property.deleted) continue;
    if (properties.has(property.name))
      throw problem(property, `property "${property.name}" of ${node.path} is there twice`);
    properties.add(property.name);
    const bad = /[^a-zA-Z0-9,._+*#?-]/.exec(property.name);
    if (bad !== null)
      throw problem(property, `bad character "${bad[0]}" in property "${property.name}" of ${node.path}`);
  }
}

function checkNameProperty(node: SourceNode): void {
  const property = node.property('name');
  if (property === undefined) return;
  const [base = ''] = node.name.split('@');
  if (new TextDecoder().decode(property.value) !== `${base}\0`) {
    throw problem(property, `"name" property of ${node.path} is not the node's name`);
  }
  node.properties.splice(node.properties.indexOf(property), 1);
}

function checkLabels(node: SourceNode, owners: Map<string, string>): void {
  const claim = (label: string, owner: string, thing: SourceNode | SourceProperty) => {
    const other = owners.get(label);
    if (other !== undefined)
      throw problem(thing, `label "${label}" is given twice: to ${other} and to ${owner}`);
    owners.set(label, owner);
  };
  for (const label of node.labels) if (!label.deleted) claim(label.name, node.path, node);
  for (const property of node.properties) {
    if (property.deleted) continue;
    const owner = `"${property.name}" of ${node.path}`;
    for (const label of property.labels) if (!label.deleted) claim(label.name, owner, property);
    for (const marker of property.markers) {
      if (marker.kind === 'label') claim(marker.name, `the value of ${owner}`, property);
    }
  }
}

function problem({ place }: SourceNode | SourceProperty, text: string): DtError {
  return new DtError(text, place);
}
