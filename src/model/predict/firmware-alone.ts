/** A machine whose boot loader starts the probe instead of Xen: EL3 firmware, and the probe at EL2. */
import { ProbeProgram } from '../probe/program.ts';
import type { Firmware } from '../scmi/firmware.ts';
import { firmwareMachine, type MachineOptions } from './machine.ts';
import { bareProbeMachine } from './probe-machines.ts';

export interface FirmwareAloneOptions extends MachineOptions {
  /** Address of the probe's UART, which only its first line shows. */
  readonly uart?: number;
}

export class FirmwareAlone {
  readonly firmware: Firmware;
  readonly probe: ProbeProgram;

  /** @throws {RangeError} for a firmware fault or quirk that does not exist */
  constructor(options: FirmwareAloneOptions) {
    const machine = firmwareMachine(options);
    this.firmware = machine.firmware;
    this.probe = new ProbeProgram(bareProbeMachine(machine, options.uart));
  }
}
