import { readdir, readFile, readlink, realpath } from 'node:fs/promises';

/** Another process that has a device open. */
export interface Holder {
  readonly pid: number;
  /** Command name as in /proc/PID/comm. */
  readonly command: string;
}

/**
 * Finds the other processes that have a device open, as far as this user may see (/proc/PID/fd is readable for
 * one's own processes, and for root).
 *
 * @param path the device, or a link to it
 */
export async function findHolders(path: string): Promise<readonly Holder[]> {
  const device = await realpath(path).catch(() => path);
  const others = (await readdir('/proc').catch(() => []))
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => pid !== process.pid);

  const holders: Holder[] = [];
  for (const pid of others) {
    if (await hasOpen(pid, device)) {
      const command = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?');
      holders.push({ pid, command: command.trim() });
    }
  }

  return holders;
}

async function hasOpen(pid: number, device: string): Promise<boolean> {
  const directory = `/proc/${pid}/fd`;
  const descriptors = await readdir(directory).catch(() => []);
  const targets = await Promise.all(
    descriptors.map(name => readlink(`${directory}/${name}`).catch(() => '')),
  );
  return targets.includes(device);
}
