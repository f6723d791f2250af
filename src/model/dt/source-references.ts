import { DtError } from './error.ts';
import {
  deleteNode,
  isPathReference,
  type Marker,
  nodeByReference,
  type SourceNode,
  type SourceProperty,
} from './source-tree.ts';

/** Finds nodes by label or path, and gives phandles to those that need one. */
export class References {
  readonly #root: SourceNode;
  readonly #labels = new Map<string, SourceNode>();
  readonly #phandles = new Map<number, SourceNode>();
  #next = 1;

  /**
   * @throws {DtError} when a node's own phandle is malformed or another's
   * @see dtc's checks.c, check_explicit_phandles()
   */
  constructor(root: SourceNode) {
    this.#root = root;
    for (const node of root.walk()) {
      for (const label of node.labels) if (!label.deleted) this.#labels.set(label.name, node);
    }
    for (const node of root.walk()) this.#keepPhandle(node);
  }

  /** The node that a label or path means, if it is still there. */
  node(reference: string): SourceNode | undefined {
    return nodeByReference(this.#root, reference, label => {
      const node = this.#labels.get(label);
      return node?.deleted ? undefined : node;
    });
  }

  /** The node's phandle; the lowest free one is assigned where it has none. */
  phandle(node: SourceNode): number {
    if (node.phandle !== 0) return node.phandle;
    while (this.#phandles.get(this.#next)?.deleted === false) this.#next += 1;
    this.#keep(node, this.#next);
    if (node.property('phandle') === undefined) node.set('phandle', cell(node.phandle));
    return node.phandle;
  }

  #keep(node: SourceNode, phandle: number): void {
    node.phandle = phandle;
    this.#phandles.set(phandle, node);
  }

  #keepPhandle(node: SourceNode): void {
    const phandle = this.#explicitPhandle(node, 'phandle');
    const legacy = this.#explicitPhandle(node, 'linux,phandle');
    const place = (node.property('phandle') ?? node.property('linux,phandle'))?.place;
    if (phandle !== 0 && legacy !== 0 && phandle !== legacy) {
      throw new DtError(`"phandle" and "linux,phandle" of ${node.path} differ`, place);
    }
    const own = phandle === 0 ? legacy : phandle;
    if (own === 0) return;
    const other = this.#phandles.get(own);
    if (other !== undefined) {
      throw new DtError(`phandle 0x${own.toString(16)} of ${node.path} is that of ${other.path}`, place);
    }
    this.#keep(node, own);
  }

  /** The phandle that the source gives; 0 where it gives none, or asks for one by `phandle = <&itself>`. */
  #explicitPhandle(node: SourceNode, name: string): number {
    const property = node.property(name);
    if (property === undefined) return 0;
    const { value, place } = property;
    if (value.length !== 4)
      throw new DtError(`"${name}" of ${node.path} has ${value.length} bytes, not 4`, place);
    const reference = property.markers.find(marker => marker.kind === 'phandle');
    if (reference !== undefined) {
      if (this.node(reference.name) === node) return 0;
      throw new DtError(`"${name}" of ${node.path} is a reference to another node`, reference.place);
    }
    const phandle = new DataView(value.buffer, value.byteOffset).getUint32(0);
    if (phandle === 0 || phandle === 0xffff_ffff) {
      throw new DtError(
        `"${name}" of ${node.path} is 0x${phandle.toString(16)}, which no node can have`,
        place,
      );
    }
    return phandle;
  }
}

/**
 * Put phandles and paths where the source refers to nodes, and leave out nodes marked /omit-if-no-ref/ that
 * nothing refers to.
 *
 * @param plugin references by label that are not in this tree stay 0xffffffff, to be fixed up in the base
 * @param symbols labelled nodes are kept even when nothing refers to them
 * @throws {DtError} for a reference to a node that is not there
 * @see dtc's checks.c, phandle_references, path_references and omit_unused_nodes, in this order
 */
export function resolveReferences(
  root: SourceNode,
  references: References,
  plugin: boolean,
  symbols: boolean,
): void {
  for (const [, property, marker] of markersOf(root, 'phandle')) {
    const node = references.node(marker.name);
    if (node === undefined) {
      if (plugin && !isPathReference(marker.name)) continue;
      throw missing(marker);
    }
    property.value.set(cell(references.phandle(node)), marker.offset);
    node.referenced = true;
  }
  for (const [, property, marker] of markersOf(root, 'path')) {
    const node = references.node(marker.name);
    if (node === undefined) throw missing(marker);
    insert(property, marker, new TextEncoder().encode(`${node.path}\0`));
    node.referenced = true;
  }
  for (const node of root.walk()) {
    if (symbols && node.labels.length > 0) continue;
    if (node.omitIfUnused && !node.referenced) deleteNode(node);
  }
}

/** All markers of one kind with their nodes and properties, in the order of the tree. */
export function* markersOf(
  root: SourceNode,
  kind: Marker['kind'],
): Generator<[node: SourceNode, property: SourceProperty, marker: Marker]> {
  for (const node of root.walk()) {
    for (const property of node.properties) {
      if (property.deleted) continue;
      for (const marker of property.markers) if (marker.kind === kind) yield [node, property, marker];
    }
  }
}

export function cell(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function missing({ name, place }: Marker): DtError {
  return new DtError(
    `reference to ${isPathReference(name) ? 'node' : 'label'} "${name}", which is not there`,
    place,
  );
}

/** Insert text at a marker and move the markers behind it. */
function insert(property: SourceProperty, marker: Marker, text: Uint8Array): void {
  const { value, markers } = property;
  const longer = new Uint8Array(value.length + text.length);
  longer.set(value.subarray(0, marker.offset));
  longer.set(text, marker.offset);
  longer.set(value.subarray(marker.offset), marker.offset + text.length);
  property.value = longer;
  for (const later of markers.slice(markers.indexOf(marker) + 1)) later.offset += text.length;
}
