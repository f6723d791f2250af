/** Puts what the model says onto the console as the machine would, among the lines that are not the model's. */
import type { ConsoleLine } from '../../model/trace/observation.ts';
import type { XenText } from './boot-text.ts';
import type { Uart } from './uart.ts';

/** Time between two lines of Linux, in its own time stamps (milliseconds). */
const linuxLine = 7;

export class Printer {
  readonly #uart: Uart;
  /** Ids of the domains that Xen shows the consoles of: Dom0, and dom0less ones with `vpl011`. */
  readonly consoles: readonly number[];
  #xenLog = '';
  #linuxTime = 0;
  /** All that each domain's kernel has said, with its time stamps. */
  readonly #kernelLogs = new Map<number, string>();
  #isLineOpen = false;
  /** Domain that has the input of Xen's console; undefined: Xen itself. */
  focus: number | undefined = 0;
  /** Text of domains without the input that no newline has ended. */
  readonly #held = new Map<number, string>();
  #isDomainLineOpen = false;

  constructor(uart: Uart, consoles: readonly number[] = [0]) {
    this.#uart = uart;
    this.consoles = consoles;
  }

  /** A line of the model. What xl prints, and what guests of the toolstack print, is not on this console. */
  model(line: ConsoleLine): void {
    if (line.source === 'linux') {
      if (this.consoles.includes(line.domid ?? 0)) this.linux(line.text, line.domid);
      return;
    }
    if (line.source === 'firmware' && this.#uart.isOfFirmware) this.#uart.line(line.text);
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

  /** A message of a kernel: in its log, and on its own console if that shows messages. */
  linux(text: string, domid = 0, isShown = true): void {
    const line = `[    ${this.#stamp()}] ${text}`;
    this.#linuxTime += linuxLine;
    this.#kernelLogs.set(domid, `${this.kernelLog(domid)}${line}\n`);
    if (isShown) this.domain(domid, `${line}\r\n`);
  }

  /** All that a kernel with a console here has said, as `dmesg` shows it. */
  kernelLog(domid: number): string {
    return this.#kernelLogs.get(domid) ?? '';
  }

  /**
   * Prints a domain's text on its console. Dom0's is written as it comes. A UART that Xen emulates is shown as it comes
   * where its domain has the input, else line by line with its name (xen/arch/arm/vpl011.c, vpl011_write_data_xen).
   */
  domain(domid: number, text: string): void {
    if (domid === 0) {
      this.#uart.write(text);
      return;
    }
    const lines = `${this.#held.get(domid) ?? ''}${text}`.split('\n');
    const rest = lines.pop() ?? '';
    const isFocused = domid === this.focus;
    for (const line of lines) {
      const prefix = isFocused ? this.#prefix() : `(XEN) DOM${domid}: `;
      this.#uart.write(`${prefix}${line}\r\n`);
      if (isFocused) this.#isDomainLineOpen = false;
    }
    this.#held.set(domid, isFocused ? '' : rest);
    if (!isFocused || rest === '') return;
    this.#uart.write(`${this.#prefix()}${rest}`);
    this.#isDomainLineOpen = true;
  }

  #prefix(): string {
    return this.#isDomainLineOpen ? '' : '(XEN) ';
  }

  #stamp(): string {
    return (this.#linuxTime / 1000).toFixed(6);
  }
}
