/** The UART of Xen's console: xen/drivers/char/arm-uart.c, dt_uart_init(). */
import { stdoutNode } from '../dt/stdout.ts';
import type { DeviceTree, DtNode } from '../dt/tree.ts';
import type { CommandLine } from './command-line.ts';
import { findByPath, isAvailable, isForPassthrough } from './device-tree.ts';

/** Path or alias of the node of Xen's own UART. */
export interface XenConsole {
  readonly hostTree: DeviceTree;
  readonly commandLine: CommandLine;
}

/** The node that `dtuart=` names or, without it, `stdout-path`; undefined where there is none. */
export function consoleNode({ hostTree, commandLine }: XenConsole): DtNode | undefined {
  const { dtuart } = commandLine;
  if (dtuart === undefined) return stdoutNode(hostTree);
  const [name = ''] = dtuart.split(':');
  const path = name.startsWith('/') ? name : hostTree.node('/aliases')?.string(name);
  return path === undefined ? undefined : findByPath(hostTree, path);
}

/**
 * Whether Xen prints to nowhere: `console=` goes without the UART, or the one that is named is not there. Where none is
 * named, the boot loader may still name one.
 */
export function isSilent({ hostTree, commandLine }: XenConsole): boolean {
  const { dtuart, consoles } = commandLine;
  if (consoles !== undefined && !consoles.includes('dtuart')) return true;
  if (dtuart === undefined && hostTree.node('/chosen')?.has('stdout-path') !== true) return false;
  const node = consoleNode({ hostTree, commandLine });
  return node === undefined || !isAvailable(node) || isForPassthrough(node);
}
