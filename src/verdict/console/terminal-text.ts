/** Text that a person would see of bytes written to a terminal. */

/**
 * Takes escape sequences and control characters out of one line and applies backspaces and carriage returns
 * (U-Boot's countdown and its `Loading: *\b###` are written with them).
 */
export function visibleText(text: string): string {
  if (!hasControls.test(text)) return text;
  const plain = text.replace(escapeSequence, '');
  return movesCursor.test(plain) ? overwritten(plain) : plain.replace(controls, '');
}

// Everything below a space but the tab, and DEL.
// oxlint-disable-next-line no-control-regex
const hasControls = /[\x00-\x08\x0a-\x1f\x7f]/;
// oxlint-disable-next-line no-control-regex
const controls = /[\x00-\x08\x0a-\x1f\x7f]/g;
// oxlint-disable-next-line no-control-regex
const movesCursor = /[\x08\x0d]/;
/** ECMA-48: CSI sequences, OSC strings, and the two- and three-character escapes (`ESC 7`, `ESC ( B`). */
const escapeSequence =
  // oxlint-disable-next-line no-control-regex
  /\x1b(?:\[[\x30-\x3f]*[\x20-\x2f]*[\x40-\x7e]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x20-\x2f]+[\x30-\x7e]|[\x30-\x5a\x5c-\x7e])/g;

function overwritten(text: string): string {
  const cells: string[] = [];
  let column = 0;
  for (const character of text) {
    if (character === '\b') column = Math.max(0, column - 1);
    else if (character === '\r') column = 0;
    else if (character === '\t' || character >= ' ') cells[column++] = character;
  }
  return cells.join('');
}
