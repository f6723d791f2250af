/** Bytes of a serial line -> its lines, in bounded memory. */

/** One line as the serial line carried it. */
export interface PhysicalLine {
  readonly bytes: Uint8Array;
  /** Carriage returns before the newline: Xen sends one, a domain's terminal adds another. */
  readonly carriageReturns: number;
  /** False where the line was cut because it grew too long, or where the input ended. */
  readonly terminated: boolean;
  readonly number: number;
}

const newline = 0x0a;
const carriageReturn = 0x0d;

export class PhysicalLines {
  readonly #held: Uint8Array;
  #length = 0;
  #number = 1;

  /** @param longest bytes after which a line without newline is cut */
  constructor(longest: number) {
    this.#held = new Uint8Array(longest);
  }

  /** Bytes of the line that has not ended. */
  get held(): Uint8Array {
    return this.#held.subarray(0, this.#length);
  }

  get number(): number {
    return this.#number;
  }

  /** Hands each line that `bytes` completes to `line`; the bytes are valid during that call only. */
  feed(bytes: Uint8Array, line: (line: PhysicalLine) => void): void {
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(newline, start);
      const stop = end < 0 ? bytes.length : end;
      if (this.#length === 0 && end >= 0 && stop - start <= this.#held.length) {
        this.#end(bytes, start, stop, true, line);
      } else {
        this.#hold(bytes.subarray(start, stop), line);
        if (end >= 0) this.#end(this.#held, 0, this.#length, true, line);
      }
      if (end < 0) return;
      start = end + 1;
    }
  }

  /** Hands out what is held as a line that never ended. */
  flush(line: (line: PhysicalLine) => void): void {
    if (this.#length > 0) this.#end(this.#held, 0, this.#length, false, line);
  }

  #hold(bytes: Uint8Array, line: (line: PhysicalLine) => void): void {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#length === this.#held.length) this.#end(this.#held, 0, this.#length, false, line);
      const part = rest.subarray(0, this.#held.length - this.#length);
      this.#held.set(part, this.#length);
      this.#length += part.length;
      rest = rest.subarray(part.length);
    }
  }

  #end(
    bytes: Uint8Array,
    start: number,
    stop: number,
    terminated: boolean,
    line: (line: PhysicalLine) => void,
  ): void {
    let end = stop;
    while (end > start && bytes[end - 1] === carriageReturn) end--;
    const carriageReturns = stop - end;
    const { number } = this;
    if (terminated) this.#number++;
    line({ bytes: bytes.subarray(start, end), carriageReturns, terminated, number });
    this.#length = 0;
  }
}
