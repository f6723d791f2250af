/** Rows of text in columns. */

/**
 * Aligns columns with two blanks between them; the last column is not padded.
 * @param heading names of the columns
 */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...all.map(row => row[column]?.length ?? 0)));
  const lines = all.map(row =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  '),
  );
  return `${lines.map(line => line.trimEnd()).join('\n')}\n`;
}

/** `name: value` lines with the values in one column. */
export function fields(rows: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  const indent = '\n'.padEnd(width + 3);
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value.replaceAll('\n', indent)}\n`).join('');
}
