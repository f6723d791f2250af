/** The last lines of a console, in bounded memory, for those who look late. */
import type { TalkerLine } from './line.ts';

export class LineHistory {
  readonly #lines: TalkerLine[] = [];
  readonly #longest: number;
  #first = 0;
  #characters = 0;

  /** @param longest characters of text that are kept */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /** How many lines there have been, those that are forgotten included. */
  get count(): number {
    return this.#first + this.#lines.length;
  }

  push(line: TalkerLine): void {
    if (this.#longest === 0) {
      this.#first++;
      return;
    }
    this.#lines.push(line);
    this.#characters += line.text.length + lineCost;
    if (this.#characters <= this.#longest) return;
    // Half at once, so that a line costs the same however many are kept.
    const half = this.#longest / 2;
    let dropped = 0;
    while (this.#characters > half) {
      this.#characters -= (this.#lines[dropped++]?.text.length ?? 0) + lineCost;
    }
    this.#lines.splice(0, dropped);
    this.#first += dropped;
  }

  since(count: number): readonly TalkerLine[] {
    return this.#lines.slice(Math.max(0, count - this.#first));
  }

  last(count: number): readonly TalkerLine[] {
    return this.#lines.slice(-count);
  }
}

const lineCost = 64;
