import type { XenDtLine } from './bus.ts';
import type { DeviceTree, DtNode } from './tree.ts';

export type PhandleArguments =
  | {
      readonly ok: true;
      /** The node that the phandle means. */
      readonly node: DtNode;
      /** Its arguments, at most 16. */
      readonly arguments: readonly number[];
    }
  | PhandleFailure;

interface PhandleFailure {
  readonly ok: false;
  /** ENOENT: no list, no such entry, or an empty one; EINVAL: the list cannot be read. */
  readonly errno: 'ENOENT' | 'EINVAL';
  readonly lines: readonly XenDtLine[];
}

/**
 * One entry of a list of phandles with arguments, as `access-controllers = <&scmi 7>, <&other 1 2>`.
 *
 * @param node the node that has the list
 * @param listName the list's property
 * @param cellsName the property of the node meant that says how many arguments there are (`#access-controller-cells`)
 * @param index which entry, counted from 0
 * @see Xen xen/common/device-tree/device-tree.c, dt_parse_phandle_with_args()
 */
export function phandleWithArguments(
  tree: DeviceTree,
  node: DtNode,
  listName: string,
  cellsName: string,
  index: number,
): PhandleArguments {
  let current = 0;
  for (const entry of phandleEntries(tree, node, listName, cellsName)) {
    if (entry?.ok === false) return entry;
    if (current === index) return entry ?? NOT_FOUND;
    current += 1;
  }
  return NOT_FOUND;
}

/**
 * How many entries such a list has, empty ones (phandle 0) counted.
 * @see dt_count_phandle_with_args()
 */
export function countPhandlesWithArguments(
  tree: DeviceTree,
  node: DtNode,
  listName: string,
  cellsName: string,
): { readonly ok: true; readonly count: number } | PhandleFailure {
  if (!node.has(listName)) return NOT_FOUND;
  let count = 0;
  for (const entry of phandleEntries(tree, node, listName, cellsName)) {
    if (entry?.ok === false) return entry;
    count += 1;
  }
  return { ok: true, count };
}

const NOT_FOUND: PhandleFailure = { ok: false, errno: 'ENOENT', lines: [] };

/** Xen's MAX_PHANDLE_ARGS. */
const MAXIMUM_ARGUMENTS = 16;

/** The entries in order, undefined for an empty one; a failure is the last. */
function* phandleEntries(
  tree: DeviceTree,
  node: DtNode,
  listName: string,
  cellsName: string,
): Generator<PhandleArguments | undefined> {
  const list = node.cells(listName) ?? [];
  for (let at = 0; at < list.length; ) {
    const phandle = list[at++] ?? 0;
    if (phandle === 0) {
      yield undefined;
      continue;
    }
    const provider = tree.byPhandle(phandle);
    if (provider === undefined) {
      yield invalid('error', `${node.path}: could not find phandle`);
      return;
    }
    const count = provider.u32(cellsName);
    if (count === undefined) {
      yield invalid('default', `${node.path}: could not get ${cellsName} for ${provider.path}`);
      return;
    }
    if (count > list.length - at) {
      yield invalid('error', `${node.path}: arguments longer than property`);
      return;
    }
    yield { ok: true, node: provider, arguments: list.slice(at, at + Math.min(count, MAXIMUM_ARGUMENTS)) };
    at += count;
  }
}

function invalid(level: XenDtLine['level'], text: string): PhandleFailure {
  return { ok: false, errno: 'EINVAL', lines: [{ level, text }] };
}
