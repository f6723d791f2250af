import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readdir, readFile, realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import { setImmediate } from 'node:timers/promises';

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
  for (const [index, pid] of others.entries()) {
    // Asked synchronously: a turn of a busy event loop for each of some thousand descriptors takes many seconds.
    if (index % atOnce === atOnce - 1) await setImmediate();
    if (hasOpen(pid, device)) holders.push({ pid, command: commandOf(pid) ?? '?' });
  }

  return holders;
}

/** Processes looked at in one turn of the event loop: about a millisecond. */
const atOnce = 32;

function hasOpen(pid: number, device: string): boolean {
  const directory = `/proc/${pid}/fd`;
  const descriptors = orElse([], () => readdirSync(directory));
  const targets = descriptors.map(name => orElse('', () => readlinkSync(`${directory}/${name}`)));
  if (!targets.includes(device)) return false;
  const masters = descriptors.filter((_, index) => targets[index]?.endsWith('/ptmx'));
  return !masters.some(name => terminalOf(`/proc/${pid}/fdinfo/${name}`) === device);
}

/**
 * The pseudo-terminal of which a descriptor is the master. The process that made it (socat) is its other end, and keeps
 * it open besides: it takes no bytes from those who read there.
 */
function terminalOf(information: string): string | undefined {
  const text = orElse('', () => readFileSync(information, 'utf8'));
  const index = /^tty-index:\s*(\d+)/m.exec(text)?.[1];
  return index === undefined ? undefined : `/dev/pts/${index}`;
}

function commandOf(pid: number): string | undefined {
  return orElse(undefined, () => readFileSync(`/proc/${pid}/comm`, 'utf8').trim());
}

/** A process may end, or belong to another user, while it is looked at. */
function orElse<T>(otherwise: T, read: () => T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
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
    const command = commandOf(pid);
    if (command !== undefined) return { pid, command };
  }
  return undefined;
}
