import type { DeviceTree } from '../dt/tree.ts';
import { isAvailable } from './device-tree.ts';

/**
 * min(vgic_max_vcpus(), MAX_VIRT_CPUS): how many vCPUs a domain may have on the machine's interrupt controller
 * (xen/arch/arm/vgic.c, config.h, gic.c). Where the tree has none, that of GICv3: no Xen comes up without one.
 */
export function mostVcpus(tree: DeviceTree): number {
  for (const node of tree.root.walk()) {
    if (!node.has('interrupt-controller') || !isAvailable(node)) continue;
    if (gicV2.some(each => node.isCompatible(each))) return 8;
    if (node.isCompatible('arm,gic-v3')) return MAX_VIRT_CPUS;
  }
  return MAX_VIRT_CPUS;
}

/** On arm64. */
export const MAX_VIRT_CPUS = 128;

const gicV2 = ['arm,cortex-a15-gic', 'arm,cortex-a7-gic', 'arm,gic-400'] as const;
