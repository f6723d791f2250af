import type { DeviceTree, DtNode } from '../dt/tree.ts';

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

/** Whether the tree names any boot module, of Dom0 or of another domain. */
export function namesBootModules(tree: DeviceTree): boolean {
  return [...(tree.node('/chosen')?.walk() ?? [])].some(node => isModule(node) || isKernel(node));
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

/** The kernel command line of a dom0less domain. */
export function domUBootargs(node: DtNode): string | undefined {
  return node.children.find(isKernel)?.string('bootargs') ?? node.string('bootargs');
}

function isKernel(node: DtNode): boolean {
  return node.isCompatible('multiboot,kernel') || node.isCompatible('xen,linux-zimage');
}

function isModule(node: DtNode): boolean {
  return node.isCompatible('multiboot,module') || node.isCompatible('xen,multiboot-module');
}

const kinds = ['multiboot,ramdisk', 'xen,linux-initrd', 'xen,xsm-policy', 'multiboot,device-tree'] as const;
