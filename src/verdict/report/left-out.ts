/** Scenarios that were not run, told by board and reason. */

export interface LeftOut {
  readonly board: string;
  readonly scenario: string;
  readonly why: string;
}

/** More names than these are told by their number. */
const named = 3;

/** A line for each board and reason: `left out on rpi5-01: linux-6-1: it needs Linux 6.1`. */
export function leftOutLines(leftOut: readonly LeftOut[]): string[] {
  const alike = Map.groupBy(leftOut, ({ board, why }) => `${board}\0${why}`);
  return [...alike.values()].flatMap(together => {
    const [first] = together;
    if (first === undefined) return [];
    const names = together.map(({ scenario }) => scenario);
    const which = names.length > named ? `${names.length} scenarios` : names.join(', ');
    return [`left out on ${first.board}: ${which}: ${first.why}`];
  });
}
