/**
 * A device tree while its source is being read: nodes and properties with their labels and references, deleted ones
 * kept in place until the end because a later definition may bring them back where they were.
 *
 * @see dtc's livetree.c, whose merging this is
 */

/** Where something stands in source text; absent for what came from a compiled tree. */
export interface Place {
  readonly file: string | undefined;
  readonly line: number;
  readonly column: number;
}

export interface Label {
  readonly name: string;
  deleted: boolean;
}

/** A place in a value that names a node (as phandle or as path), or that has a label itself. */
export interface Marker {
  readonly kind: 'phandle' | 'path' | 'label';
  /** A label, or a path as in {@link nodeByReference}. */
  readonly name: string;
  offset: number;
  readonly place: Place;
}

export interface SourceProperty {
  readonly name: string;
  value: Uint8Array;
  markers: Marker[];
  readonly labels: Label[];
  deleted: boolean;
  place: Place | undefined;
}

export class SourceNode {
  readonly name: string;
  readonly place: Place | undefined;
  parent: SourceNode | null = null;
  readonly children: SourceNode[] = [];
  readonly properties: SourceProperty[] = [];
  readonly labels: Label[] = [];
  deleted = false;
  omitIfUnused = false;
  referenced = false;
  /** 0 until one is given or assigned. */
  phandle = 0;

  constructor(name: string, place: Place | undefined) {
    this.name = name;
    this.place = place;
  }

  get path(): string {
    if (this.parent === null) return '/';
    return this.parent.parent === null ? `/${this.name}` : `${this.parent.path}/${this.name}`;
  }

  append(child: SourceNode): void {
    child.parent = this;
    this.children.push(child);
  }

  property(name: string): SourceProperty | undefined {
    return this.properties.find(each => !each.deleted && each.name === name);
  }

  set(name: string, value: Uint8Array): void {
    const property = this.property(name);
    if (property !== undefined) property.value = value;
    else this.properties.push(newProperty(name, value, undefined));
  }

  child(name: string): SourceNode | undefined {
    return this.children.find(each => !each.deleted && each.name === name);
  }

  /** This node and all below it that are not deleted, each before its children. */
  *walk(): Generator<SourceNode> {
    yield this;
    for (const child of this.children) if (!child.deleted) yield* child.walk();
  }
}

export function newProperty(name: string, value: Uint8Array, place: Place | undefined): SourceProperty {
  return { name, value, markers: [], labels: [], deleted: false, place };
}

/** The last label given is the first that is listed: the order of `__symbols__` depends on it. */
export function addLabel(labels: Label[], name: string): void {
  const known = labels.find(label => label.name === name);
  if (known === undefined) labels.unshift({ name, deleted: false });
  else known.deleted = false;
}

/** Merge a further definition into a node; equal names replace or merge, new ones go to the end. */
export function mergeNodes(into: SourceNode, from: SourceNode): void {
  into.deleted = false;
  for (const label of from.labels) addLabel(into.labels, label.name);
  for (const property of from.properties) mergeProperty(into, property);
  for (const child of from.children) {
    if (child.deleted) {
      const target = into.children.find(each => each.name === child.name);
      if (target !== undefined) deleteNode(target);
      continue;
    }
    const same = into.children.find(each => each.name === child.name);
    if (same === undefined) into.append(child);
    else mergeNodes(same, child);
  }
}

function mergeProperty(node: SourceNode, property: SourceProperty): void {
  const same = node.properties.find(each => each.name === property.name);
  if (property.deleted) {
    if (same !== undefined) deleteProperty(same);
    return;
  }
  if (same === undefined) {
    node.properties.push(property);
    return;
  }
  for (const label of property.labels) addLabel(same.labels, label.name);
  same.value = property.value;
  same.markers = property.markers;
  same.place = property.place;
  same.deleted = false;
}

export function deleteNode(node: SourceNode): void {
  node.deleted = true;
  for (const child of node.children) if (!child.deleted) deleteNode(child);
  for (const property of node.properties) deleteProperty(property);
  deleteLabels(node.labels);
}

function deleteProperty(property: SourceProperty): void {
  property.deleted = true;
  deleteLabels(property.labels);
}

function deleteLabels(labels: Label[]): void {
  for (const label of labels) label.deleted = true;
}

/**
 * The node that a reference means.
 * @param reference a label, a full path that begins with a slash, or a path below a label (`label/path`)
 * @param byLabel finds the node with a label
 * @see dtc's livetree.c, get_node_by_ref()
 */
export function nodeByReference(
  root: SourceNode,
  reference: string,
  byLabel: (label: string) => SourceNode | undefined = label => nodeByLabel(root, label),
): SourceNode | undefined {
  const [label = '', ...path] = reference.split('/');
  let node = label === '' ? root : byLabel(label);
  for (const name of path) if (name !== '') node = node?.child(name);
  return node;
}

/** Whether a reference is a path, from the root or from a label, rather than a label. */
export function isPathReference(reference: string): boolean {
  return reference.includes('/');
}

function nodeByLabel(root: SourceNode, name: string): SourceNode | undefined {
  for (const node of root.walk()) {
    if (node.labels.some(label => !label.deleted && label.name === name)) return node;
  }
  return undefined;
}
