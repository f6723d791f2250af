/** Which of the lines that were seen are the ones that were expected, both in order. */

/** A pair of indices: into what was expected, and into what was seen. */
export interface Pair {
  readonly expected: number;
  readonly seen: number;
}

/**
 * The longest alignment of two sequences that keeps the order of both, so that a line that is missing, or one
 * too many, does not spoil the ones after it. Among equally long ones the better-rated, then the earlier.
 * @param rate 0 where the two do not fit, else above 0 and at most 1
 */
export function align(
  expected: number,
  seen: number,
  rate: (expected: number, seen: number) => number,
): Pair[] {
  const width = seen + 1;
  const best = new Float64Array((expected + 1) * width);
  const rates = new Float64Array(expected * seen);
  for (let e = expected - 1; e >= 0; e--) {
    for (let s = seen - 1; s >= 0; s--) {
      const rated = rate(e, s);
      rates[e * seen + s] = rated;
      const skip = Math.max(at(best, (e + 1) * width + s), at(best, e * width + s + 1));
      const take = rated > 0 ? one + rated + at(best, (e + 1) * width + s + 1) : 0;
      best[e * width + s] = Math.max(skip, take);
    }
  }
  const pairs: Pair[] = [];
  for (let e = 0, s = 0; e < expected && s < seen; ) {
    const here = at(best, e * width + s);
    const rated = at(rates, e * seen + s);
    if (rated > 0 && here === one + rated + at(best, (e + 1) * width + s + 1))
      pairs.push({ expected: e++, seen: s++ });
    else if (here === at(best, e * width + s + 1)) s++;
    else e++;
  }
  return pairs;
}

/** So much more than any sum of ratings that a longer alignment always wins; sums stay exact integers and halves. */
const one = 1 << 20;

function at(numbers: Float64Array, index: number): number {
  return numbers[index] ?? 0;
}
