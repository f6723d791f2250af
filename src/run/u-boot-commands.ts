/** What is typed at U-Boot's prompt, beside the loading of files. */
import type { UBoot } from '../board/board-type.ts';
import { ConfigurationError } from '../board/configuration-error.ts';
import type { OpenBoard } from '../board/open-board.ts';
import type { Placed } from './places.ts';

/** The network, then what the board type wants set, then its own commands. An empty value deletes. */
export function preparingCommands({ network, tftp }: OpenBoard, uBoot: UBoot): string[] {
  const environment: (readonly [string, string | undefined])[] = [
    ...(uBoot.load.length === 0
      ? []
      : ([
          ['autoload', 'no'],
          ['ipaddr', network.address],
          ['serverip', network.server],
          ['netmask', network.netmask],
          ['gatewayip', network.gateway],
          ['tftpdstp', tftp.port === tftpPort ? undefined : String(tftp.port)],
        ] as const)),
    ...Object.entries(uBoot.environment),
  ];
  const settings = environment
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => (value === '' ? `setenv ${name}` : `setenv ${name} ${value}`));
  return [...settings, ...uBoot.commands];
}

const tftpPort = 69;

/** `booti ${xen} - ${dtb}` with addresses; `${xen.size}` stands for a size. */
export function startCommand({ start }: UBoot, placed: readonly Placed[]): string {
  return start.replaceAll(/\$\{([^}.]+)(\.size)?\}/g, (whole, name: string, size: string | undefined) => {
    const file = placed.find(each => each.file === name);
    if (file === undefined) {
      throw new ConfigurationError(`the start command names ${whole}, but the board type loads no ${name}`);
    }
    return `0x${(size === undefined ? file.address : file.size).toString(16)}`;
  });
}
