/** Puts what the model says onto the console as the machine would, among the lines that are not the model's. */
import type { ConsoleLine } from '../model/observation.ts';
import type { XenText } from './boot-text.ts';
import type { Uart } from './uart.ts';

/** Time between two lines of Linux, in its own time stamps (milliseconds). */
const LINUX_LINE = 7;

export class Printer {
  readonly #uart: Uart;
  #xenLog = '';
  #linuxTime = 0;
  #isLineOpen = false;

  constructor(uart: Uart) {
    this.#uart = uart;
  }

  /** A line of the model. What xl prints, and what guests of the toolstack print, is not on this console. */
  model(line: ConsoleLine): void {
    if (line.source === 'linux') {
      if (line.domid === 0) this.linux(line.text);
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

  linux(text: string): void {
    this.#linuxTime += LINUX_LINE;
    this.#uart.line(`[    ${this.#stamp()}] ${text}`);
  }

  #stamp(): string {
    return (this.#linuxTime / 1000).toFixed(6);
  }
}
