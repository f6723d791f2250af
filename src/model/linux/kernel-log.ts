import type { ConsoleLine, FreePart, Observer, Reason } from '../trace/observation.ts';

/** A part of a line that another boot or build has otherwise. */
export interface Varying {
  readonly part: RegExp;
  /** Regular expression of all that may stand there. */
  readonly as: string;
  readonly because: string;
}

/** Numbers of devices, in any line. */
const deviceNumbers: readonly Varying[] = [/(?<=\barm-scmi\.)\d+(?=\.auto)/, /(?<=\bscmi_dev\.)\d+/].map(
  part => ({
    part,
    as: '\\d+',
    because: 'devices are numbered in the order in which the kernel registers them, others among them',
  }),
);

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
   * @param varying parts of it that vary, beside the numbers of devices
   * @param optional nobody has to see it
   */
  print(text: string, reason: Reason, varying: readonly Varying[] = [], optional?: string): void {
    const line: ConsoleLine = {
      source: 'linux',
      domid: this.#domid,
      text,
      ...withFreeParts(text, [...deviceNumbers, ...varying]),
      ...(optional === undefined ? {} : { optional }),
      reason,
    };
    this.#lines.push(line);
    this.#observer.console(line);
  }
}

function withFreeParts(text: string, varying: readonly Varying[]): Pick<ConsoleLine, 'pattern' | 'free'> {
  const found = varying
    .flatMap(({ part, as, because }) => {
      const match = part.exec(text);
      return match === null ? [] : [{ from: match.index, to: match.index + match[0].length, as, because }];
    })
    .toSorted((one, other) => one.from - other.from);
  if (found.length === 0) return {};
  let pattern = '';
  let end = 0;
  const free: FreePart[] = [];
  for (const { from, to, as, because } of found) {
    pattern += literally(text.slice(end, from)) + as;
    free.push({ from, to, because });
    end = to;
  }
  return { pattern: pattern + literally(text.slice(end)), free };
}

/** A text as a regular expression that matches nothing else. */
export function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
