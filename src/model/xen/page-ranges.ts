/** A set of page frame numbers, kept as ranges (xen/common/rangeset.c). */
export class PageRanges {
  #ranges: { readonly first: number; readonly last: number }[] = [];

  add(first: number, last: number): void {
    const apart = this.#ranges.filter(each => each.last + 1 < first || each.first > last + 1);
    const touching = this.#ranges.filter(each => !apart.includes(each));
    apart.push({
      first: Math.min(first, ...touching.map(each => each.first)),
      last: Math.max(last, ...touching.map(each => each.last)),
    });
    this.#ranges = apart.toSorted((one, other) => one.first - other.first);
  }

  remove(first: number, last: number): void {
    this.#ranges = this.#ranges.flatMap(each => [
      ...(each.first < first ? [{ first: each.first, last: Math.min(each.last, first - 1) }] : []),
      ...(each.last > last ? [{ first: Math.max(each.first, last + 1), last: each.last }] : []),
    ]);
  }

  /** Whether all of `first` to `last` are in the set. */
  contains(first: number, last: number): boolean {
    return this.#ranges.some(each => each.first <= first && last <= each.last);
  }

  /** @returns what brings the set back to what it is now, any number of times */
  snapshot(): () => void {
    const ranges = this.#ranges;
    return () => {
      this.#ranges = ranges;
    };
  }

  /** As Xen's 'q' key prints them: `{ 9010, 47ff2-47ff3 }`. */
  toString(): string {
    const texts = this.#ranges.map(({ first, last }) =>
      first === last ? first.toString(16) : `${first.toString(16)}-${last.toString(16)}`,
    );
    return texts.length === 0 ? '{ }' : `{ ${texts.join(', ')} }`;
  }
}
