/** The list of agents of the `xen,sci` container, and the pages that channels have. */
import { nodeReg } from '../dt/address.ts';
import type { DeviceTree, DtNode } from '../dt/tree.ts';
import type { FirmwareFacts } from './firmware-facts.ts';

/** A shared memory node, and where Xen finds it. */
export interface Page {
  readonly node: DtNode;
  /** Physical address and size in bytes; undefined where they do not translate. */
  readonly address: number | undefined;
  readonly size: number | undefined;
}

/** One entry of `scmi-secondary-agents`. */
export interface Entry {
  /** Counted from 0. */
  readonly index: number;
  readonly functionId: number;
  readonly phandle: number;
  readonly page: Page | undefined;
  /** The id that the list gives; undefined with two cells. */
  readonly listedId: number | undefined;
  /** The id that its channel gets: the listed one, else the one that firmware has for the function id. */
  readonly agentId: number | undefined;
}

export interface AgentList {
  /** `#scmi-secondary-agents-cells`, 3 where absent. */
  readonly cells: number;
  /** The list's length in bytes; undefined where there is none. */
  readonly length: number | undefined;
  /** Empty where Xen cannot read the list either, or reads it wrongly. */
  readonly entries: readonly Entry[];
  /** Whether its phandles mean nodes only if it is read with the other number of cells an entry. */
  readonly isMisread: boolean;
}

export function readAgentList(
  tree: DeviceTree,
  container: DtNode | undefined,
  firmware: FirmwareFacts | null,
): AgentList {
  const cells = container?.u32('#scmi-secondary-agents-cells') ?? 3;
  const values = container?.cells('scmi-secondary-agents') ?? [];
  const length = container?.properties.get('scmi-secondary-agents')?.length;
  const isReadable = (cells === 2 || cells === 3) && length !== undefined && length % (cells * 4) === 0;
  const isMisread = isReadable && !resolves(tree, values, cells) && resolves(tree, values, 5 - cells);
  const entries = isReadable && !isMisread ? readEntries(tree, values, cells, firmware) : [];
  return { cells, length, isMisread, entries };
}

/**
 * The page that a phandle means.
 * @returns undefined where it means no node
 */
export function pageOf(tree: DeviceTree, phandle: number | undefined): Page | undefined {
  const node = phandle === undefined ? undefined : tree.byPhandle(phandle);
  if (node === undefined) return undefined;
  const reg = nodeReg(node);
  return reg.ok
    ? { node, address: reg.address, size: reg.size }
    : { node, address: undefined, size: undefined };
}

/** Nodes from a page up to the root that lack `ranges`, so that no address gets through them. */
export function nodesWithoutRanges(page: Page): readonly DtNode[] {
  const missing: DtNode[] = [];
  for (let node = page.node.parent; node !== null && node.parent !== null; node = node.parent) {
    if (!node.has('ranges')) missing.push(node);
  }
  return missing.toReversed();
}

function readEntries(
  tree: DeviceTree,
  values: readonly number[],
  cells: number,
  firmware: FirmwareFacts | null,
): Entry[] {
  return Array.from({ length: values.length / cells }, (_, index) => {
    const [functionId = 0, phandle = 0, listedId] = values.slice(index * cells, (index + 1) * cells);
    const agentId = listedId ?? firmware?.byFunctionId(functionId)?.id;
    return { index, functionId, phandle, page: pageOf(tree, phandle), listedId, agentId };
  });
}

/** Whether every phandle of the list names a node when entries have this number of cells. */
function resolves(tree: DeviceTree, values: readonly number[], cells: number): boolean {
  if (values.length === 0 || values.length % cells !== 0) return false;
  return values.every((value, at) => at % cells !== 1 || tree.byPhandle(value) !== undefined);
}
