import { defaultBus, readNumber } from '../dt/bus.ts';
import type { DeviceTree, DtNode } from '../dt/tree.ts';
import type { XenBuild } from './build.ts';
import { XenPanic } from './panic.ts';
import { hasSciSubsystem } from './version.ts';

/** Whether a node of /chosen is a domain's rather than Dom0's. */
export function isDomain(node: DtNode): boolean {
  return node.isCompatible('xen,domain');
}

/** The nodes of dom0less domains, in the order in which Xen creates them. */
export function domainNodes(tree: DeviceTree): readonly DtNode[] {
  return tree.node('/chosen')?.children.filter(isDomain) ?? [];
}

/** Whether Xen builds Dom0: it does unless there are kernels for other domains only (is_dom0less_mode()). */
export function hasDom0(tree: DeviceTree): boolean {
  return hasDom0Kernel(tree) || !domainNodes(tree).some(node => node.children.some(isKernel));
}

/**
 * Whether the tree names boot modules, of Dom0 or of another domain, and says where each is. With any other tree no
 * Xen is started: its modules are yet to be added, or to be placed.
 */
export function namesBootModules(tree: DeviceTree): boolean {
  const named = [...(tree.node('/chosen')?.walk() ?? [])].filter(node => isModule(node) || isKernel(node));
  return named.length > 0 && named.every(node => node.has('reg') && !isPlaceholder(node));
}

/** Whether a module's `reg` has an address and zeros for the size that a boot loader sets. */
function isPlaceholder(node: DtNode): boolean {
  const size = node.cells('reg')?.slice(defaultBus.countCells(node).address) ?? [];
  return size.length > 0 && size.every(cell => cell === 0);
}

/** Whether a boot module is Dom0's kernel, by its kind or by being the first of no kind. */
export function hasDom0Kernel(tree: DeviceTree): boolean {
  const chosen = tree.node('/chosen');
  const modules = chosen?.child('modules')?.children ?? [];
  return [...(chosen?.children ?? []), ...modules].some(
    node => isKernel(node) || (isModule(node) && !kinds.some(kind => node.isCompatible(kind))),
  );
}

/**
 * Whether the first module that is a kernel of Dom0's has no size, as it has where its `reg` is in other cells than
 * Xen reads it in: kernel_probe() of xen/common/device-tree/kernel.c takes it for missing.
 */
export function isDom0KernelEmpty(tree: DeviceTree): boolean {
  const kernel = kernels(tree).find(({ parent }) => parent !== null && !isDomain(parent));
  return kernel !== undefined && place(kernel).size === 0n;
}

/**
 * Dom0's kernel command line: of its module, else `xen,dom0-bootargs`, else `bootargs` where Xen's own is apart
 * (docs/misc/arm/device-tree/booting.txt).
 */
export function dom0Bootargs(tree: DeviceTree): string | undefined {
  const chosen = tree.node('/chosen');
  const modules = [...(chosen?.children ?? []), ...(chosen?.child('modules')?.children ?? [])];
  const ofModule = modules.find(node => isKernel(node))?.string('bootargs');
  const ofChosen = chosen?.has('xen,xen-bootargs') === true ? chosen.string('bootargs') : undefined;
  return ofModule ?? chosen?.string('xen,dom0-bootargs') ?? ofChosen;
}

/**
 * The kernel command line of a dom0less domain: of its kernel's module alone (process_multiboot_node(); Xen does not
 * read `bootargs` of the domain's node).
 * @param modulesAreAdded the module is yet to be made, and gets the `bootargs` of the domain's node
 */
export function domUBootargs(node: DtNode, modulesAreAdded: boolean): string | undefined {
  const ofModule = node.children.find(isKernel)?.string('bootargs');
  return modulesAreAdded ? (ofModule ?? node.string('bootargs')) : ofModule;
}

/**
 * Whether a dom0less domain has a kernel: kernel_probe() of xen/common/device-tree/kernel.c. Of several nodes the last
 * counts; what it names may be the module of another domain.
 */
export function hasDomUKernel(tree: DeviceTree, node: DtNode): boolean {
  const kernel = node.children.findLast(child => child.isCompatible('multiboot,kernel'));
  if (kernel === undefined) return false;
  const { start } = place(kernel);
  const module = kernels(tree)
    .map(place)
    .find(each => each.start === start);
  return module !== undefined && module.size !== 0n;
}

