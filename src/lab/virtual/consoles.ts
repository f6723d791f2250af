/** The consoles that share the board's UART while Xen runs: Dom0's, Xen's own, those of domains with a UART of Xen's. */
import type { Printer } from './printer.ts';
import { Tty } from './shell/tty.ts';
import type { Uart } from './uart.ts';
import { XenInput } from './xen-input.ts';

export interface ConsolesOptions {
  readonly uart: Uart;
  readonly printer: Printer;
  /** Ids of the domains, in the order of their turns: Dom0 first. */
  readonly domains: readonly number[];
  readonly staysAtXen: boolean;
  /** The debug key `R` was pressed. */
  readonly onReboot: () => void;
}

export class Consoles {
  readonly #options: ConsolesOptions;
  readonly #ttys: ReadonlyMap<number, Tty>;
  readonly #input: XenInput;

  constructor(options: ConsolesOptions) {
    const { printer, domains, staysAtXen } = options;
    this.#options = options;
    this.#ttys = new Map(domains.map(domid => [domid, new Tty(text => printer.domain(domid, text))]));
    this.#input = new XenInput({
      domains,
      staysAtXen,
      announce: text => printer.xen([{ text }]),
      debugKey: key => this.#debugKey(key),
      toDomain: (domid, key) => this.#ttys.get(domid)?.type(key),
    });
    printer.focus = this.#input.domain;
  }

  /** The terminal of each domain, by its id. */
  get ttys(): ReadonlyMap<number, Tty> {
    return this.#ttys;
  }

  /**
   * Passes on what is typed.
   * @throws the signal's reason
   */
  async listen(signal: AbortSignal): Promise<never> {
    const { uart, printer } = this.#options;
    for (;;) {
      const key = await uart.character(signal);
      if (key === undefined) continue;
      this.#input.received(key);
      printer.focus = this.#input.domain;
    }
  }

  /** xen/common/keyhandler.c: a key that has no handler does nothing. */
  #debugKey(key: string): void {
    const { printer, onReboot } = this.#options;
    if (key === 'h') {
      printer.xen([
        { text: "'h' pressed -> showing installed handlers" },
        { text: " key 'R' (ascii '52') => reboot machine" },
        { text: " key 'h' (ascii '68') => show this message" },
      ]);
    } else if (key === 'R') {
      printer.xen([{ text: "'R' pressed -> rebooting machine" }]);
      onReboot();
    }
  }
}
