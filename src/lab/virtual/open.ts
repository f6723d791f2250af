/** Opens a virtual board: the drivers of a real one, with a board in this process at their other end. */
import { type LookupFunction, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { BoardType } from '../../board/board-type.ts';
import { loadFirmwareProfile } from '../../board/firmware-profile.ts';
import type { BoardWithDrivers } from '../drivers/board.ts';
import type { Deviations } from '../../model/predict/deviations.ts';
import type { FirmwareProfile } from '../../model/scmi/profile.ts';
import { keepsItsName, returning } from '../drivers/serial/returning.ts';
import { serialDevice } from '../drivers/serial/device.ts';
import { sshClient } from '../drivers/ssh/client.ts';
import { listenTftp } from '../drivers/tftp/server.ts';
import type { TftpServer } from '../drivers/tftp/tftp.ts';
import { VirtualBoard } from './board.ts';
import { guestAddress } from './domains.ts';
import type { VirtualFaults } from './faults.ts';
import { type LinkFaults, openLossyLink } from './lossy-link.ts';
import { Mishaps } from './mishaps.ts';
import { createNetwork } from './network.ts';
import { VirtualPowerSwitch } from './power-switch.ts';
import { makeSshKeys } from './ssh-keys.ts';
import { SshPort } from './ssh-server.ts';
import { makeStandIn } from './stand-in.ts';
import { Uart } from './uart.ts';

const loopback = '127.0.0.1';
/** TCP port multiplexer: nobody runs one. */
const unusedPort = 1;
const quietTime = 15;
/** How long an adapter that vanished is looked for. */
const adapterPatience = 1500;
const serialNumber = '0000beef';

export interface VirtualBoardOptions {
  /** Name of the board in the lab. */
  readonly name: string;
  /** A server that the lab has already; absent: one of its own. The board's directory there is `0000beef/`. */
  readonly tftp?: TftpServer;
  /** Fault of the board. */
  readonly faults?: VirtualFaults;
  /** Bug of the software on it. */
  readonly deviations?: Deviations;
  /** SCMI firmware in its flash; the board type's unless told. */
  readonly firmware?: { readonly profile: FirmwareProfile; readonly faults: readonly string[] };
}

/** Shares of the packets. Each that is lost costs a time-out: a second of the server's, or a quarter of the board's. */
const linkFaults: Readonly<Record<string, LinkFaults>> = {
  loss: { drop: 0.002 },
  reorder: { reorder: 0.02 },
  duplicate: { duplicate: 0.05 },
};

/** Opens a virtual board of a type. The caller closes it. */
export async function openVirtualBoard(
  type: BoardType,
  options: VirtualBoardOptions,
): Promise<BoardWithDrivers> {
  const faults = options.faults ?? {};
  await using stack = new AsyncDisposableStack();
  const tftp = stack.use(options.tftp ?? (await listenTftp({ address: loopback, port: 0 })));
  const ssh = stack.use(await SshPort.open(loopback));
  const uart = stack.use(Uart.open(faults));
  const uarts = new Map(Object.keys(type.uarts).map(name => [name, stack.use(Uart.open())]));
  const firmwareUart = [...uarts].find(([name]) => isFirmwaresOwn(type.uarts[name]?.talkers))?.[1];
  const mishaps = new Mishaps(faults, milliseconds => uart.unplug(milliseconds));
  const keys = makeSshKeys();
  const link = linkFaults[faults.tftp ?? 'none'];
  const detour = link && stack.adopt(await openLossyLink(tftp.port, 1, link), each => each.close());
  const network = createNetwork({
    address: loopback,
    server: loopback,
    tftpPort: tftp.port,
    mishaps,
    ...(detour === undefined ? {} : { detour: detour.port }),
  });
  const firmware = options.firmware ?? { profile: loadFirmwareProfile(type.firmware), faults: [] };
  const board = new VirtualBoard({
    type: faults.otherXen === true ? { ...type, xen: { ...type.xen, mediator: 'single-agent' } } : type,
    firmware,
    mishaps,
    uart,
    ...(firmwareUart === undefined ? {} : { firmwareUart }),
    network,
    ssh,
    keys,
    serial: serialNumber,
    ...(options.deviations === undefined ? {} : { deviations: options.deviations }),
  });
  const serial = serialDevice({ path: uart.path, baudRate: type.console.baudRate });
  const power = new VirtualPowerSwitch(board, faults.switch);
  stack.defer(() => board.powerOff());

  const identity = { kind: 'key', privateKey: keys.privateKey } as const;
  const resources = stack.move();
  return {
    name: options.name,
    // No adapter and no wire lies between: what the board says is there almost at once.
    type: { ...type, console: { ...type.console, quiet: quietTime } },
    virtual: true,
    power,
    serial: keepsItsName(uart.path) ? returning(serial, { patience: adapterPatience, interval: 20 }) : serial,
    uarts: new Map(
      [...uarts].map(([name, { path }]) => [
        name,
        {
          serial: serialDevice({ path, baudRate: type.uarts[name]?.baudRate ?? type.console.baudRate }),
          talkers: type.uarts[name]?.talkers ?? [],
        },
      ]),
    ),
    tftp,
    ssh: sshClient(faults.dom0 === 'no-network' ? { dial: noWay } : {}),
    network: { address: loopback, server: loopback, prefixes: [`${serialNumber}/`] },
    dom0: {
      host: loopback,
      port: faults.dom0 === 'ssh-refuses' ? unusedPort : ssh.port,
      user: type.dom0.user,
      hostKey: (faults.dom0 === 'other-host-key' ? makeSshKeys() : keys).fingerprint,
      identity,
    },
    guest: guest => ({
      host: guestAddress(guest),
      port: 22,
      user: 'root',
      hostKey: keys.fingerprint,
      identity,
    }),
    images: new Map([
      ['xen', makeStandIn('xen', 300_000)],
      ['probe', makeStandIn('probe', 40_000)],
      ['u-boot', makeStandIn('u-boot', 40_000)],
      ['kernel', makeStandIn('linux', 500_000)],
      ['ramdisk', makeStandIn('ramdisk', 100_000)],
      ['armstub', makeStandIn('bl31', 60_000)],
      ['bl31', makeStandIn('bl31', 60_000)],
    ]),
    close: () => resources.disposeAsync(),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function isFirmwaresOwn(talkers: readonly string[] = []): boolean {
  return talkers.length === 1 && talkers[0] === 'tf-a';
}

/** A network on which Dom0 is not. */
function noWay(): Duplex {
  const unreachable = Object.assign(new Error('no route to host'), { code: 'EHOSTUNREACH' });
  const lookup: LookupFunction = (_host, _options, found) => found(unreachable, '');
  return new Socket().on('error', () => {}).connect({ host: 'dom0', port: 22, lookup });
}
