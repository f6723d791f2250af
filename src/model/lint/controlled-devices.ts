/** Devices of the host that name an SCMI node in `access-controllers`. */
import { nodeReg } from '../dt/address.ts';
import { phandleWithArguments } from '../dt/phandle-arguments.ts';
import type { DeviceTree, DtNode } from '../dt/tree.ts';
import { isAvailable, isForPassthrough } from '../xen/device-tree.ts';

export interface ControlledDevice {
  readonly node: DtNode;
  /** Whether Dom0 gets it; else it waits for a guest (`xen,passthrough`). */
  readonly isDom0s: boolean;
  readonly isAvailable: boolean;
  /** Entries of `access-controllers`, up to the first that cannot be read. */
  readonly controllers: readonly Controller[];
  /** Why the rest cannot be read, as Xen prints it; undefined where all can. */
  readonly unreadable: string | undefined;
  /** Pages that its registers are in, as physical addresses and sizes in bytes. */
  readonly ranges: readonly { readonly address: number; readonly size: number }[];
}

interface Controller {
  readonly provider: DtNode;
  readonly args: readonly number[];
  /** Whether the provider is the node that the mediator binds to, so that a message is sent. */
  readonly isManagement: boolean;
}

/** @param management the node that the mediator binds to */
export function controlledDevices(tree: DeviceTree, management: DtNode | undefined): ControlledDevice[] {
  return [...tree.root.walk()]
    .filter(node => node.has('access-controllers'))
    .map(node => ({ node, ...readControllers(tree, node, management) }))
    .map(device => ({
      ...device,
      isDom0s: !isForPassthrough(device.node),
      isAvailable: isAvailable(device.node),
      ranges: rangesOf(device.node),
    }));
}

function readControllers(
  tree: DeviceTree,
  node: DtNode,
  management: DtNode | undefined,
): Pick<ControlledDevice, 'controllers' | 'unreadable'> {
  const controllers: Controller[] = [];
  for (let index = 0; ; index++) {
    const entry = phandleWithArguments(tree, node, 'access-controllers', '#access-controller-cells', index);
    if (!entry.ok) {
      const unreadable = entry.errno === 'EINVAL' ? entry.lines.map(({ text }) => text).join(' ') : undefined;
      return { controllers, unreadable };
    }
    const isManagement = entry.node === management;
    controllers.push({ provider: entry.node, args: entry.arguments, isManagement });
  }
}

function rangesOf(node: DtNode): ControlledDevice['ranges'] {
  const ranges = [];
  for (let index = 0; ; index++) {
    const reg = nodeReg(node, index);
    if (!reg.ok) return ranges;
    ranges.push({ address: reg.address, size: reg.size });
  }
}
