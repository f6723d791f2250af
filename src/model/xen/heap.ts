/** The machine's RAM, and what of it the domains have: as much as decides whether one more fits (xen/common/page_alloc.c). */
import { defaultBus, entriesOf, readNumber } from '../dt/bus.ts';
import type { DeviceTree } from '../dt/tree.ts';

/** RAM of a machine in bytes. */
export interface Ram {
  /** RAM that there is, as far as it is known. */
  readonly expected: number;
  /** RAM that there can be at most: a boot loader writes into the tree what it finds. */
  readonly most: number;
}

/**
 * RAM of the tree's /memory nodes, as early_scan_node() of xen/common/device-tree/bootinfo-fdt.c collects it.
 * @param isFinal Xen is started with this very tree: no boot loader completes it
 * @returns undefined where the tree names none
 */
export function ramOfTree(tree: DeviceTree, isFinal: boolean): Ram | undefined {
  let bytes = 0n;
  for (const node of tree.root.children) {
    if (!/^memory(?:@|$)/.test(node.name) || node.string('device_type') !== 'memory') continue;
    const { address, size } = defaultBus.countCells(node);
    if (address < 1 || size < 1) continue;
    for (const entry of entriesOf(node.cells('reg') ?? [], address + size)) {
      bytes += readNumber(entry.slice(address), size, []);
    }
  }
  if (bytes === 0n) return undefined;
  return { expected: Number(bytes), most: Number(bytes) * (isFinal ? 1 : mostVariants) };
}

/** Boards of one kind come with up to four times the RAM of the smallest (Raspberry Pi 5: 4 to 16 GiB). */
const mostVariants = 4;

/** Share of the RAM that Xen, its frame table and the boot modules leave to domains for certain. */
const certainShare = 7 / 8;

export class Heap {
  readonly #ram: Ram | undefined;
  readonly #tellUnknown: (words: string) => void;
  readonly #taken = new Map<number, number>();

  /** @param tellUnknown told in words where it depends on the machine whether memory is there */
  constructor(ram: Ram | undefined, tellUnknown: (words: string) => void) {
    this.#ram = ram;
    this.#tellUnknown = tellUnknown;
  }

  /**
   * Gives a domain memory.
   * @param bytes amount, in addition to what the domain has
   * @returns 0, or the bytes that are certain to be missing
   */
  take(domid: number, bytes: number, what: string): number {
    const taken = [...this.#taken.values()].reduce((sum, each) => sum + each, bytes);
    const { expected, most } = this.#ram ?? unknownRam;
    if (taken > most) return taken - most;
    if (taken > expected * certainShare && bytes > 0) {
      const mebibytes = Math.ceil(taken / 0x10_0000);
      this.#tellUnknown(`whether ${what} is there: ${mebibytes} MiB are then in use of the machine's RAM`);
    }
    this.#taken.set(domid, (this.#taken.get(domid) ?? 0) + bytes);
    return 0;
  }

  /** Whether the machine may have that much memory free if Dom0 had none. */
  couldFree(bytes: number): boolean {
    const guests = [...this.#taken].filter(([domid]) => domid !== 0);
    return guests.reduce((sum, [, each]) => sum + each, bytes) <= (this.#ram ?? unknownRam).most;
  }

  /** The memory of a domain is free again. */
  release(domid: number): void {
    this.#taken.delete(domid);
  }

  /** @returns what brings back who has what now, any number of times */
  snapshot(): () => void {
    const taken = [...this.#taken];
    return () => {
      this.#taken.clear();
      for (const [domid, bytes] of taken) this.#taken.set(domid, bytes);
    };
  }
}

/** No machine that Xen runs on has more: 48 bits of physical address (arm64). */
const unknownRam: Ram = { expected: 2 ** 48, most: 2 ** 48 };
