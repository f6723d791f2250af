/** All mutants: machines with one bug each, that a verdict must tell from the right one. */
import { callMutants } from './calls.ts';
import { channelMutants } from './channels.ts';
import { firmwareMutants } from './firmware.ts';
import { hostTreeMutants } from './host-tree.ts';
import { linuxMutants } from './linux.ts';
import { messageMutants } from './messages.ts';
import type { Mutant } from './mutant.ts';
import { toolstackMutants } from './toolstack.ts';

export const mutants: readonly Mutant[] = [
  ...callMutants,
  ...channelMutants,
  ...messageMutants,
  ...hostTreeMutants,
  ...toolstackMutants,
  ...firmwareMutants,
  ...linuxMutants,
];

/** The mutant with a name; undefined where there is none. */
export function mutantNamed(name: string): Mutant | undefined {
  return mutants.find(mutant => mutant.name === name);
}
