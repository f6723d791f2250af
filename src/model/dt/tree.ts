/**
 * A device tree in memory: what the flattened format, the source format and overlays all read into and
 * what every other room reads from. Property values are kept as the bytes of the flattened format
 * (big-endian cells, NUL-terminated strings: Devicetree Specification v0.4, section 2.2.4).
 */

const text = new TextDecoder();

/** A range of memory that the boot program must keep (Devicetree Specification v0.4, section 5.3). */
export interface MemoryReservation {
  readonly address: bigint;
  /** In bytes. */
  readonly size: bigint;
}

export class DtNode {
  readonly name: string;
  readonly parent: DtNode | null;
  readonly children: DtNode[] = [];
  readonly properties = new Map<string, Uint8Array>();
  #path: string | undefined;

  /**
   * @param name node name with its unit address (`sram@47ff0000`); empty for the root
   * @param parent the node above, `null` for the root
   */
  constructor(name: string, parent: DtNode | null) {
    this.name = name;
    this.parent = parent;
  }

  /** Full path from the root, `/` for the root itself. */
  get path(): string {
    this.#path ??=
      this.parent === null ? '/' : `${this.parent.parent === null ? '' : this.parent.path}/${this.name}`;
    return this.#path;
  }

  has(property: string): boolean {
    return this.properties.has(property);
  }

  /**
   * One big-endian cell of a property.
   * @param index which cell, counted from 0
   * @returns the cell, or undefined where the property is absent or shorter
   */
  u32(property: string, index = 0): number | undefined {
    const value = this.properties.get(property);
    if (value === undefined || value.length < (index + 1) * 4) return undefined;
    return new DataView(value.buffer, value.byteOffset, value.byteLength).getUint32(index * 4);
  }

  /** All whole cells of a property; undefined where it is absent. Trailing bytes are not a cell. */
  cells(property: string): number[] | undefined {
    const value = this.properties.get(property);
    if (value === undefined) return undefined;
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
    return Array.from({ length: value.length >> 2 }, (_, index) => view.getUint32(index * 4));
  }

  /** The NUL-separated strings of a property; undefined where it is absent. */
  strings(property: string): readonly string[] | undefined {
    const value = this.properties.get(property);
    return value && stringsOf(value);
  }

  /** The first string of a property; undefined where it is absent or empty. */
  string(property: string): string | undefined {
    return this.strings(property)?.[0];
  }

  /** Whether `compatible` lists the given string (compared as Xen does: ASCII, case-insensitive). */
  isCompatible(compatible: string): boolean {
    const value = this.properties.get('compatible');
    if (value === undefined) return false;
    const wanted = compatible.toLowerCase();
    return stringsOf(value).some(
      each => each.length === wanted.length && (each === wanted || each.toLowerCase() === wanted),
    );
  }

  /**
   * Whether `compatible` ends in the middle of a string. Xen compares its strings to that end and, where none of them
   * is the one, goes on through whatever memory follows.
   */
  get hasUnterminatedCompatible(): boolean {
    const last = this.properties.get('compatible')?.at(-1);
    return last !== undefined && last !== 0;
  }

  child(name: string): DtNode | undefined {
    return this.children.find(each => each.name === name);
  }

  /** This node and all below it, each before its children, in the order of the flattened tree. */
  *walk(): Generator<DtNode> {
    yield this;
    for (const child of this.children) yield* child.walk();
  }
}

const strings = new WeakMap<Uint8Array, readonly string[]>();

/** The strings of a value, decoded once: values are replaced, never changed. */
function stringsOf(value: Uint8Array): readonly string[] {
  let parts = strings.get(value);
  if (parts === undefined) {
    const decoded = text.decode(value).split('\0');
    parts = decoded.at(-1) === '' ? decoded.slice(0, -1) : decoded;
    strings.set(value, parts);
  }
  return parts;
}

export class DeviceTree {
  readonly root: DtNode;
  readonly reservations: MemoryReservation[];
  readonly bootCpu: number;

  constructor(root: DtNode, reservations: MemoryReservation[] = [], bootCpu = 0) {
    this.root = root;
    this.reservations = reservations;
    this.bootCpu = bootCpu;
  }

  /** The node at a full path (no alias, no label); undefined where there is none. */
  node(path: string): DtNode | undefined {
    let node: DtNode | undefined = this.root;
    for (const name of path.split('/')) if (name !== '') node = node?.child(name);
    return node;
  }

  /** The first node whose `phandle` (or `linux,phandle`) is the given one. */
  byPhandle(phandle: number): DtNode | undefined {
    return findByPhandle(this.root, phandle);
  }
}

function findByPhandle(node: DtNode, phandle: number): DtNode | undefined {
  if ((node.u32('phandle') ?? node.u32('linux,phandle')) === phandle) return node;
  for (const child of node.children) {
    const found = findByPhandle(child, phandle);
    if (found !== undefined) return found;
  }
  return undefined;
}
