import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { basename } from 'node:path';

/** Another process that has a device open. */
export interface Holder {
  readonly pid: number;
  /** Command name as in /proc/PID/comm. */
  readonly command: string;
}

/**
 * Finds the other processes that have a device open, but for the other end of a pseudo-terminal, as far as this user may see (/proc/PID/fd is readable for
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
  if (!targets.includes(device)) return false;
  const masters = descriptors.filter((_, index) => targets[index]?.endsWith('/ptmx'));
  const ends = await Promise.all(masters.map(name => terminalOf(`/proc/${pid}/fdinfo/${name}`)));
  return !ends.includes(device);
}

/**
 * The pseudo-terminal of which a descriptor is the master. The process that made it (socat) is its other end, and keeps
 * it open besides: it takes no bytes from those who read there.
 */
async function terminalOf(information: string): Promise<string | undefined> {
  const text = await readFile(information, 'utf8').catch(() => '');
  const index = /^tty-index:\s*(\d+)/m.exec(text)?.[1];
  return index === undefined ? undefined : `/dev/pts/${index}`;
}

const lockDirectories = ['/run/lock', '/var/lock', '/var/spool/lock'] as const;

/**
 * The living process that has locked a device by the UUCP convention (Filesystem Hierarchy Standard, /var/lock): of
 * another user too, whose open files cannot be seen.
 */
export async function findLocker(path: string): Promise<Holder | undefined> {
  const name = basename(await realpath(path).catch(() => path));
  for (const directory of lockDirectories) {
    const text = await readFile(`${directory}/LCK..${name}`, 'latin1').catch(() => undefined);
    const pid = Number.parseInt(text ?? '', 10);
    if (!(pid > 0) || pid === process.pid) continue;
    const command = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => undefined);
    if (command !== undefined) return { pid, command: command.trim() };
  }
  return undefined;
}
