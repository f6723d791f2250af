/** A board with its drivers: virtual, emulated and physical boards have the same. */
import type { BoardType } from '../../board/board-type.ts';
import type { ConsoleTalker } from '../../verdict/console/line.ts';
import type { PowerDriver } from './power/power.ts';
import type { SerialDriver } from './serial/serial.ts';
import type { SshDriver, SshTarget } from './ssh/ssh.ts';
import type { TftpServer } from './tftp/tftp.ts';

export interface ConsoleLogin {
  readonly user: string;
  /** Never recorded, never printed. */
  readonly password?: string;
  /** SSH is not tried. */
  readonly only: boolean;
}

/** A UART beside the console. */
export interface BoardUart {
  readonly serial: SerialDriver;
  /** Its talkers; none if they are unknown: then it is recorded, and nothing is judged by it. */
  readonly talkers: readonly ConsoleTalker[];
}

export interface BoardWithDrivers extends AsyncDisposable {
  readonly name: string;
  readonly type: BoardType;
  /** For the report only. */
  readonly virtual: boolean;
  readonly power: PowerDriver;
  readonly serial: SerialDriver;
  /** By name; each is open for as long as the console is. */
  readonly uarts?: ReadonlyMap<string, BoardUart>;
  readonly tftp: TftpServer;
  readonly ssh: SshDriver;
  readonly network: {
    /** The board's own address; absent where it is not known before it asks. */
    readonly address?: string;
    readonly server: string;
    readonly netmask?: string;
    readonly gateway?: string;
    /** Names that precede a requested file. */
    readonly prefixes: readonly string[];
  };
  /** Kind of Dom0, if it is no Linux: xen-troops' zephyr-dom0-xt. */
  readonly dom0System?: 'zephyr';
  /** The domain that has the network, where that is not Dom0: `dom0` below is its SSH server, and guests are behind it. */
  readonly gateway?: string;
  /** Where Dom0's SSH server is. */
  readonly dom0: Omit<SshTarget, 'via'>;
  /** Login on Dom0's serial console; absent: the user of SSH, with its password if SSH takes one. */
  readonly consoleLogin?: ConsoleLogin;
  /** Logins on the consoles of guests, by name; `root` on others'. */
  readonly guestLogins?: ReadonlyMap<string, ConsoleLogin>;
  /** Guests that have no address have a shell of root's on their consoles. */
  readonly guestConsoles?: true;
  /** Where a guest's SSH server is as seen from Dom0; undefined where the lab gives none. */
  guest(name: string): Omit<SshTarget, 'via'> | undefined;
  /** Files of the deployment by name (`xen`, `dtb`, `kernel`, `ramdisk`, ...): a path or bytes. */
  readonly images: ReadonlyMap<string, string | Uint8Array>;
  /** Of the switch and the consoles: the recorder keeps them out of what it writes. */
  readonly secrets?: readonly string[];
  /** Notes for the recording about how this board was put together. */
  readonly notes?: readonly string[];
  close(): Promise<void>;
}
