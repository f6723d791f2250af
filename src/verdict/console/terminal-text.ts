/** Text that a person would see of bytes written to a terminal. */

/**
 * Takes escape sequences and control characters out of one line, and applies what moves the cursor or erases:
 * backspace, carriage return, `ESC [ K` and `ESC [ J` (U-Boot's countdown and its `Loading: *\b###`, busybox's prompt).
 */
export function visibleText(text: string): string {
  if (!hasControls.test(text)) return text;
  const marked = text.includes('\x1b') ? withoutEscapes(text) : text;
  return movesCursor.test(marked) ? overwritten(marked) : marked.replace(controls, '');
}

// Everything below a space but the tab, and DEL.
// oxlint-disable-next-line no-control-regex
const hasControls = /[\x00-\x08\x0a-\x1f\x7f]/;
// oxlint-disable-next-line no-control-regex
const controls = /[\x00-\x08\x0a-\x1f\x7f]/g;
// oxlint-disable-next-line no-control-regex
const movesCursor = /[\x08\x0d\x1c-\x1e]/;
/** ECMA-48: CSI sequences, OSC strings, and the two- and three-character escapes (`ESC 7`, `ESC ( B`). */
const escapeSequence =
  // oxlint-disable-next-line no-control-regex
  /\x1b(?:\[[\x30-\x3f]*[\x20-\x2f]*[\x40-\x7e]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x20-\x2f]+[\x30-\x7e]|[\x30-\x5a\x5c-\x7e])/g;
/** Characters that stand for erasing to the end of the line, to its start, and all of it. */
const erasing = { toEnd: '\x1c', toStart: '\x1d', all: '\x1e' } as const;
// oxlint-disable-next-line no-control-regex
const erasingCharacters = /[\x1c-\x1e]/g;
const erasingSequences: Readonly<Record<string, string>> = {
  '\x1b[K': erasing.toEnd,
  '\x1b[0K': erasing.toEnd,
  '\x1b[1K': erasing.toStart,
  '\x1b[2K': erasing.all,
  '\x1b[J': erasing.toEnd,
  '\x1b[0J': erasing.toEnd,
  '\x1b[2J': erasing.all,
};

function withoutEscapes(text: string): string {
  return text
    .replace(erasingCharacters, '')
    .replace(escapeSequence, sequence => erasingSequences[sequence] ?? '');
}

function overwritten(text: string): string {
  let cells: string[] = [];
  let column = 0;
  for (const character of text) {
    if (character === '\b') column = Math.max(0, column - 1);
    else if (character === '\r') column = 0;
    else if (character === erasing.toEnd) cells.length = Math.min(cells.length, column);
    else if (character === erasing.all) cells = [];
    else if (character === erasing.toStart) cells.fill(' ', 0, column + 1);
    else if (character === '\t' || character >= ' ') {
      while (cells.length < column) cells.push(' ');
      cells[column++] = character;
    }
  }
  return cells.join('');
}
