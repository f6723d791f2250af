import type { AbortingRange } from '../scmi/memory.ts';

/**
 * Where a machine's bus answers an access of the non-secure world with an abort, by the name of the firmware
 * profile that goes with the machine. What is not listed here counts as memory or device.
 */
export function abortingRanges(firmwareProfile: string): readonly AbortingRange[] {
  return maps.get(firmwareProfile) ?? [];
}

/** qemu-system-aarch64 -machine virt,secure=on with 2 GiB: hw/arm/virt.c, base_memmap. */
const qemuVirtSecure: readonly AbortingRange[] = [
  { base: 0x0000_0000, size: 0x0400_0000, reason: 'secure' },
  { base: 0x0904_0000, size: 0x0000_1000, reason: 'secure' },
  { base: 0x0a00_4000, size: 0x03ff_c000, reason: 'unbacked' },
  { base: 0x0e00_0000, size: 0x0100_0000, reason: 'secure' },
  { base: 0x0f00_0000, size: 0x2fef_0000, reason: 'unbacked' },
  { base: 0xc000_0000, size: 0x40_1000_0000 - 0xc000_0000, reason: 'unbacked' },
];

const maps = new Map<string, readonly AbortingRange[]>([['reference', qemuVirtSecure]]);
