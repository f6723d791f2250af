/** `dmesg` on a console prints what the kernel has printed there already, stamps and all: it counts once. */
export class WithoutRepeats {
  readonly #seen = new Set<string>();

  /** Whether a kernel line was seen before; a line without time stamp never was. */
  has(console: string, domid: number | undefined, stamp: number | undefined, text: string): boolean {
    if (domid === undefined || stamp === undefined) return false;
    const key = `${console} ${domid} ${stamp} ${text}`;
    if (this.#seen.has(key)) return true;
    this.#seen.add(key);
    return false;
  }
}
