/** Bugs of the SCMI client in a domain's kernel. */
import { sharedMemoryOffset } from '../../model/scmi/shared-memory.ts';
import type { GuestMachine } from '../../model/xen/guest.ts';
import { machineWith } from './machine-with.ts';
import type { Mutant } from './mutant.ts';

export const linuxMutants: readonly Mutant[] = [
  linux('linux-ignores-smc-result', 'A call that is refused counts as done.', right => ({
    smc: functionId => {
      right.smc(functionId);
      return 0;
    },
  })),
  linux(
    'linux-rings-first-doorbell',
    'The function id is the one of the examples, whatever the node says.',
    right => ({
      smc: () => right.smc(0x8200_0002),
    }),
  ),
  linux('linux-leaves-channel-free', 'The channel is not marked busy before the doorbell.', right => ({
    writeU32: (address, value) => {
      const isStatus = offsetOf(address) === sharedMemoryOffset.channelStatus;
      if (!isStatus || value !== 0) right.writeU32(address, value);
    },
  })),
  linux('linux-sends-no-payload', 'The length of a message counts its header only.', right => ({
    writeU32: (address, value) =>
      right.writeU32(address, offsetOf(address) === sharedMemoryOffset.length ? 4 : value),
  })),
];

function linux(name: string, words: string, other: (right: GuestMachine) => Partial<GuestMachine>): Mutant {
  return { name, part: 'linux', words, deviations: { guest: right => machineWith(right, other(right)) } };
}

/** Offset in a page of shared memory. */
function offsetOf(address: number): number {
  return address % 0x1000;
}
