/** How Xen reads its host tree (xen/common/device-tree/device-tree.c), printing what Xen prints. */
import { nodeReg } from '../dt/address.ts';
import type { XenDtLine } from '../dt/bus.ts';
import type { DeviceTree, DtNode } from '../dt/tree.ts';
import { type Assertion, assertionFailed } from './assertion.ts';
import type { Why } from './console.ts';
import type { Context } from './context.ts';
import { errno } from './errno.ts';
import { hasSciSubsystem } from './version.ts';

/** dt_device_get_address(): entry `index` of `reg` as a machine address, or a negative errno. */
export function deviceAddress(
  context: Context,
  node: DtNode,
  index = 0,
): { readonly rc: number; readonly address: number; readonly size: number } {
  const result = nodeReg(node, index);
  sayOfTree(context, result.lines, {
    because: `the address of ${node.path} cannot be translated: a node above it lacks \`ranges\` or has bad cell counts`,
    place: node.path,
  });
  if (result.ok) return { rc: 0, address: result.address, size: result.size };
  if (result.reason === 'above 2^53') {
    context.undefinedBehaviour(`the address of ${node.path} is above 2^53: not modelled`);
  }
  return { rc: -errno.EINVAL, address: 0, size: 0 };
}

/**
 * Prints what Xen says while it reads a tree.
 * @throws {XenPanic} where a debug build comes to an ASSERT_UNREACHABLE()
 */
export function sayOfTree(context: Context, lines: readonly XenDtLine[], why: Why): void {
  for (const { level, text, unreachable } of lines) {
    if (unreachable === true && !hasSciSubsystem(context.build)) continue;
    context.console.printk(messageOfLevel[level], [text], why);
    if (unreachable === true && context.build.debug) assertionFailed(context, badCellCount, why);
  }
}

/** dt_read_number() */
const badCellCount: Assertion = { expression: 'unreachable', file: 'include/xen/bootfdt.h', line: 39 };

/**
 * dt_device_is_compatible(): Xen counts the rest of the property in an unsigned number, so that a list that lacks its
 * last NUL has no end.
 * @throws {TreeReadPastEnd} where it is not in a list without end
 */
export function isCompatible(node: DtNode, compatible: string): boolean {
  if (node.isCompatible(compatible)) return true;
  if (node.hasUnterminatedCompatible) throw new TreeReadPastEnd(node);
  return false;
}

/** Xen reads on behind `compatible` of a node, until a data abort ends it. */
export class TreeReadPastEnd extends Error {
  override readonly name = 'TreeReadPastEnd';
  readonly node: DtNode;

  constructor(node: DtNode) {
    super(
      `compatible of ${node.path} has no NUL at its end, and strcasecmp() reads on until nothing is mapped`,
    );
    this.node = node;
  }
}

/** dt_find_compatible_node() from the root: the first such node, available or not. */
export function findCompatible(tree: DeviceTree, compatible: string): DtNode | undefined {
  for (const node of tree.root.walk()) if (isCompatible(node, compatible)) return node;
  return undefined;
}

/** dt_find_node_by_path(): the node whose full path is the given one, in whatever case. */
export function findByPath(tree: DeviceTree, path: string): DtNode | undefined {
  for (const node of tree.root.walk()) if (hasPath(node, path)) return node;
  return undefined;
}

/** dt_node_path_is_equal() */
export function hasPath(node: DtNode, path: string): boolean {
  return node.path.toLowerCase() === path.toLowerCase();
}

/** dt_find_node_by_phandle(): 0 is what every node without a phandle has, the root before all others. */
export function findByPhandle(tree: DeviceTree, phandle: number): DtNode | undefined {
  if (phandle !== 0) return tree.byPhandle(phandle);
  for (const node of tree.root.walk()) {
    if ((node.u32('phandle') ?? node.u32('linux,phandle') ?? 0) === 0) return node;
  }
  return undefined;
}

