/** Whether files can be served where the board asks for them. */
import { networkInterfaces } from 'node:os';
import { readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { DriverError } from '../drivers/driver-error.ts';
import { acquireTftp } from '../drivers/tftp/shared.ts';
import type { RealBoard } from './board.ts';
import type { Check, Circumstances } from './check.ts';
import type { Said } from './finding.ts';
import { brokenLab, ok, wrongFile } from './finding.ts';

export function tftpCheck({ name, setup }: RealBoard, { root }: Pick<Circumstances, 'root'>): Check {
  const { server, tftpPort } = setup.network;
  const words = `TFTP on ${server}:${tftpPort}`;
  return {
    name: 'tftp',
    deadline: 10_000,
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
        return [await refusedWords(error, tftpPort, root)];
      }
    },
  };
}

async function refusedWords(error: DriverError, port: number, root: string): Promise<Said> {
  const who = await holderOfUdpPort(port, root);
  return who === undefined
    ? brokenLab(error.message, error.mend)
    : brokenLab(
        `${error.message}: ${who.command} (process ${who.pid})`,
        `stop it: kill ${who.pid}, or its service`,
      );
}

/** The process that has a UDP port, as far as this user may see (proc(5), /proc/net/udp and /proc/PID/fd). */
export async function holderOfUdpPort(
  port: number,
  root: string,
): Promise<{ readonly pid: number; readonly command: string } | undefined> {
  const proc = path.join(root, 'proc');
  const inodes = await inodesOf(port, proc);
  if (inodes.length === 0) return undefined;
  const sockets = new Set(inodes.map(inode => `socket:[${inode}]`));
  for (const pid of (await readdir(proc).catch(() => [])).filter(each => /^\d+$/.test(each))) {
    const directory = path.join(proc, pid, 'fd');
    for (const descriptor of await readdir(directory).catch(() => [])) {
      const target = await readlink(path.join(directory, descriptor)).catch(() => '');
      if (!sockets.has(target)) continue;
      const command = await readFile(path.join(proc, pid, 'comm'), 'utf8').catch(() => '?');
      return { pid: Number(pid), command: command.trim() };
    }
  }
  return undefined;
}

async function inodesOf(port: number, proc: string): Promise<string[]> {
  const tables = await Promise.all(
    ['udp', 'udp6'].map(table => readFile(path.join(proc, 'net', table), 'utf8').catch(() => '')),
  );
  const hexadecimal = port.toString(16).toUpperCase().padStart(4, '0');
  return tables
    .flatMap(text => text.split('\n'))
    .map(line => line.trim().split(/\s+/))
    .filter(([, local]) => local?.endsWith(`:${hexadecimal}`) === true)
    .flatMap(([, , , , , , , , , inode]) => inode ?? []);
}
