/** The supply of a virtual board. */
import type { PowerDriver } from '../drivers/power/power.ts';
import { DriverError } from '../drivers/driver-error.ts';

/** What hangs on the switch. */
export interface Supplied {
  powerOn(): void;
  powerOff(): Promise<void>;
}

export class VirtualPowerSwitch implements PowerDriver {
  readonly name = 'virtual switch';
  readonly #load: Supplied;
  readonly #isDead: boolean;
  #isOn = false;

  /** @param isDead the switch does not answer, as a PDU that lost its network */
  constructor(load: Supplied, isDead = false) {
    this.#load = load;
    this.#isDead = isDead;
  }

  async on(signal: AbortSignal): Promise<void> {
    this.#requireAnswer(signal, 'switch on');
    if (!this.#isOn) this.#load.powerOn();
    this.#isOn = true;
  }

  async off(signal: AbortSignal): Promise<void> {
    this.#requireAnswer(signal, 'switch off');
    this.#isOn = false;
    await this.#load.powerOff();
  }

  async state(signal: AbortSignal): Promise<'on' | 'off'> {
    this.#requireAnswer(signal, 'read the state');
    return this.#isOn ? 'on' : 'off';
  }

  #requireAnswer(signal: AbortSignal, attempt: string): void {
    signal.throwIfAborted();
    if (this.#isDead)
      throw new DriverError(attempt, 'the virtual switch does not answer', 'run without this fault');
  }
}
