import { nodeReg } from './address.ts';
import type { DeviceTree, DtNode } from './tree.ts';

/** The console of a machine: the node that /chosen/stdout-path means (device tree specification v0.4, 3.6). */
export function stdoutNode(tree: DeviceTree): DtNode | undefined {
  const chosen = tree.node('/chosen');
  return consoleNamed(tree, chosen?.string('stdout-path') ?? chosen?.string('linux,stdout-path'));
}

/** A node by its path or alias, with or without the console's options after a colon. */
function consoleNamed(tree: DeviceTree, name: string | undefined): DtNode | undefined {
  const path = name?.split(':')[0];
  if (path === undefined) return undefined;
  return tree.node(path.startsWith('/') ? path : (tree.node('/aliases')?.string(path) ?? '/nowhere'));
}

/** Its registers' address as the CPU has it; undefined where there is none. */
export function stdoutAddress(tree: DeviceTree): number | undefined {
  const node = stdoutNode(tree);
  const reg = node && nodeReg(node);
  return reg?.ok === true ? reg.address : undefined;
}
