import type { ConsoleLine, Observer, Reason } from '../trace/observation.ts';

/** The log of a kernel: kept for dmesg, and passed to the console's listener. */
export class KernelLog {
  readonly #domid: number;
  readonly #observer: Observer;
  readonly #lines: ConsoleLine[] = [];

  /** @param domid the domain whose kernel it is */
  constructor(domid: number, observer: Observer) {
    this.#domid = domid;
    this.#observer = observer;
  }

  /** All lines so far, oldest first. */
  get lines(): readonly ConsoleLine[] {
    return this.#lines;
  }

  /**
   * @param text the line without its time stamp
   * @param pattern regular expression for the parts that vary, where `text` alone would be too strict
   * @param optional nobody has to see it
   */
  print(text: string, reason: Reason, pattern?: string, optional?: string): void {
    const line: ConsoleLine = {
      source: 'linux',
      domid: this.#domid,
      text,
      ...(pattern === undefined ? {} : { pattern }),
      ...(optional === undefined ? {} : { optional }),
      reason,
    };
    this.#lines.push(line);
    this.#observer.console(line);
  }
}

/** A text as a regular expression that matches nothing else. */
export function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
