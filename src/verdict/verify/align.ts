/** Which of the lines that were seen are the ones that were expected, both in order. */

/** A pair of indices: into what was expected, and into what was seen. */
export interface Pair {
  readonly expected: number;
  readonly seen: number;
}

/**
 * The longest alignment of two sequences that keeps the order of both, so that a line that is missing, or one
 * too many, does not spoil the ones after it. Among equally long ones the better-rated, then the earlier.
 * Takes time and a byte of memory for each pair of the two.
 * @param rate 0 where the two do not fit, else above 0 and at most 1
 */
export function align(
  expected: number,
  seen: number,
  rate: (expected: number, seen: number) => number,
): Pair[] {
  const steps = new Uint8Array(expected * seen);
  let below = new Float64Array(seen + 1);
  let row = new Float64Array(seen + 1);
  for (let e = expected - 1; e >= 0; e--) {
    for (let s = seen - 1; s >= 0; s--) {
      const rated = rate(e, s);
      const take = rated > 0 ? one + rated + at(below, s + 1) : 0;
      const best = Math.max(at(below, s), at(row, s + 1), take);
      row[s] = best;
      steps[e * seen + s] = take === best && rated > 0 ? taken : at(row, s + 1) === best ? unseen : unmet;
    }
    [below, row] = [row, below];
  }
  const pairs: Pair[] = [];
  for (let e = 0, s = 0; e < expected && s < seen; ) {
    const step = steps[e * seen + s];
    if (step === taken) pairs.push({ expected: e++, seen: s++ });
    else if (step === unseen) s++;
    else e++;
  }
  return pairs;
}

/** The best way on from a pair: both are one, what was seen was not expected, what was expected was not seen. */
const [taken, unseen, unmet] = [1, 2, 3] as const;

/** So much more than any sum of ratings that a longer alignment always wins; sums stay exact integers and halves. */
const one = 1 << 20;

function at(numbers: Float64Array, index: number): number {
  return numbers[index] ?? 0;
}

/** Pairs of which a table is made. */
const mostPairs = 1_000_000;

/**
 * The same for two long texts that are mostly the same: lines that each of the two has once, and in the same order,
 * are pairs, and the rest is aligned between them.
 * @param rate of two texts: 1 where they are the same
 */
export function alignTexts(
  expected: readonly string[],
  seen: readonly string[],
  rate: (expected: string, seen: string) => number,
): Pair[] {
  const whole = { expected: expected.length, seen: seen.length };
  const pairs: Pair[] = [];
  let from: Pair = { expected: 0, seen: 0 };
  const anchors = expected.length * seen.length > mostPairs ? anchorsOf(expected, seen) : [];
  for (const to of [...anchors, whole]) {
    const [above, beside] = [to.expected - from.expected, to.seen - from.seen];
    const { expected: e0, seen: s0 } = from;
    const fits = (e: number, s: number) => rate(expected[e0 + e] ?? '', seen[s0 + s] ?? '');
    const between = above * beside > mostPairs ? nextSame(above, beside, fits) : align(above, beside, fits);
    for (const pair of between) pairs.push({ expected: e0 + pair.expected, seen: s0 + pair.seen });
    if (to !== whole) pairs.push(to);
    from = { expected: to.expected + 1, seen: to.seen + 1 };
  }
  return pairs;
}

/** Each text that was seen with the next one that it fits, among few. */
function nextSame(
  expected: number,
  seen: number,
  fits: (expected: number, seen: number) => number,
): readonly Pair[] {
  const pairs: Pair[] = [];
  for (let e = 0, s = 0; s < seen; s++) {
    for (let next = e; next < Math.min(expected, e + lookedAhead); next++) {
      if (fits(next, s) === 0) continue;
      pairs.push({ expected: next, seen: s });
      e = next + 1;
      break;
    }
  }
  return pairs;
}

const lookedAhead = 100;

/** Lines that both have once: of these, the longest sequence that is in order in both. */
function anchorsOf(expected: readonly string[], seen: readonly string[]): readonly Pair[] {
  const places = onceIn(seen);
  const shared = [...onceIn(expected)].flatMap(([text, place]) => {
    const other = places.get(text);
    return other === undefined ? [] : [{ expected: place, seen: other }];
  });
  return longestInOrder(shared);
}

/** The place of each text that stands there once. */
function onceIn(texts: readonly string[]): ReadonlyMap<string, number> {
  const places = new Map<string, number>();
  for (const [index, text] of texts.entries()) places.set(text, places.has(text) ? -1 : index);
  return new Map([...places].filter(([, place]) => place >= 0));
}

/** @param pairs in the order of what was expected */
function longestInOrder(pairs: readonly Pair[]): readonly Pair[] {
  interface Chain {
    readonly pair: Pair;
    readonly before: Chain | undefined;
  }
  /** By length: the chain of this length that ends first. */
  const ends: Chain[] = [];
  for (const pair of pairs) {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ends[middle]?.pair.seen ?? 0) < pair.seen) low = middle + 1;
      else high = middle;
    }
    ends[low] = { pair, before: ends[low - 1] };
  }
  const longest: Pair[] = [];
  for (let chain = ends.at(-1); chain !== undefined; chain = chain.before) longest.push(chain.pair);
  return longest.toReversed();
}
