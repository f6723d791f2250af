/** The line that comes closest to one that is missing. */

/**
 * @returns the index of the most similar text, or undefined where none has half of it in common
 */
export function nearest(text: string, texts: readonly string[]): number | undefined {
  const pairs = pairsOf(text);
  const likely = texts
    .map((other, index) => ({ index, other, common: similarity(pairs, other) }))
    .filter(({ common }) => common > 0.3)
    .toSorted((a, b) => b.common - a.common)
    .slice(0, 8)
    .map(({ index, other }) => ({
      index,
      distance: distance(text, other) / Math.max(text.length, other.length),
    }))
    .toSorted((a, b) => a.distance - b.distance)[0];
  return likely !== undefined && likely.distance <= 0.5 ? likely.index : undefined;
}

/** Edit distance (Levenshtein) of two texts, of which the first 200 characters count. */
function distance(a: string, b: string): number {
  const from = a.slice(0, 200);
  const to = b.slice(0, 200);
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const change = (row[j] ?? 0) + (from[i] === to[j] ? 0 : 1);
      next.push(Math.min(change, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

/** Share of the pairs of neighbouring characters that two texts have in common (Dice). */
function similarity(pairs: ReadonlySet<string>, other: string): number {
  const others = pairsOf(other);
  if (pairs.size + others.size === 0) return 0;
  let common = 0;
  for (const pair of pairs) if (others.has(pair)) common++;
  return (2 * common) / (pairs.size + others.size);
}

function pairsOf(text: string): Set<string> {
  const pairs = new Set<string>();
  for (let at = 0; at + 1 < Math.min(text.length, 200); at++) pairs.add(text.slice(at, at + 2));
  return pairs;
}
