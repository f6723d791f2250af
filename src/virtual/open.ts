/** Opens a virtual board: the drivers of a real one, with a board in this process at their other end. */
import type { BoardType } from '../board/board-type.ts';
import { loadFirmwareProfile } from '../board/firmware-profile.ts';
import type { OpenBoard } from '../board/open-board.ts';
import type { Deviations } from '../model/deviations.ts';
import type { FirmwareProfile } from '../scmi/profile.ts';
import { serialDevice } from '../drivers/serial/device.ts';
import { sshClient } from '../drivers/ssh/client.ts';
import { listenTftp } from '../drivers/tftp/server.ts';
import { VirtualBoard } from './board.ts';
import { guestAddress } from './dom0.ts';
import type { VirtualFaults } from './faults.ts';
import { createNetwork } from './network.ts';
import { VirtualPowerSwitch } from './power-switch.ts';
import { makeSshKeys } from './ssh-keys.ts';
import { SshPort } from './ssh-server.ts';
import { makeStandIn } from './stand-in.ts';
import { Uart } from './uart.ts';

const LOOPBACK = '127.0.0.1';
const QUIET = 15;
const SERIAL = '0000beef';

export interface VirtualBoardOptions {
  /** Name of the board in the lab. */
  readonly name: string;
  /** What the board does wrong. */
  readonly faults?: VirtualFaults;
  /** What the software on it does wrong. */
  readonly deviations?: Deviations;
  /** SCMI firmware in its flash; the board type's unless told. */
  readonly firmware?: { readonly profile: FirmwareProfile; readonly faults: readonly string[] };
}

/** Opens a virtual board of a type. The caller closes it. */
export async function openVirtualBoard(type: BoardType, options: VirtualBoardOptions): Promise<OpenBoard> {
  const faults = options.faults ?? {};
  await using stack = new AsyncDisposableStack();
  const tftp = stack.use(await listenTftp({ address: LOOPBACK, port: 0 }));
  const ssh = stack.use(await SshPort.open(LOOPBACK));
  const uart = stack.use(Uart.open());
  const keys = makeSshKeys();
  const network = createNetwork({
    address: LOOPBACK,
    server: LOOPBACK,
    tftpPort: tftp.port,
    ...(faults.transferStallsIn === undefined ? {} : { stallsIn: faults.transferStallsIn }),
  });
  const firmware = options.firmware ?? { profile: loadFirmwareProfile(type.firmware), faults: [] };
  const board = new VirtualBoard({
    type,
    firmware,
    faults,
    uart,
    network,
    ssh,
    keys,
    serial: SERIAL,
    ...(options.deviations === undefined ? {} : { deviations: options.deviations }),
  });
  const power = new VirtualPowerSwitch(board, faults.switchIsDead);
  stack.defer(() => board.powerOff());

  const identity = { kind: 'key', privateKey: keys.privateKey } as const;
  const resources = stack.move();
  return {
    name: options.name,
    // No adapter and no wire lies between: what the board says is there almost at once.
    type: { ...type, console: { ...type.console, quiet: QUIET } },
    hold: `${options.name}-${process.pid}`,
    virtual: true,
    power,
    serial: serialDevice({ path: uart.path, baudRate: type.console.baudRate }),
    tftp,
    ssh: sshClient(),
    network: { address: LOOPBACK, server: LOOPBACK, prefixes: [`${SERIAL}/`] },
    dom0: { host: LOOPBACK, port: ssh.port, user: type.dom0.user, hostKey: keys.fingerprint, identity },
    guest: guest => ({
      host: guestAddress(guest),
      port: 22,
      user: 'root',
      hostKey: keys.fingerprint,
      identity,
    }),
    images: new Map([
      ['xen', makeStandIn('xen', 300_000)],
      ['kernel', makeStandIn('linux', 500_000)],
      ['ramdisk', makeStandIn('ramdisk', 100_000)],
      ['armstub', makeStandIn('bl31', 60_000)],
    ]),
    close: () => resources.disposeAsync(),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
