/** Where Xen sends what is typed on its console. */
import { xenText } from '../../verdict/console/vocabulary/xen.ts';

/** `xen`: to its debug keys. `DOM1`: to a domain that Xen started itself and whose UART it emulates. */
export type InputTarget = 'xen' | 'dom0' | `DOM${number}`;

/** Ctrl-a three times (Xen drivers/char/console.c, switch_serial_input; `conswitch` has `a` unless told). */
export const switchKeys = '\x01\x01\x01';

/**
 * Which target a line of Xen announces. With `conswitch=ax` it says nothing at the end of its boot, and keeps the
 * input (docs/misc/xen-command-line.pandoc).
 * @param text without Xen's prefix: `*** Serial input to DOM0 (type 'CTRL-a' three times to switch input)`
 */
export function inputAnnouncement(text: string): InputTarget | undefined {
  if (/^Command line: (?:.* )?conswitch=\wx(?: |$)/.test(text)) return 'xen';
  const target = xenText.input.exec(text);
  if (target === null) return undefined;
  if (target[2] !== undefined) return 'xen';
  const domid = Number(target[1]);
  return domid === 0 ? 'dom0' : `DOM${domid}`;
}

/** The domain behind a target; undefined for Xen itself. */
export function domidOf(target: InputTarget): number | undefined {
  if (target === 'xen') return undefined;
  return target === 'dom0' ? 0 : Number(target.slice('DOM'.length));
}

/** Lines of Xen itself on a console since the board started. */
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
