/** Commands for U-Boot: typed at its prompt, or in a script that it runs. */
import { loadCommand } from '../../../machines/u-boot-load.ts';
import type { UBoot } from '../../board/board-type.ts';
import { ConfigurationError } from '../../config/configuration-error.ts';
import type { PlannedBoard } from '../../lab/planned-board.ts';
import type { DeviceTree, DtNode } from '../../model/dt/tree.ts';
import { cellsBelow } from './boot-modules.ts';
import { type Placed, treeRoom } from './places.ts';

/** Its own address and the server's: without them it fetches nothing. */
export function networkCommands({ network, tftp }: PlannedBoard): string[] {
  return settings([
    ['autoload', 'no'],
    ['ipaddr', network.address],
    ['serverip', network.server],
    ['netmask', network.netmask],
    ['gatewayip', network.gateway],
    ['tftpdstp', tftp.port === tftpPort ? undefined : String(tftp.port)],
  ]);
}

const tftpPort = 69;

/** Variables of the board type, then its own commands. An empty value deletes. */
export function preparingCommands({ environment, commands }: UBoot): string[] {
  return [...settings(Object.entries(environment)), ...commands];
}

function settings(environment: readonly (readonly [string, string | undefined])[]): string[] {
  return environment
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => (value === '' ? `setenv ${name}` : `setenv ${name} ${value}`));
}

/** `booti ${xen} - ${dtb}` with addresses; `${xen.size}` stands for a size. */
export function startCommand({ start }: UBoot, placed: readonly Placed[]): string {
  return start.replaceAll(/\$\{([^}.]+)(\.size)?\}/g, (whole, name: string, size: string | undefined) => {
    const file = placed.find(each => each.file === name);
    if (file === undefined) {
      throw new ConfigurationError(`the start command names ${whole}, but the board type loads no ${name}`);
    }
    return hexadecimal(size === undefined ? file.address : file.size);
  });
}

/** A file that U-Boot fetches, by the name that it asks for. */
export interface Fetched {
  readonly file: string;
  readonly address: number;
  /** Kind of the module in the host tree, for Xen. */
  readonly isModule: boolean;
}

export interface ScriptParts {
  /** Commands before the files are fetched. */
  readonly before: readonly string[];
  /** In order; the device tree first, where U-Boot fetches that. */
  readonly load: readonly Fetched[];
  /** With the modules. */
  readonly hostTree: DeviceTree;
  /** How U-Boot names where the tree is: `booti`'s third argument. */
  readonly tree: string;
  /** Commands after all files have come. */
  readonly last: string;
}

/**
 * A script. What follows a file that does not come is not run: each stands in the `if` of the one before, because
 * `exit` ends no script in U-Boot 2023.01. Of a module the size in the tree is set to what has come: Xen takes it
 * exactly.
 */
export function scriptText({ before, load, hostTree, tree, last }: ScriptParts): string {
  const isTree = ({ address }: Fetched) => hexadecimal(address) === tree;
  const openTree = load.some(({ isModule }) => isModule)
    ? [`fdt addr ${tree}`, `fdt resize ${hexadecimal(treeRoom)}`]
    : [];
  const lines = [
    ...before,
    ...load.filter(isTree).map(fetching),
    ...openTree,
    ...load
      .filter(file => !isTree(file))
      .flatMap(file => [fetching(file), ...(file.isModule ? [sizeCommand(hostTree, file.address)] : [])]),
    last,
    ...load.map(() => 'fi'),
  ];
  return `${lines.join('\n')}\n`;
}

function fetching(file: Fetched): string {
  return `if ${loadCommand(file)}; then`;
}

/** The tree's place in the command that starts Xen. */
export function treeOf(start: string): string {
  return start.split(' ').at(-1) ?? '';
}

/** U-Boot keeps the size of the last file as `filesize`, in hexadecimal without 0x. */
function sizeCommand(tree: DeviceTree, address: number): string {
  const { path, place, sizeCells } = moduleAt(tree, address);
  // No file is larger than 4 GiB: the upper cell of its size is 0.
  const size = [...Array.from({ length: sizeCells - 1 }, () => '0x0'), '0x${filesize}'];
  return `fdt set ${path} reg <${[...place.map(hexadecimal), ...size].join(' ')}>`;
}

function moduleAt(tree: DeviceTree, address: number) {
  for (const node of tree.node('/chosen')?.walk() ?? []) {
    if (node.parent === null || !isModuleNode(node)) continue;
    const cells = cellsBelow(node.parent);
    const place = node.cells('reg')?.slice(0, cells.address) ?? [];
    const [low = -1, high = 0] = place.toReversed();
    if (high * 2 ** 32 + low === address) return { path: node.path, place, sizeCells: cells.size };
  }
  throw new Error(`no boot module of the host tree is at ${hexadecimal(address)}`);
}

function isModuleNode(node: DtNode): boolean {
  return node.strings('compatible')?.some(each => each.startsWith('multiboot,')) === true;
}

function hexadecimal(value: number): string {
  return `0x${value.toString(16)}`;
}