/**
 * `be32_to_cpu(*prop)` of a driver that does not look at the length: a value of less than a cell is padded with zeros
 * in the flattened tree, and behind an empty one stands the token that follows.
 */
export function firstCellUnchecked(node: DtNode, property: string): number {
  const value = node.properties.get(property) ?? new Uint8Array();
  if (value.length > 0) return [0, 1, 2, 3].reduce((cell, at) => cell * 0x100 + (value[at] ?? 0), 0);
  if ([...node.properties.keys()].at(-1) !== property) return flatToken.property;
  return node.children.length > 0 ? flatToken.beginNode : flatToken.endNode;
}

/** Where the page is that `shmem` of an SCMI node names; 0 where that cannot be told. */
export function sharedMemoryAddress(tree: DeviceTree, node: DtNode): number {
  const page = node.has('shmem') ? findByPhandle(tree, firstCellUnchecked(node, 'shmem')) : undefined;
  const reg = page && nodeReg(page);
  return reg?.ok === true ? reg.address : 0;
}

/** dt_device_is_available(): no `status`, or `okay` or `ok`. */
export function isAvailable(node: DtNode): boolean {
  const status = node.string('status');
  return !node.has('status') || status === 'okay' || status === 'ok';
}

/** dt_device_for_passthrough() */
export function isForPassthrough(node: DtNode): boolean {
  return node.has('xen,passthrough');
}

/** dt_node_name(): the name without its unit address. */
export function nodeName(node: DtNode): string {
  return node.name.replace(/@.*$/, '');
}

/** dt_property_read_string(): the first string; undefined where there is none, or no end of it. */
export function readString(node: DtNode, property: string): string | undefined {
  return node.properties.get(property)?.includes(0) === true ? node.string(property) : undefined;
}

/** A string as the flattened format has it. */
export function stringProperty(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

const messageOfLevel = {
  error: 'device-tree.address-error',
  warning: 'device-tree.address-warning',
  default: 'device-tree.address',
} as const;

/** FDT_BEGIN_NODE, FDT_END_NODE, FDT_PROP (Devicetree Specification v0.4, section 5.4.1). */
const flatToken = { beginNode: 1, endNode: 2, property: 3 } as const;

export interface PhandleArguments {
  readonly node: DtNode;
  readonly args: readonly number[];
}

/**
 * dt_parse_phandle_with_args(): entry `index` of a list of phandles with arguments. The list is walked from its
 * beginning, so a mistake in it is printed each time.
 * @returns the entry, or a negative errno
 */
export function parsePhandleWithArguments(
  context: Context,
  device: DtNode,
  { list, cells, index }: { readonly list: string; readonly cells: string; readonly index: number },
): PhandleArguments | number {
  const values = device.cells(list);
  if (values === undefined) return -errno.ENOENT;
  const why = (because: string): Why => ({ because, place: device.path });
  let current = 0;
  for (let at = 0; at < values.length; current++) {
    const phandle = values[at++] ?? 0;
    if (phandle === 0) {
      if (current === index) return -errno.ENOENT;
      continue;
    }
    const node = context.hostTree.byPhandle(phandle);
    if (node === undefined) {
      context.console.printk(
        'device-tree.no-phandle',
        [device.path],
        why(`${list} of ${device.path} names a phandle that no node has`),
      );
      return -errno.EINVAL;
    }
    const count = node.u32(cells);
    if (count === undefined) {
      context.console.printk(
        'device-tree.no-cells',
        [device.path, cells, node.path],
        why(`${node.path} has no ${cells}, so that ${list} of ${device.path} cannot be read`),
      );
      return -errno.EINVAL;
    }
    if (at + count > values.length) {
      context.console.printk(
        'device-tree.arguments',
        [device.path],
        why(`${list} of ${device.path} has fewer arguments than ${cells} of ${node.path} asks for`),
      );
      return -errno.EINVAL;
    }
    if (current === index) return { node, args: values.slice(at, at + count) };
    at += count;
  }
  return -errno.ENOENT;
}
