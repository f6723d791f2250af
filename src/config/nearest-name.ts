/** `did you mean ...?` */

/**
 * The candidate that was most likely meant.
 * @param candidates names that exist
 * @returns the nearest one, or undefined where none is near enough to be a slip of the hand
 */
export function nearestName(given: string, candidates: Iterable<string>): string | undefined {
  if (given === '') return undefined;
  const limit = Math.max(1, Math.floor(given.length / 3));
  let nearest: { readonly name: string; readonly distance: number } | undefined;
  for (const name of candidates) {
    const distance = name.startsWith(given) ? 1 : editDistance(given.toLowerCase(), name.toLowerCase());
    if (distance <= limit && distance < (nearest?.distance ?? Infinity)) nearest = { name, distance };
  }
  return nearest?.name;
}

/** More names than this are no help. */
const listed = 12;

/** `did you mean X?`, or what there is, as far as it can be read at a glance. */
export function hintAt(given: string, candidates: readonly string[]): string {
  const nearest = nearestName(given, candidates);
  if (nearest !== undefined) return `did you mean ${nearest}?`;
  if (candidates.length === 0) return 'there is none';
  const more = candidates.length > listed ? ` and ${candidates.length - listed} more` : '';
  return `known: ${candidates.slice(0, listed).join(', ')}${more}`;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one text into the other. */
function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current[column] = Math.min(
        at(above, column) + 1,
        at(current, column - 1) + 1,
        at(above, column - 1) + (same ? 0 : 1),
        swapped ? at(before, column - 2) + 1 : Infinity,
      );
    }
    before = above;
    above = current;
  }
  return at(above, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
