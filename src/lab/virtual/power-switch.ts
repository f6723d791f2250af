/** The supply of a virtual board. */
import type { PowerDriver } from '../drivers/power/power.ts';
import { DriverError } from '../drivers/driver-error.ts';
import type { SwitchFault } from './faults.ts';
import { untilAborted } from './time.ts';

/** The load of the switch. */
export interface Supplied {
  powerOn(): void;
  powerOff(): Promise<void>;
}

export class VirtualPowerSwitch implements PowerDriver {
  readonly name = 'virtual switch';
  readonly #load: Supplied;
  readonly #fault: SwitchFault | undefined;
  #isOn = false;
  #commands = 0;

  constructor(load: Supplied, fault?: SwitchFault) {
    this.#load = load;
    this.#fault = fault;
  }

  async on(signal: AbortSignal): Promise<void> {
    await this.#answer('switch on', signal);
    if (this.#fault !== 'says-on') this.#switchOn();
  }

  async off(signal: AbortSignal): Promise<void> {
    await this.#answer('switch off', signal);
    if (this.#fault === 'says-on' || this.#fault === 'says-off') return;
    if (this.#fault === 'stays-on' && this.#isOn) throw noAnswer('switch off');
    this.#isOn = false;
    await this.#load.powerOff();
  }

  async state(signal: AbortSignal): Promise<'on' | 'off'> {
    await this.#answer('read the state', signal);
    if (this.#fault === 'says-on') return 'on';
    return this.#isOn && this.#fault !== 'says-off' ? 'on' : 'off';
  }

  #switchOn(): void {
    if (!this.#isOn) this.#load.powerOn();
    this.#isOn = true;
  }

  async #answer(attempt: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#fault === 'silent') await untilAborted(signal);
    const failsNow = this.#fault === 'fails-once' && attempt !== 'read the state' && this.#commands++ === 0;
    if (this.#fault === 'refuses' || failsNow) throw noAnswer(attempt);
  }
}

function noAnswer(attempt: string): DriverError {
  return new DriverError(attempt, 'the virtual switch does not answer', 'run without this fault');
}
