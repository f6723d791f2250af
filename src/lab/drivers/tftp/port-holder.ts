import { readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';

/** The process that has a UDP port, as far as this user may see (proc(5), /proc/net/udp and /proc/PID/fd). */
export async function holderOfUdpPort(
  port: number,
  root = '/',
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
