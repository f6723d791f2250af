/** Lines of a text, in time that grows with its length only. */

/**
 * The lines of a text, without the carriage returns before each newline.
 * @param text of a board: it may hold any number of carriage returns in a row
 */
export function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line, index, lines) => (index + 1 < lines.length ? withoutReturns(line) : line));
}

/** `/\r+$/` would look again from each carriage return of a row that does not end the line. */
function withoutReturns(line: string): string {
  let end = line.length;
  while (end > 0 && line[end - 1] === '\r') end--;
  return line.slice(0, end);
}
