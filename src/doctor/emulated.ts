/** Checks of this machine for a board in QEMU. */
import type { EmulatedBoardEntry } from '../lab/lab.ts';
import type { BoardEntry } from '../lab/load-lab.ts';
import { DriverError } from '../lab/drivers/driver-error.ts';
import { tryNamespace } from '../lab/drivers/qemu/emulated-board.ts';
import { imageDirectory } from '../lab/images/places.ts';
import { checkQemuVirt } from '../lab/images/qemu-virt.ts';
import type { Check, Circumstances } from './check.ts';
import { brokenLab, warning, ok, type Said, wrongFile } from './finding.ts';

export function emulatedChecks(
  { type }: BoardEntry,
  { network }: EmulatedBoardEntry,
  { env }: Circumstances,
): Check[] {
  const directory = imageDirectory(type.type, env);
  return [
    {
      name: 'images',
      deadline: 60_000,
      look: async () => {
        const wrong = await checkQemuVirt(directory);
        if (wrong.length === 0) return [ok(`${directory}: as built`)];
        return wrong.map(what => wrongFile(what, `scmi-hil images fetch ${type.type}`));
      },
    },
    { name: 'network', deadline: 20_000, look: async () => [await networkOf(network)] },
  ];
}

/** A run without a namespace is a run, where the lab does not ask for one. */
async function networkOf(network: EmulatedBoardEntry['network']): Promise<Said> {
  if (network === 'user') return ok("QEMU's own, as the lab file says");
  try {
    await tryNamespace();
    return ok('a namespace of its own');
  } catch (error) {
    if (!(error instanceof DriverError)) throw error;
    const { message, hint } = error;
    return network === 'namespace'
      ? brokenLab(message, hint)
      : warning(`QEMU's own network will serve, because a namespace cannot be had: ${message}`, hint);
  }
}
