/** Text of a board made safe to show: it may hold escape sequences that would steer the reader's terminal. */

/** Control characters (but tab), lone surrogates and non-characters as `\x1b`; newlines as they are. */
export function printable(text: string): string {
  return text.replace(
    /(?![\t\n])[\p{Control}\p{Surrogate}\ufffe\uffff]/gu,
    each => `\\x${(each.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`,
  );
}

/** As `printable`, on one line. */
export function printableLine(text: string): string {
  return printable(text).replaceAll('\n', '\\n');
}
