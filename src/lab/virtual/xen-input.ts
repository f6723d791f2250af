/**
 * Receiver of text typed on Xen's console (xen/drivers/char/console.c, serial_rx and switch_serial_input): Dom0, Xen
 * itself, a domain whose UART Xen emulates. Three Ctrl-a in a row pass it on.
 */

export interface XenInputParts {
  /** Ids of the domains that can have the input, in the order of their turns. */
  readonly domains: readonly number[];
  /** `conswitch=ax`: it stays at Xen when the boot is over. */
  readonly staysAtXen: boolean;
  announce(text: string): void;
  /** A key for Xen itself. */
  debugKey(key: string): void;
  toDomain(domid: number, key: string): void;
}

export class XenInput {
  readonly #parts: XenInputParts;
  /** 0 is Xen. */
  #turn: number;
  #switchKeys = 0;

  constructor(parts: XenInputParts) {
    this.#parts = parts;
    this.#turn = parts.staysAtXen ? 0 : 1;
  }

  /** The domain that has the input; undefined while Xen has it. */
  get domain(): number | undefined {
    return this.#turn === 0 ? undefined : this.#parts.domains[this.#turn - 1];
  }

  received(key: string): void {
    if (key === switchKey) {
      if (++this.#switchKeys < 3) return;
      this.#switchKeys = 0;
      this.#turn = (this.#turn + 1) % (this.#parts.domains.length + 1);
      this.#parts.announce(announcement(this.domain));
      return;
    }
    // Fewer than three are passed on.
    for (; this.#switchKeys > 0; this.#switchKeys--) this.#pass(switchKey);
    this.#pass(key);
  }

  #pass(key: string): void {
    const { domain } = this;
    if (domain === undefined) this.#parts.debugKey(key);
    else this.#parts.toDomain(domain, key);
  }
}

export function announcement(domain: number | undefined): string {
  const target = domain === undefined ? 'Xen' : `DOM${domain}`;
  return `*** Serial input to ${target} (type 'CTRL-a' three times to switch input)`;
}

const switchKey = '\x01';
