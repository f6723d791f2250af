/** Memory after the boot loader: files at physical addresses, later ones over earlier ones. */
export class MachineMemory {
  readonly #regions: { readonly address: number; readonly bytes: Uint8Array }[] = [];

  /** Puts bytes at a physical address. */
  store(address: number, bytes: Uint8Array): void {
    this.#regions.unshift({ address, bytes });
  }

  /**
   * Reads what was put somewhere. Memory that nothing was put into holds no file.
   * @returns `length` bytes, fewer where the file ends earlier; empty where there is none
   */
  read(address: number, length: number): Uint8Array {
    for (const region of this.#regions) {
      const start = address - region.address;
      if (start < 0 || start >= region.bytes.length) continue;
      const end = Math.min(start + length, region.bytes.length);
      const found = region.bytes.subarray(start, end);
      return this.#isOverwritten(region, start, end) ? this.#compose(address, found.length) : found;
    }
    return new Uint8Array();
  }

  /** Whether a file that was put somewhere later reaches into this one. */
  #isOverwritten(region: { address: number }, start: number, end: number): boolean {
    for (const later of this.#regions) {
      if (later === region) return false;
      if (
        later.address < region.address + end &&
        later.address + later.bytes.length > region.address + start
      ) {
        return true;
      }
    }
    return false;
  }

  #compose(address: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (const region of this.#regions.toReversed()) {
      const from = Math.max(address, region.address);
      const to = Math.min(address + length, region.address + region.bytes.length);
      if (from < to)
        bytes.set(region.bytes.subarray(from - region.address, to - region.address), from - address);
    }
    return bytes;
  }
}
