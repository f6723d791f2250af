/** The board's end of its console: what firmware, boot loader, Xen and Dom0 write to and read from. */
import { Adapter } from './adapter.ts';
import type { VirtualFaults } from './faults.ts';
import { type SerialLine, serialLine } from './serial-line.ts';

export class Uart implements Disposable {
  readonly #line: SerialLine;
  /** The EL3 firmware goes on writing here while Xen runs. */
  readonly isOfFirmware: boolean;
  readonly #adapter: Adapter;
  #input = '';
  #arrived: (() => void) | undefined;

  private constructor(faults: VirtualFaults) {
    this.#line = serialLine(faults);
    this.isOfFirmware = faults.output === 'torn';
    const isNamed = faults.adapterGone !== undefined;
    this.#adapter = new Adapter(bytes => {
      this.#input += this.#line.typed(Buffer.from(bytes).toString('latin1'));
      this.#arrived?.();
    }, isNamed);
  }

  static open(faults: VirtualFaults = {}): Uart {
    return new Uart(faults);
  }

  /** Path of the device that the controller opens. */
  get path(): string {
    return this.#adapter.path;
  }

  write(text: string): void {
    this.#adapter.write(this.#line.said(text));
  }

  /** A line as serial drivers send it. */
  line(text = ''): void {
    this.write(`${text}\r\n`);
  }

  /** Forgets what was typed and not yet read, as a reset does. */
  flush(): void {
    this.#input = '';
  }

  /**
   * The next character that is typed.
   * @returns undefined when nothing came within `milliseconds`
   */
  async character(signal: AbortSignal, milliseconds = Number.POSITIVE_INFINITY): Promise<string | undefined> {
    if (this.#input === '') await this.#wait(signal, milliseconds);
    const [first] = this.#input;
    this.#input = this.#input.slice(1);
    return first;
  }

  /** A line that is typed, echoed as it comes, with backspace; ended by CR or LF. */
  async readLine(signal: AbortSignal, options: { readonly echo?: boolean } = {}): Promise<string> {
    let line = '';
    for (;;) {
      const character = await this.character(signal);
      if (character === undefined) continue;
      if (character === '\r' || character === '\n') {
        this.write('\r\n');
        return line;
      }
      if (character === '\x7f' || character === '\b') {
        if (line !== '' && options.echo !== false) this.write('\b \b');
        line = line.slice(0, -1);
      } else if (character === '\x03') {
        this.write('<INTERRUPT>\r\n');
        return '';
      } else if (character >= ' ') {
        line += character;
        if (options.echo !== false) this.write(character);
      }
    }
  }

  /** Takes the adapter away. @param milliseconds after which it is back; absent: never */
  unplug(milliseconds?: number): void {
    this.#adapter.unplug(milliseconds);
  }

  [Symbol.dispose](): void {
    this.#adapter[Symbol.dispose]();
  }

  async #wait(signal: AbortSignal, milliseconds: number): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#arrived = resolve;
    const timer = Number.isFinite(milliseconds) ? setTimeout(resolve, milliseconds) : undefined;
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#arrived = undefined;
      signal.removeEventListener('abort', onAbort);
    }
  }
}
