/**
 * Where a guest of the toolstack has what: xen/include/public/arch-arm.h. What stands in these ranges is the guest's
 * own memory or Xen's emulation, of which the model has no picture; what is in none of them is there only if it was
 * mapped.
 */
interface GuestRange {
  readonly name: string;
  readonly base: number;
  readonly size: number;
}

const MiB = 0x10_0000;

const devices: readonly GuestRange[] = [
  { name: 'virtio devices', base: 0x0200_0000, size: 1 * MiB },
  { name: 'the GIC', base: 0x0300_1000, size: 0x0102_0000 },
  { name: "PCI's configuration space", base: 0x1000_0000, size: 256 * MiB },
  { name: 'ACPI tables', base: 0x2000_0000, size: 32 * MiB },
  { name: 'the UART', base: 0x2200_0000, size: 0x1000 },
  { name: "PCI's memory", base: 0x2300_0000, size: 256 * MiB },
  { name: 'the grant table', base: 0x3800_0000, size: 16 * MiB },
  { name: 'pages shared with the toolstack', base: 0x3900_0000, size: 16 * MiB },
];

/**
 * Memory of a guest at an address that the model cannot look into.
 * @param memory MiB that the guest is given; the toolstack may add a little to it
 * @returns undefined where only a mapping can be
 */
export function guestOwn(address: number, memory: number): string | undefined {
  const ranges = [...devices, { name: 'its own memory', base: RAM_BASE, size: (memory + SLACK) * MiB }];
  return ranges.find(({ base, size }) => base <= address && address < base + size)?.name;
}

/**
 * Whether the toolstack leaves memory of a guest alone: it is neither near the kernel, at the beginning, nor near the
 * device tree, at the end or 128 MiB from the beginning (tools/libs/guest/xg_dom_arm.c, meminit()).
 * @param memory MiB that the guest is given
 */
export function isFreeMemory(address: number, memory: number): boolean {
  return RAM_BASE + 8 * MiB <= address && address < RAM_BASE + (Math.min(memory, 128) - 4) * MiB;
}

/** GUEST_RAM0_BASE */
const RAM_BASE = 0x4000_0000;
const SLACK = 16;
