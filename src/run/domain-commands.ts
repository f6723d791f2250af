/** The commands that a step types in a domain. The prediction names them in the same words. */
import type { Guest } from '../scenario/scenario.ts';

/** Where a guest's configuration is put in Dom0. */
export function configPath(directory: string, guest: string): string {
  return `${directory}/${guest}.cfg`;
}

/** What the toolstack calls a guest: the name in its configuration, not the scenario's. */
export function nameInToolstack({ name, config }: Guest): string {
  return /^[ \t]*name[ \t]*=[ \t]*["']([^"']*)["']/m.exec(config)?.[1] ?? name;
}

export const toolstack = {
  create: (directory: string, guest: string) => `xl create ${configPath(directory, guest)}`,
  destroy: (guest: string) => `xl destroy ${guest}`,
  shutdown: (guest: string) => `xl shutdown -w ${guest}`,
  reboot: (guest: string) => `xl reboot ${guest}`,
  console: (guest: string) => `xl console ${guest}`,
  list: 'xl list',
} as const;

/** Logs that are saved when a run ends, by the name of their file. */
export const collected = {
  'xl-dmesg.txt': 'xl dmesg',
  'xl-list.txt': toolstack.list,
  'dom0-dmesg.txt': 'dmesg',
} as const;

/** Files that a guest needs in Dom0: its configuration and what that names. */
export function guestFiles(directory: string, guest: Guest): Map<string, Uint8Array> {
  return new Map([
    [configPath(directory, guest.name), new TextEncoder().encode(guest.config)],
    ...guest.files,
  ]);
}
