/** Lines of Xen itself on a console since the board started. */
import { inputAnnouncement, type InputTarget } from './shells/input-target.ts';

export class XenLines {
  #input: InputTarget | undefined;
  /** No more are counted once the banner was seen. */
  #count = 0;

  /** Where typed text goes, as Xen said last; undefined where it has not said it. */
  get input(): InputTarget | undefined {
    return this.#input;
  }

  /** The board starts. */
  restart(): void {
    this.#input = undefined;
    this.#count = 0;
  }

  banner(): void {
    this.#count = linesWithoutBanner;
  }

  /** @returns whether this is the line by which it is plain that Xen runs, though its banner did not come whole */
  line(text: string): boolean {
    this.#input = inputAnnouncement(text) ?? this.#input;
    this.#count++;
    return this.#count === linesWithoutBanner;
  }
}

/** Some of Xen's lines come before its banner, from its early console. */
const linesWithoutBanner = 20;
