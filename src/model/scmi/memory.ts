/** Why an access to a range aborts: nothing answers there, or only the secure world may look. */
export type AbortReason = 'unbacked' | 'secure';

/** Which world makes an access: the hypervisor and its domains, or firmware at EL3. */
export type World = 'non-secure' | 'secure';

/** A synchronous external abort: the bus answered an access with an error. */
export class MemoryAbort extends Error {
  override readonly name = 'MemoryAbort';
  /** Physical address of the first byte that was refused. */
  readonly address: number;
  readonly access: 'read' | 'write';
  readonly reason: AbortReason;

  constructor(address: number, access: 'read' | 'write', reason: AbortReason) {
    super(`${access} of ${reason} memory at 0x${address.toString(16)}`);
    this.address = address;
    this.access = access;
    this.reason = reason;
  }
}

/**
 * The physical memory of a machine: 4 KiB pages that read as zero until something is written.
 *
 * Addresses are bytes, 0 to 2^53 - 1, with no need to be aligned; words are 32 bits, little endian.
 * Every access throws a {@link MemoryAbort} where it touches a range that was marked as aborting.
 *
 * @example
 * const memory = new PhysicalMemory();
 * memory.abortRange({ base: 0x4000_0000, size: 0x1000, reason: 'secure' });
 * memory.writeU32(0x47ff_0004, 1);
 */
export class PhysicalMemory {
  readonly #pages = new Map<number, Page>();
  readonly #aborting: AbortingRange[] = [];

  /** Lets accesses to `size` bytes from `base` abort: all of them, or the non-secure world's. */
  abortRange(range: AbortingRange): void {
    this.#aborting.push(range);
  }

  readU32(address: number, world: World = 'non-secure'): number {
    this.#check(address, 4, 'read', world);
    if (address % 4 === 0) {
      return this.#pages.get(pageOf(address))?.content.getUint32(address % pageSize, true) ?? 0;
    }
    let value = 0;
    for (let byte = 3; byte >= 0; byte--) value = value * 0x100 + this.#readU8(address + byte);
    return value;
  }

  /** Writes the low 32 bits of `value`. */
  writeU32(address: number, value: number, world: World = 'non-secure'): void {
    this.#check(address, 4, 'write', world);
    if (address % 4 !== 0) {
      for (let byte = 0; byte < 4; byte++) this.#writeU8(address + byte, value >>> (8 * byte));
      return;
    }
    const at = address % pageSize;
    const { content, written } = this.#pageAt(address);
    content.setUint32(at, value, true);
    written.setUint32(at, 0x01010101);
  }

  readBytes(address: number, length: number, world: World = 'non-secure'): Uint8Array {
    this.#check(address, length, 'read', world);
    return Uint8Array.from({ length }, (_, index) => this.#readU8(address + index));
  }

  writeBytes(address: number, bytes: Uint8Array, world: World = 'non-secure'): void {
    this.#check(address, bytes.length, 'write', world);
    for (const [index, byte] of bytes.entries()) this.#writeU8(address + index, byte);
  }

  /** Whether all of these bytes have been written since power on: what the others hold no real machine tells. */
  isWritten(address: number, length: number): boolean {
    return Array.from({ length }, (_, index) => address + index).every(
      each => this.#pages.get(pageOf(each))?.written.getUint8(each % pageSize) === 1,
    );
  }

  /** Whether the non-secure world's accesses to some of these bytes abort. */
  aborts(address: number, length: number): boolean {
    return this.#aborting.some(({ base, size }) => address < base + size && base < address + length);
  }

  #check(address: number, length: number, access: 'read' | 'write', world: World): void {
    for (const { base, size, reason } of this.#aborting) {
      const refused = reason === 'unbacked' || world === 'non-secure';
      if (refused && address < base + size && base < address + length) {
        throw new MemoryAbort(Math.max(address, base), access, reason);
      }
    }
  }

  #readU8(address: number): number {
    return this.#pages.get(pageOf(address))?.content.getUint8(address % pageSize) ?? 0;
  }

  #writeU8(address: number, value: number): void {
    const { content, written } = this.#pageAt(address);
    content.setUint8(address % pageSize, value);
    written.setUint8(address % pageSize, 1);
  }

  /** The page of an address, made where there was none. */
  #pageAt(address: number): Page {
    const number = pageOf(address);
    let page = this.#pages.get(number);
    if (page === undefined) {
      page = {
        content: new DataView(new ArrayBuffer(pageSize)),
        written: new DataView(new ArrayBuffer(pageSize)),
      };
      this.#pages.set(number, page);
    }
    return page;
  }
}

interface Page {
  readonly content: DataView;
  /** A 1 for each byte that somebody has written. */
  readonly written: DataView;
}

export interface AbortingRange {
  readonly base: number;
  readonly size: number;
  readonly reason: AbortReason;
}

const pageSize = 0x1000;
const pageOf = (address: number): number => Math.floor(address / pageSize);
