/** Parts of every machine of the model below its software: memory, EL3 firmware, and the SMCs that lead there. */
import { processMessage } from '../scmi/entry.ts';
import { Firmware } from '../scmi/firmware.ts';
import { type AbortingRange, PhysicalMemory } from '../scmi/memory.ts';
import type { FirmwareProfile } from '../scmi/profile.ts';
import type { Deviations } from './deviations.ts';
import { abortingRanges } from './machine-map.ts';
import type { Observer } from '../trace/observation.ts';

export interface MachineOptions {
  readonly firmware: { readonly profile: FirmwareProfile; readonly faults: readonly string[] };
  /** Told each message that reaches firmware, and what firmware prints. */
  readonly observer: Observer;
  /** Where the bus aborts; where absent what is known of the firmware's machine. */
  readonly abortingRanges?: readonly AbortingRange[];
  /** The deliberate bug; absent in everything but mutants. */
  readonly deviations?: Deviations | undefined;
}

export interface FirmwareMachine {
  readonly memory: PhysicalMemory;
  readonly firmware: Firmware;
  /** An SMC to EL3: x0 as a signed 32-bit number. */
  readonly smc: (functionId: number) => number;
}

/** @throws {RangeError} for a firmware fault or quirk that does not exist */
export function firmwareMachine(options: MachineOptions): FirmwareMachine {
  const {
    firmware: { profile, faults },
    observer,
    deviations = {},
  } = options;
  const memory = new PhysicalMemory();
  for (const range of options.abortingRanges ?? abortingRanges(profile.name)) memory.abortRange(range);
  const firmware = new Firmware(deviations.profile?.(profile) ?? profile, {
    memory,
    faults,
    answer: deviations.answer?.(processMessage) ?? processMessage,
    onMessage: message => observer.message(message),
    onConsole: text => observer.console({ source: 'firmware', text, reason: firmwareSpeaks }),
  });
  const smc = (id: number) => firmware.smc(id);
  return { memory, firmware, smc: deviations.smc?.(smc) ?? smc };
}

const firmwareSpeaks = {
  rule: 'firmware.console',
  because: 'the EL3 firmware says this of a message, where its console can be seen',
} as const;
