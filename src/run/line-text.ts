/** Whether what arrives on a serial line since the board was switched on is text: at another speed most is not. */
export class LineText {
  readonly #baudRate: number;
  #all = 0;
  /** Of them, what a person could read. */
  #characters = 0;

  /** @param baudRate of the line, for the words */
  constructor(baudRate: number) {
    this.#baudRate = baudRate;
  }

  powerOn(): void {
    this.#all = 0;
    this.#characters = 0;
  }

  received(bytes: Uint8Array): void {
    this.#all += bytes.length;
    this.#characters += charactersIn(bytes);
  }

  /** Fault of the line, in words, and its hint; undefined if it is text, or too little to tell. */
  trouble(): string | undefined {
    if (this.#all < fewestBytes || this.#characters > this.#all * leastText) return undefined;
    const others = this.#all - this.#characters;
    return `bytes arrive on the console, and no text (${others} of ${this.#all} are no characters): is the speed right (${this.#baudRate} by the board type; 115200 and 921600 are the usual ones), and its ground connected?`;
  }
}

/** Of bytes that are read at another speed about a third look like characters. */
const leastText = 0.7;
const fewestBytes = 64;

function charactersIn(bytes: Uint8Array): number {
  return bytes.reduce(
    (count, byte) => count + Number((byte >= 0x20 && byte < 0x7f) || controls.has(byte)),
    0,
  );
}

/** Bell, backspace, tab, newline, carriage return, escape. */
const controls: ReadonlySet<number> = new Set([0x07, 0x08, 0x09, 0x0a, 0x0d, 0x1b]);
