import { encodeHeader, type MessageHeader } from './header.ts';
import type { PhysicalMemory, World } from './memory.ts';

/** Bits of the channel status word. */
export const channelStatus = { free: 0x1, error: 0x2 } as const;

/** Byte offsets of an area's fields: SCMI specification, section 5.1.2. */
export const sharedMemoryOffset = {
  channelStatus: 0x04,
  channelFlags: 0x10,
  length: 0x14,
  header: 0x18,
  payload: 0x1c,
} as const;

/** Bytes that `length` counts before the payload: the message header. */
export const headerSize = 4;

/**
 * One SCMI shared-memory area, as either side sees it.
 *
 * Nothing is checked and nothing is remembered: each access goes to memory, so it aborts where
 * memory does.
 */
export class SharedMemory {
  readonly address: number;
  readonly #memory: PhysicalMemory;
  readonly #world: World;

  /** @param address - Physical address of the area's first byte. */
  constructor(memory: PhysicalMemory, address: number, world: World = 'non-secure') {
    this.#memory = memory;
    this.address = address;
    this.#world = world;
  }

  get channelStatus(): number {
    return this.#read(sharedMemoryOffset.channelStatus);
  }

  set channelStatus(value: number) {
    this.#write(sharedMemoryOffset.channelStatus, value);
  }

  get free(): boolean {
    return (this.channelStatus & channelStatus.free) !== 0;
  }

  get channelFlags(): number {
    return this.#read(sharedMemoryOffset.channelFlags);
  }

  set channelFlags(value: number) {
    this.#write(sharedMemoryOffset.channelFlags, value);
  }

  /** Bytes of header and payload. */
  get length(): number {
    return this.#read(sharedMemoryOffset.length);
  }

  set length(value: number) {
    this.#write(sharedMemoryOffset.length, value);
  }

  get header(): number {
    return this.#read(sharedMemoryOffset.header);
  }

  set header(value: number) {
    this.#write(sharedMemoryOffset.header, value);
  }

  /** The 32-bit word of the payload with this index. */
  word(index: number): number {
    return this.#read(sharedMemoryOffset.payload + 4 * index);
  }

  /** The first `count` words of the payload. */
  words(count: number): number[] {
    const words: number[] = [];
    for (let index = 0; index < count; index++) words.push(this.word(index));
    return words;
  }

  setWord(index: number, word: number): void {
    this.#write(sharedMemoryOffset.payload + 4 * index, word);
  }

  /** @param first index of the first of them in the payload */
  setWords(words: readonly number[], first = 0): void {
    let index = first;
    for (const word of words) this.setWord(index++, word);
  }

  /** Zeroes everything before the payload. */
  clearFields(): void {
    for (let offset = 0; offset < sharedMemoryOffset.payload; offset += 4) this.#write(offset, 0);
  }

  #read(offset: number): number {
    return this.#memory.readU32(this.address + offset, this.#world);
  }

  #write(offset: number, value: number): void {
    this.#memory.writeU32(this.address + offset, value, this.#world);
  }
}

/** A command as a caller puts it into its area. */
export interface OutgoingMessage extends Pick<MessageHeader, 'protocol' | 'message'> {
  readonly token?: number;
  /** Payload, as 32-bit words. */
  readonly words?: readonly number[];
}

/**
 * Puts a command into an area and marks the channel busy. Whether it was free is the caller's
 * business: Linux waits and then goes on, Xen gives up (drivers/firmware/arm_scmi/shmem.c,
 * xen/arch/arm/firmware/scmi-shmem.c).
 */
export function putMessage(area: SharedMemory, message: OutgoingMessage): void {
  const words = message.words ?? [];
  area.channelStatus = 0;
  area.channelFlags = 0;
  area.length = headerSize + 4 * words.length;
  area.header = encodeHeader(message);
  area.setWords(words);
}

/** A reply as the area has it. */
export interface IncomingReply {
  readonly channelStatus: number;
  readonly header: number;
  /** Bytes of header and payload, as the other side wrote it. */
  readonly length: number;
  /** SCMI status: the payload's first word, signed. */
  readonly status: number;
  /** Words after the status, at most `limit` of them. */
  readonly words: readonly number[];
}

/** Largest payload of a channel of 128 bytes, in words. */
const payloadLimit = (128 - sharedMemoryOffset.payload) / 4;

/**
 * Reads what an area holds after the doorbell.
 *
 * @param limit - Most words of payload to read, whatever the length word claims.
 */
export function readReply(area: SharedMemory, limit = payloadLimit): IncomingReply {
  const length = area.length;
  const count = Math.min(limit, Math.floor(Math.max(0, length - headerSize) / 4));
  const [first = 0, ...words] = area.words(Math.max(1, count));
  return {
    channelStatus: area.channelStatus,
    header: area.header,
    length,
    status: first | 0,
    words: count === 0 ? [] : words,
  };
}

/** The text of a zero-terminated name of 32-bit words. */
export function textOfWords(words: readonly number[]): string {
  const characters: number[] = [];
  for (const word of words) {
    for (let shift = 0; shift < 32; shift += 8) {
      const character = (word >>> shift) & 0xff;
      if (character === 0) return String.fromCharCode(...characters);
      characters.push(character);
    }
  }
  return String.fromCharCode(...characters);
}

/** A name as zero-padded 32-bit words; at most `size - 1` characters of it, so that it ends. */
export function wordsOfText(text: string, size = 16): number[] {
  const end = Math.min(size - 1, text.length);
  const words: number[] = [];
  for (let at = 0; at < size; at += 4) {
    let word = 0;
    for (let byte = Math.min(3, end - 1 - at); byte >= 0; byte--) {
      word = word * 0x100 + (text.charCodeAt(at + byte) & 0xff);
    }
    words.push(word);
  }
  return words;
}