/**
 * process_multiboot_node() of xen/common/device-tree/bootinfo-fdt.c, which Xen runs before it has a console.
 * @returns the panic over the first module that does not say where it is; null where all do. A debug build ends at
 *   numbers of cells that dt_read_number() does not know.
 */
export function checkBootModules(tree: DeviceTree, build: XenBuild): XenPanic | null {
  for (const node of bootModules(tree)) {
    const { path, name } = node;
    if (!node.has('reg')) {
      const text = `node ${name} missing \`reg' property`;
      return new XenPanic('boot-modules.no-reg', text, `${path} has no reg`, { place: path });
    }
    const { address, size } = defaultBus.countCells(node);
    if (!hasPlace(node)) {
      const words = `reg of ${path} is shorter than ${address} cells of address and ${size} of size`;
      const text = `fdt: node \`${name}': \`reg\` property length is too short`;
      return new XenPanic('boot-modules.short-reg', text, words, { place: path });
    }
    const isReadable = [address, size].every(count => count === 1 || count === 2);
    if (!isReadable && build.debug && hasSciSubsystem(build)) {
      const words = `reg of ${path} has ${address} cells of address and ${size} of size; Xen reads 1 or 2`;
      return new XenPanic('boot-modules.cells', "Assertion 'unreachable' failed", words, { place: path });
    }
  }
  return null;
}

/** Bytes of the modules that are put into a domain's memory; 0 where there is none. */
export interface ModuleSizes {
  readonly kernel: number;
  readonly ramdisk: number;
}

export function modulesOfDom0(tree: DeviceTree): ModuleSizes {
  const own = bootModules(tree).filter(({ parent }) => parent !== null && !isDomain(parent));
  const kernel = kernels(tree).find(node => own.includes(node));
  const ramdisk = own.find(isRamdisk);
  return { kernel: sizeOf(kernel), ramdisk: sizeOf(ramdisk) };
}

export function modulesOfDomU(tree: DeviceTree, node: DtNode): ModuleSizes {
  const modules = bootModules(tree);
  const find = (isKind: (each: DtNode) => boolean): DtNode | undefined => {
    const named = node.children.findLast(isKind);
    return named && modules.find(each => isKind(each) && place(each).start === place(named).start);
  };
  return { kernel: sizeOf(find(isKernel)), ramdisk: sizeOf(find(isRamdisk)) };
}

function sizeOf(module: DtNode | undefined): number {
  return module === undefined || !hasPlace(module) ? 0 : Number(place(module).size);
}

function isRamdisk(node: DtNode): boolean {
  return node.isCompatible('multiboot,ramdisk') || node.isCompatible('xen,linux-initrd');
}

/** A kernel of a domain whose place is read, by kernel_probe(), from where there is no value. */
export function domUKernelWithoutPlace(node: DtNode): DtNode | undefined {
  return node.children.find(child => child.isCompatible('multiboot,kernel') && !hasPlace(child));
}

function hasPlace(node: DtNode): boolean {
  const { address, size } = defaultBus.countCells(node);
  return (node.cells('reg')?.length ?? 0) >= address + size;
}

/** The nodes that Xen looks for modules at: not more than three levels below the root. */
function bootModules(tree: DeviceTree): readonly DtNode[] {
  const chosen = tree.node('/chosen');
  return [...(chosen?.walk() ?? [])].filter(
    node => isModule(node) && (node === chosen || node.parent === chosen || node.parent?.parent === chosen),
  );
}

/** Modules that are kernels, by their kind or, for one of them, by being the first of no kind. */
function kernels(tree: DeviceTree): readonly DtNode[] {
  const modules = bootModules(tree);
  const first = modules.find(node => !isKernel(node) && !kinds.some(kind => node.isCompatible(kind)));
  return modules.filter(node => isKernel(node) || node === first);
}

/** dt_get_range() of the first entry of `reg`, as it stands there. */
function place(node: DtNode): { readonly start: bigint; readonly size: bigint } {
  const { address, size } = defaultBus.countCells(node);
  const cells = node.cells('reg') ?? [];
  return {
    start: readNumber(cells, address, []),
    size: readNumber(cells.slice(address), size, []),
  };
}

function isKernel(node: DtNode): boolean {
  return node.isCompatible('multiboot,kernel') || node.isCompatible('xen,linux-zimage');
}

function isModule(node: DtNode): boolean {
  return node.isCompatible('multiboot,module') || node.isCompatible('xen,multiboot-module');
}

const kinds = ['multiboot,ramdisk', 'xen,linux-initrd', 'xen,xsm-policy', 'multiboot,device-tree'] as const;
