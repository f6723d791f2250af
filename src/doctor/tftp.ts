/** Whether files can be served where the board asks for them. */
import { networkInterfaces } from 'node:os';
import { access, constants, stat } from 'node:fs/promises';
import path from 'node:path';
import { below, type LabTftp } from '../lab/lab-tftp.ts';
import { DriverError } from '../lab/drivers/driver-error.ts';
import { livingHolder } from '../lab/drivers/hold-file.ts';
import { acquireTftp } from '../lab/drivers/tftp/shared.ts';
import { stagingState } from '../lab/drivers/tftp/staging.ts';
import type { Check, PhysicalBoard } from './check.ts';
import { brokenLab, ok, warning, wrongFile } from './finding.ts';

export function tftpCheck({ name, setup }: PhysicalBoard): Check {
  if (setup.tftp.kind === 'directory') return directoryCheck(name, setup.tftp, setup.network.serialNumber);
  const { server, tftpPort } = setup.network;
  const words = `TFTP on ${server}:${tftpPort}`;
  return {
    name: 'tftp',
    deadline: 30_000,
    look: async () => {
      const own = Object.values(networkInterfaces()).flatMap(each => each ?? []);
      if (!own.some(({ address }) => address === server)) {
        const there = own.filter(({ internal }) => !internal).map(({ address }) => address);
        return [
          wrongFile(
            `${words}: this machine does not have that address; it has ${there.join(', ') || 'none'}`,
            `correct boards.${name}.network.server, or: sudo ip address add ${server}/24 dev INTERFACE`,
          ),
        ];
      }
      try {
        await using _ = await acquireTftp(server, tftpPort);
        return [ok(`${words}: can be served`)];
      } catch (error) {
        if (!(error instanceof DriverError)) throw error;
        return [brokenLab(error.message, error.hint)];
      }
    },
  };
}

/** The directory of the lab's own server: this user may write there, and no run has left its files. */
function directoryCheck(
  board: string,
  files: Extract<LabTftp, { kind: 'directory' }>,
  serialNumber: string | undefined,
): Check {
  const directory = path.join(files.path, below(files, serialNumber));
  return {
    name: 'tftp',
    deadline: 20_000,
    look: async () => {
      const root = await stat(files.path).catch(() => undefined);
      if (root?.isDirectory() !== true) {
        return [
          wrongFile(
            `there is no directory ${files.path} on this machine`,
            `correct boards.${board}.tftp.path; is it mounted?`,
          ),
        ];
      }
      const there = (await stat(directory).catch(() => undefined)) === undefined ? files.path : directory;
      const mayWrite = await access(there, constants.W_OK | constants.X_OK).then(
        () => true,
        () => false,
      );
      if (!mayWrite) {
        return [
          brokenLab(`${there}: this user may not write there`, `sudo setfacl -m "u:$USER:rwx" ${there}`),
        ];
      }
      const state = path.join(directory, stagingState);
      if ((await stat(state).catch(() => undefined)) === undefined)
        return [ok(`${directory}: can be written`)];
      const holder = await livingHolder(path.join(state, 'hold'));
      return [
        holder === undefined
          ? warning(
              `${directory}: a run that was killed left its files`,
              'the next run of this board takes them away',
            )
          : warning(
              `${directory}: ${holder.user}'s process ${holder.pid} has its files there (${holder.command})`,
              'wait until that run is over',
            ),
      ];
    },
  };
}
