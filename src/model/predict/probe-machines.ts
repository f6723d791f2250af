/** Machines of the probe: a guest of Xen, or the bare machine at EL2. */
import type { ProbeMachine } from '../probe/machine.ts';
import { MemoryAbort, PhysicalMemory } from '../scmi/memory.ts';
import type { Domain } from '../xen/domain.ts';
import { GuestAbort, type GuestMachine } from '../xen/guest.ts';
import { guestOwn, isFreeMemory } from '../xen/guest-layout.ts';
import type { FirmwareMachine } from './machine.ts';

/** A guest as Xen makes it. */
export interface ProbeGuest {
  readonly machine: GuestMachine;
  readonly domain: Domain;
  /** MiB. */
  readonly memory: number;
}

/** A guest: calls go to Xen, memory through its stage 2. Of its own memory only what it has written is known. */
export function guestProbeMachine(
  { machine, domain, memory }: ProbeGuest,
  host: Pick<FirmwareMachine, 'memory'>,
): ProbeMachine {
  const own = new PhysicalMemory();
  const isOwn = (address: number) => domain.translate(address) === undefined && isFreeMemory(address, memory);
  return {
    exceptionLevel: 1,
    uart: 0x2200_0000,
    conduit: 'hvc',
    call: functionId => machine.smc(functionId),
    callUnknown: (_, functionId) =>
      isSip(functionId) ? undefined : 'Xen answers ids of this owner by itself, which is not modelled',
    accessUnknown(address) {
      if (domain.translate(address) !== undefined || isFreeMemory(address, memory)) return undefined;
      const there = guestOwn(address, memory);
      return there === undefined ? undefined : `there the guest has ${there}`;
    },
    isContentKnown(address) {
      if (isOwn(address)) return own.isWritten(address, 4);
      const at = domain.translate(address);
      return at !== undefined && host.memory.isWritten(at, 4);
    },
    readU32: address => (isOwn(address) ? own : machine).readU32(address),
    writeU32: (address, value) => (isOwn(address) ? own : machine).writeU32(address, value),
  };
}

/** The machine without Xen: calls go to EL3, memory is what the bus has. Of that only agents' pages are known. */
export function bareProbeMachine({ memory, firmware, smc }: FirmwareMachine, uart = 0): ProbeMachine {
  const pages = firmware.profile.agents;
  return {
    exceptionLevel: 2,
    uart,
    conduit: 'smc',
    call: smc,
    callUnknown(conduit, functionId) {
      if (conduit === 'hvc') return 'an HVC of EL2 comes back to the probe itself';
      return isSip(functionId) ? undefined : 'firmware answers ids of this owner by other rules than SCMI';
    },
    accessUnknown: address =>
      pages.some(({ shmem, shmemSize }) => shmem <= address && address < shmem + shmemSize) ||
      memory.aborts(address, 4)
        ? undefined
        : 'that is no page of an agent',
    isContentKnown: address => memory.isWritten(address, 4),
    readU32: address => atBus(address, () => memory.readU32(address)),
    writeU32: (address, value) => atBus(address, () => memory.writeU32(address, value)),
  };
}

/** @throws GuestAbort where the bus answers with an error */
function atBus<T>(address: number, access: () => T): T {
  try {
    return access();
  } catch (error) {
    if (!(error instanceof MemoryAbort)) throw error;
    throw new GuestAbort(address, `synchronous external abort: ${error.message}`);
  }
}

/** Fast calls of the silicon provider, 32 and 64 bits: SMC Calling Convention, table 6-2. */
const isSip = (functionId: number): boolean => [0x82, 0xc2].includes(functionId >>> 24);
