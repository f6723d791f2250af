/** What a board in QEMU needs of this machine. */
import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import type { EmulatedBoardEntry } from '../board/lab.ts';
import type { BoardEntry } from '../board/load-lab.ts';
import { imageDirectory } from '../images/places.ts';
import { checkQemuVirt } from '../images/qemu-virt.ts';
import type { Check, Circumstances } from './check.ts';
import { brokenLab, hint, ok, wrongFile } from './finding.ts';

export function emulatedChecks(
  { type }: BoardEntry,
  _: EmulatedBoardEntry,
  { env, root }: Circumstances,
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
    {
      name: 'network',
      deadline: 5000,
      look: async () => {
        const tun = path.join(root, 'dev/net/tun');
        const isThere = await access(tun, constants.R_OK | constants.W_OK).then(
          () => true,
          () => false,
        );
        if (!isThere) return [brokenLab(`${tun} cannot be opened`, 'sudo modprobe tun, and run as root')];
        return process.getuid?.() === 0
          ? [ok('root, with /dev/net/tun')]
          : [hint('not root', 'run as root, or as a user who may make network namespaces')];
      },
    },
  ];
}
