import { pageSize, pagesUp } from './domain.ts';

/** A range of machine memory that Xen has mapped for itself. */
export interface IoMapping {
  /** Machine address of the first byte asked for. */
  readonly machineAddress: number;
  /** Xen's address of the same byte. */
  readonly virtualAddress: number;
  readonly pages: number;
}

/**
 * Xen's window for mappings of devices: first fit, a guard page after each mapping (xen/common/vmap.c).
 * The window's first free address is the one of an arm64 build with two CPUs; nothing but the pointer that
 * the mediator prints depends on it.
 */
export class Vmap {
  readonly #mapped: IoMapping[] = [];

  /** ioremap_nocache(): maps the pages that `size` bytes from `address` touch. */
  ioremap(address: number, size: number): IoMapping {
    const offset = address % pageSize;
    const pages = pagesUp(offset + size);
    const mapping = {
      machineAddress: address,
      virtualAddress: this.#firstFree(pages + 1) + offset,
      pages,
    };
    this.#mapped.push(mapping);
    return mapping;
  }

  iounmap(mapping: IoMapping): void {
    const index = this.#mapped.indexOf(mapping);
    if (index >= 0) this.#mapped.splice(index, 1);
  }

  #firstFree(pages: number): number {
    let address = firstAddress;
    for (const { virtualAddress, pages: taken } of this.#mapped.toSorted(byAddress)) {
      const start = virtualAddress - (virtualAddress % pageSize);
      if (start - address >= pages * pageSize) break;
      address = start + (taken + 1) * pageSize;
    }
    return address;
  }
}

const firstAddress = 0xa00_40f7_d000;
const byAddress = (one: IoMapping, other: IoMapping): number => one.virtualAddress - other.virtualAddress;
