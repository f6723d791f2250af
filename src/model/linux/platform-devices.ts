/** Which nodes of a domain's tree become devices, and what they are called (drivers/of/platform.c). */
import { nodeReg } from '../dt/address.ts';
import type { DeviceTree, DtNode } from '../dt/tree.ts';

/** `okay`, `ok` or no `status` at all (of_device_is_available). */
export function isAvailable(node: DtNode): boolean {
  if (!node.has('status')) return true;
  const status = node.string('status');
  return status === 'okay' || status === 'ok';
}

/**
 * The nodes for which of_platform_default_populate makes a device: those with a `compatible` below the
 * root and below /firmware, and below each of them that is a bus. A node of which an ancestor is
 * disabled, or is no bus, has none: `/firmware/scmi` of a guest's tree stands under /passthrough, so both
 * /passthrough and /passthrough/firmware must be `simple-bus`.
 */
export function deviceNodes(tree: DeviceTree): DtNode[] {
  const nodes: DtNode[] = [];
  const firmware = tree.root.child('firmware');
  if (firmware !== undefined) for (const child of firmware.children) collect(child, nodes);
  for (const child of tree.root.children) collect(child, nodes);
  return nodes;
}

/** The device's name: `9010000.pl031`, `firmware:scmi`, `passthrough:firmware:scmi` (of_device_make_bus_id). */
export function deviceName(node: DtNode): string {
  const names: string[] = [];
  for (let at: DtNode = node; at.parent !== null; at = at.parent) {
    const base = at.name.split('@')[0] ?? at.name;
    const reg = nodeReg(at);
    if (reg.ok) {
      names.unshift(`${reg.address.toString(16)}.${base}`);
      break;
    }
    names.unshift(at.name);
  }
  return names.join(':');
}

const buses = ['simple-bus', 'simple-mfd', 'isa', 'arm,amba-bus'];

function collect(node: DtNode, nodes: DtNode[]): void {
  if (!node.has('compatible') || !isAvailable(node)) return;
  nodes.push(node);
  if (!buses.some(bus => node.isCompatible(bus))) return;
  for (const child of node.children) collect(child, nodes);
}
