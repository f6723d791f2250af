/** The commands that a step types in a domain. */
import type { Guest } from '../model/predict/scenario.ts';
import { configPath, xlCommands } from '../model/predict/walk.ts';
import { configuredName } from '../model/xl/xl-config.ts';

/** The toolstack's name of a guest: the name in its configuration, not the scenario's. */
export function nameInToolstack({ name, config }: Guest): string {
  return configuredName(config, name);
}

/** Commands of Dom0's toolstack. */
export interface Toolstack {
  /** The shell that runs them. */
  readonly dom0: 'linux' | 'zephyr';
  /**
   * @param guest the scenario's name for it
   * @param named the toolstack's
   */
  readonly create: (directory: string, guest: string, named: string) => string;
  readonly destroy: (named: string) => string;
  /** Absent: the toolstack cannot. */
  readonly shutdown?: (named: string) => string;
  readonly reboot?: (named: string) => string;
  readonly list: string;
  /** Guests' configurations are given to it; absent: they are in its image. */
  readonly takesFiles?: true;
  /** The file in Dom0 to which a guest's console is logged; absent: nobody keeps it. */
  readonly consoleLog?: (named: string) => string;
  /** Logs that are saved when a run ends, by the name of their file. */
  readonly collected: Readonly<Record<string, string>>;
}

/** Of zephyr-xenlib (xen-shell-cmd/src/xen_cmds.c); its domains are configured in its image. */
const xu: Toolstack = {
  dom0: 'zephyr',
  create: (_directory, _guest, named) => `xu create ${named}`,
  destroy: named => `xu destroy ${named}`,
  list: 'xu list',
  collected: { 'xu-list.txt': 'xu list' },
};

const xl = {
  dom0: 'linux',
  ...xlCommands,
  create: (directory: string, guest: string) => xlCommands.create(configPath(directory, guest)),
  list: 'xl list',
  takesFiles: true,
  // Where xenconsoled runs with --log=guest (Debian: XENCONSOLED_TRACE=guest in /etc/default/xen).
  consoleLog: (guest: string) => `/var/log/xen/console/guest-${guest}.log`,
  collected: { 'xl-dmesg.txt': 'xl dmesg', 'xl-list.txt': 'xl list', 'dom0-dmesg.txt': 'dmesg' },
} as const satisfies Toolstack;

/** Prints a guest's id. */
export function xlDomid(guest: string): string {
  return `xl domid ${guest}`;
}

/** @param dom0System what Dom0 is, where it is no Linux */
export function toolstackOf({ dom0System }: { readonly dom0System?: 'zephyr' }): Toolstack {
  return dom0System === 'zephyr' ? xu : xl;
}

/** Files that a guest needs in Dom0: its configuration and what that names. */
export function guestFiles(directory: string, guest: Guest): Map<string, Uint8Array> {
  return new Map([
    [configPath(directory, guest.name), new TextEncoder().encode(guest.config)],
    ...guest.files,
  ]);
}
