/** Puts what the model says onto the console as the machine would, among the lines that are not the model's. */
import type { ConsoleLine } from '../model/observation.ts';
import type { XenText } from './boot-text.ts';
import type { Uart } from './uart.ts';

/** Time between two lines of Linux, in its own time stamps (milliseconds). */
const LINUX_LINE = 7;

export class Printer {
  readonly #uart: Uart;
  readonly #consoles: ReadonlySet<number>;
  #xenLog = '';
  #linuxTime = 0;
  #isLineOpen = false;

  /** @param consoles ids of the domains that Xen shows the consoles of: Dom0, and dom0less ones with `vpl011` */
  constructor(uart: Uart, consoles: ReadonlySet<number> = new Set([0])) {
    this.#uart = uart;
    this.#consoles = consoles;
  }

  /** A line of the model. What xl prints, and what guests of the toolstack print, is not on this console. */
  model(line: ConsoleLine): void {
    if (line.source === 'linux') {
      if (this.#consoles.has(line.domid ?? 0)) this.linux(line.text, line.domid);
      return;
    }
    if (line.source !== 'xen') return;
    const prefix = this.#isLineOpen ? '' : '(XEN) ';
    this.#uart.write(`${prefix}${line.text}${line.newline === false ? '' : '\r\n'}`);
    this.#xenLog += `${prefix}${line.text}${line.newline === false ? '' : '\n'}`;
    this.#isLineOpen = line.newline === false;
  }

  xen(lines: readonly XenText[]): void {
    for (const { text, bare } of lines) {
      const line = bare === true ? text : `(XEN) ${text}`;
      this.#uart.line(line);
      this.#xenLog += `${line}\n`;
    }
  }

  /** All that Xen has printed, as `xl dmesg` shows it. */
  xenLog(): string {
    return this.#xenLog;
  }

  /** A domain other than the one that has the input is shown with its name (xen/arch/arm/vpl011.c). */
  linux(text: string, domid = 0): void {
    this.#linuxTime += LINUX_LINE;
    const prefix = domid === 0 ? '' : `(XEN) DOM${domid}: `;
    this.#uart.line(`${prefix}[    ${this.#stamp()}] ${text}`);
  }

  #stamp(): string {
    return (this.#linuxTime / 1000).toFixed(6);
  }
}
