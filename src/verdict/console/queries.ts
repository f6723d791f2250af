/** Questions that a program asks its terminal, and that it waits to have answered. */

export interface TerminalQuery {
  readonly kind: 'cursor-position' | 'status' | 'attributes';
  /** Answer of a terminal of 80 columns and 24 rows. */
  readonly answer: string;
}

/**
 * Finds the questions in a stream, also where reads split them.
 *
 * busybox asks for the cursor's position after each prompt; U-Boot's EFI loader moves the cursor to 999;999
 * and asks where it got, to learn the size of the screen.
 */
export class TerminalQueries {
  #sequence = '';
  #atCorner = false;

  /**
   * @param column where the cursor stands, counted from 1; asked once, and only where it matters
   * @param query called for each question that `bytes` complete
   */
  feed(bytes: Uint8Array, column: () => number, query: (query: TerminalQuery) => void): void {
    let known: number | undefined;
    const columnNow = () => (known ??= column());
    let at = this.#sequence === '' ? bytes.indexOf(escape) : 0;
    while (at >= 0 && at < bytes.length) {
      const code = bytes[at++] ?? 0;
      if (code === escape) this.#sequence = '\x1b';
      else if (this.#sequence !== '') this.#take(code, columnNow, query);
      if (this.#sequence === '') at = bytes.indexOf(escape, at);
    }
  }

  #take(code: number, column: () => number, query: (query: TerminalQuery) => void): void {
    this.#sequence += String.fromCharCode(code);
    if (this.#sequence === '\x1b[') return;
    const isParameter = code >= 0x20 && code <= 0x3f && this.#sequence.startsWith('\x1b[');
    if (isParameter && this.#sequence.length < longestSequence) return;
    const sequence = this.#sequence.slice(1);
    this.#sequence = '';
    if (/^\[\d{3,};\d{3,}H$/.test(sequence)) this.#atCorner = true;
    else if (sequence === '[6n') {
      const position = this.#atCorner ? '24;80' : `24;${column()}`;
      this.#atCorner = false;
      query({ kind: 'cursor-position', answer: `\x1b[${position}R` });
    } else if (sequence === '[5n') query({ kind: 'status', answer: '\x1b[0n' });
    else if (sequence === '[c' || sequence === '[0c') query({ kind: 'attributes', answer: '\x1b[?6c' });
  }
}

const escape = 0x1b;
const longestSequence = 32;
