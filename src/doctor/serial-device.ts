/** A serial adapter of this machine, before it is opened: why it could not be, in words that end in a command. */
import { allHolders } from '../lab/reservation.ts';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { DriverError } from '../lab/drivers/driver-error.ts';
import { findPort } from '../lab/drivers/serial/find-port.ts';
import { findHolders } from '../lab/drivers/serial/holder.ts';
import { brokenLab, type Said, warning, wrongFile } from './finding.ts';

export interface DeviceProblem {
  readonly said: Said;
  /** The adapter is not there at all. */
  readonly isAbsent: boolean;
}

/**
 * @param device path or pattern of the lab file
 * @param root where /etc, /proc and /run are
 * @returns undefined where nothing speaks against opening it
 */
export async function deviceProblem(device: string, root: string): Promise<DeviceProblem | undefined> {
  let port: string;
  try {
    port = await findPort(device);
  } catch (error) {
    if (!(error instanceof DriverError)) throw error;
    const isAbsent = !/devices match/.test(error.message);
    return { said: (isAbsent ? brokenLab : wrongFile)(error.message, error.hint), isAbsent };
  }
  const found = await stat(port).catch(() => undefined);
  if (found === undefined) return { said: absent(port, await adapters(path.dirname(port))), isAbsent: true };
  if (!found.isCharacterDevice()) {
    const hint = 'name a serial device, such as one of /dev/serial/by-id';
    return { said: wrongFile(`${port} is no serial device`, hint), isAbsent: false };
  }
  const { mode, uid, gid } = found;
  const said =
    (await permissionProblem(port, { mode, uid, gid, user: currentUser() }, root)) ??
    (await holderProblem(port)) ??
    (await lockProblem(port, root));
  return said && { said, isAbsent: false };
}

/** Names that change with the next plugging are told with the one that does not. */
export async function nameHint(device: string, root: string): Promise<Said[]> {
  if (!/^\/dev\/tty(?:USB|ACM)\d+$/.test(device)) return [];
  const better = await lastingName(device, root);
  if (better === undefined) return [];
  return [warning(`${device} is another adapter after the next plugging`, `write ${better} in the lab file`)];
}

async function lastingName(device: string, root: string): Promise<string | undefined> {
  for (const directory of ['/dev/serial/by-id', '/dev/serial/by-path']) {
    for (const name of await adapters(path.join(root, directory))) {
      const target = await realpath(path.join(root, directory, name)).catch(() => '');
      if (path.basename(target) === path.basename(device)) return path.posix.join(directory, name);
    }
  }
  return undefined;
}

function absent(port: string, there: readonly string[]): Said {
  const others = there.filter(name => !/^(?:tty|pts|console)/.test(name)).slice(0, 6);
  const words = others.length === 0 ? '' : `; there are ${others.join(', ')}`;
  return brokenLab(
    `there is no ${port}${port.startsWith('/dev/serial/') ? words : ''}`,
    'plug the adapter in; `ls /dev/serial/by-id` shows what is there, scmi-hil init chooses from it',
  );
}

async function adapters(directory: string): Promise<string[]> {
  return (await readdir(directory).catch(() => [])).toSorted((one, other) => one.localeCompare(other));
}

interface User {
  readonly id: number;
  readonly groups: readonly number[];
  readonly name: string;
}

/** Fields of a file's status that decide about access. */
export interface Owned {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly user: User;
}

/** Whether a user may read and write (path_resolution(7)). */
export function mayUse({ mode, uid, gid, user }: Owned): boolean {
  if (user.id === 0) return true;
  const shift = user.id === uid ? 6 : user.groups.includes(gid) ? 3 : 0;
  return ((mode >> shift) & 0o6) === 0o6;
}

/** @returns the command that lets the user in; undefined where the user may use it */
export async function permissionProblem(port: string, owned: Owned, root: string): Promise<Said | undefined> {
  if (mayUse(owned)) return undefined;
  const { name } = owned.user;
  const group = await groupOf(owned.gid, root);
  const what = `${port}: ${name} may not open it`;
  if (group === undefined || (owned.mode & 0o060) !== 0o060) {
    return brokenLab(what, `give it to a group: a udev rule with GROUP="dialout", MODE="0660"`);
  }
  return group.members.includes(name)
    ? brokenLab(
        what,
        `${name} is in the group ${group.name}, but not this session: log in again, or: newgrp ${group.name}`,
      )
    : brokenLab(what, `sudo usermod -aG ${group.name} ${name}, then log in again`);
}

async function groupOf(
  gid: number,
  root: string,
): Promise<{ readonly name: string; readonly members: readonly string[] } | undefined> {
  const text = await readFile(path.join(root, 'etc/group'), 'utf8').catch(() => '');
  for (const line of text.split('\n')) {
    const [name, , id, members = ''] = line.split(':');
    if (name !== undefined && Number(id) === gid) return { name, members: members.split(',') };
  }
  return undefined;
}

function currentUser(): User {
  const id = process.getuid?.() ?? 0;
  return {
    id,
    groups: process.getgroups?.() ?? [],
    name: process.env['USER'] ?? process.env['LOGNAME'] ?? `user ${id}`,
  };
}

async function holderProblem(port: string): Promise<Said | undefined> {
  const holders = await findHolders(port);
  if (holders.length === 0) return undefined;
  const runs = await runsOf(holders.map(({ pid }) => pid));
  if (runs.length > 0) {
    return brokenLab(
      `${port}: ${runs.join(', ')} has it open`,
      'wait until it has finished, or use another board (scmi-hil boards says who has which)',
    );
  }
  const who = holders.map(({ pid, command }) => `${command} (process ${pid})`).join(', ');
  const hint = hintOf[holders[0]?.command ?? ''] ?? `end it: kill ${holders.map(({ pid }) => pid).join(' ')}`;
  return brokenLab(`${port}: ${who} has it open`, hint);
}

/** Runs and other commands of this program among some processes: the board, the process, since when. */
async function runsOf(pids: readonly number[]): Promise<string[]> {
  const holders = (await allHolders()).filter(({ pid }) => pids.includes(pid));
  return holders.map(
    ({ board, pid, since, command }) => `${command}, for ${board} (process ${pid}, since ${since}),`,
  );
}

/** Programs that take serial ports by themselves. */
const hintOf: Readonly<Record<string, string>> = {
  ModemManager: 'sudo systemctl disable --now ModemManager',
  agetty: 'sudo systemctl disable --now serial-getty@PORT',
  ser2net: 'ser2net offers it: use kind: rfc2217 or tcp in the lab file, or stop ser2net',
  brltty: 'sudo apt remove brltty',
};

/** Lock files of programs that follow the UUCP convention (Filesystem Hierarchy Standard, /var/lock). */
async function lockProblem(port: string, root: string): Promise<Said | undefined> {
  const name = path.basename(await realpath(port).catch(() => port));
  for (const directory of ['run/lock', 'var/lock', 'var/spool/lock']) {
    const file = path.join(root, directory, `LCK..${name}`);
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const pid = Number.parseInt(text, 10);
    const command = await readFile(path.join(root, `proc/${pid}/comm`), 'utf8').catch(() => undefined);
    return command === undefined
      ? warning(`${port}: the lock file ${file} was left by process ${pid}, which is gone`, `sudo rm ${file}`)
      : brokenLab(
          `${port}: ${command.trim()} (process ${pid}) has locked it with ${file}`,
          `end it: kill ${pid}`,
        );
  }
  return undefined;
}
