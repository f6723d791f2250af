/**
 * A FIT image: a kernel, a device tree and what else U-Boot loads before it starts the kernel, each with its place, as
 * `mkimage -f auto` makes one (U-Boot doc/usage/fit/source_file_format.rst).
 */
import { crc32 } from 'node:zlib';
import { writeFlat } from '../../model/dt/flat.ts';
import { DeviceTree, DtNode } from '../../model/dt/tree.ts';

interface FitPart {
  readonly bytes: Uint8Array;
  /** Where U-Boot puts it. */
  readonly address: number;
}

export interface FitParts {
  /** An arm64 Image; it is entered where it is put. */
  readonly kernel: FitPart;
  readonly tree: FitPart;
  /** TF-A's BL31, which an U-Boot at EL3 starts on the way to EL2 (type `tfa-bl31`). */
  readonly bl31: FitPart;
}

/** @returns the image, with its data within; U-Boot checks their CRC */
export function fitImage({ kernel, tree, bl31 }: FitParts): Uint8Array {
  const root = new DtNode('', null);
  setText(root, 'description', 'scmi-hil');
  setCells(root, 'timestamp', 0);
  setCells(root, '#address-cells', 1);
  const images = add(root, 'images');
  addImage(images, 'kernel-1', kernel, { type: 'kernel', os: 'linux', ...enteredAt(kernel) });
  addImage(images, 'fdt-1', tree, { type: 'flat_dt', load: tree.address });
  addImage(images, 'tfa-bl31-1', bl31, { type: 'tfa-bl31', os: 'linux', ...enteredAt(bl31) });
  const configurations = add(root, 'configurations');
  setText(configurations, 'default', 'conf-1');
  const configuration = add(configurations, 'conf-1');
  setText(configuration, 'description', 'Xen with its device tree and BL31');
  setText(configuration, 'kernel', 'kernel-1');
  setText(configuration, 'fdt', 'fdt-1');
  setText(configuration, 'loadables', 'tfa-bl31-1');
  return writeFlat(new DeviceTree(root));
}

function enteredAt({ address }: FitPart) {
  return { load: address, entry: address };
}

interface ImageKind {
  readonly type: string;
  readonly os?: string;
  readonly load: number;
  readonly entry?: number;
}

function addImage(parent: DtNode, name: string, { bytes }: FitPart, kind: ImageKind): void {
  const node = add(parent, name);
  setText(node, 'description', name);
  node.properties.set('data', bytes);
  setText(node, 'type', kind.type);
  setText(node, 'arch', 'arm64');
  if (kind.os !== undefined) setText(node, 'os', kind.os);
  setText(node, 'compression', 'none');
  setCells(node, 'load', kind.load);
  if (kind.entry !== undefined) setCells(node, 'entry', kind.entry);
  const hash = add(node, 'hash-1');
  setText(hash, 'algo', 'crc32');
  setCells(hash, 'value', crc32(bytes));
}

function add(parent: DtNode, name: string): DtNode {
  const node = new DtNode(name, parent);
  parent.children.push(node);
  return node;
}

function setText(node: DtNode, property: string, text: string): void {
  node.properties.set(property, new TextEncoder().encode(`${text}\0`));
}

function setCells(node: DtNode, property: string, ...cells: readonly number[]): void {
  const view = new DataView(new ArrayBuffer(cells.length * 4));
  for (const [index, cell] of cells.entries()) view.setUint32(index * 4, cell);
  node.properties.set(property, new Uint8Array(view.buffer));
}
