/** Opens an emulated board: QEMU with the images that were fetched for it, behind the drivers of any board. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { openEmulatedBoard } from './drivers/qemu/emulated-board.ts';
import type { BoardNetwork } from './drivers/qemu/keeper-process.ts';
import { sshClient } from './drivers/ssh/client.ts';
import { builtDirectory, imageDirectory, imageFiles, keyFiles } from './images/places.ts';
import { withToolstack } from './images/toolstack.ts';
import { faultWord } from '../model/scmi/faults.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import type { BoardEntry } from './load-lab.ts';
import type { OpenBoard, Software } from './open-board.ts';

export interface EmulatedOptions {
  /** Where its network is; absent: in a namespace where one can be had. */
  readonly network?: BoardNetwork;
  /** In place of the fetched ones: path by name. */
  readonly images: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Build of the EL3 firmware; absent: the usual one, without faults. */
  readonly firmware?: Software['firmware'];
}

/** Locally administered, and the same in every run. */
export const macAddress = '52:54:00:5c:31:02';

/**
 * @throws ConfigurationError where images have not been fetched, the type is not one that QEMU can be, or its
 *   firmware takes no faults
 * @throws DriverError where its processes cannot be started
 */
export async function openEmulated(
  { name, type }: Pick<BoardEntry, 'name' | 'type'>,
  options: EmulatedOptions,
): Promise<OpenBoard> {
  const { emulator, uarts } = type;
  if (emulator === undefined) {
    throw new ConfigurationError(`${name}: ${type.type} has no emulator`, 'see boards/qemu-virt.yaml');
  }
  const directory = builtDirectory(type.type, options.env);
  const files = imagesOf(name, type.type, directory, options.images);
  const { images, notes } = withToolstack(
    files,
    path.join(imageDirectory(type.type, options.env), 'unpacked'),
  );
  const { server, address, netmask } = emulator.network;
  const identity = {
    kind: 'key',
    privateKey: readFileSync(path.join(directory, keyFiles.user), 'utf8'),
  } as const;
  const hostKey = readFileSync(path.join(directory, keyFiles.hostFingerprint), 'utf8').trim();
  const machine = await openEmulatedBoard({
    machine: { ...emulator, arguments: [...emulator.arguments, ...withFaults(name, options.firmware)] },
    uarts: Object.keys(uarts),
    images: files,
    server,
    prefixLength: prefixLength(netmask),
    macAddress,
    ssh: { host: address, port: type.dom0.sshPort },
    ...(options.network !== undefined && { network: options.network }),
  });
  const close = async () => machine[Symbol.asyncDispose]();
  return {
    name,
    type,
    virtual: false,
    power: machine.power,
    serial: machine.serial,
    tftp: machine.tftp,
    ssh: sshClient({ dial: machine.dial }),
    network: { address, server, netmask, prefixes: [] },
    dom0: { host: address, port: type.dom0.sshPort, user: type.dom0.user, identity, hostKey },
    guest: () => undefined,
    guestConsoles: true,
    images,
    uarts: new Map(
      [...machine.uarts].map(([uart, serial]) => [uart, { serial, talkers: uarts[uart]?.talkers ?? [] }]),
    ),
    notes:
      machine.withoutNamespace === undefined
        ? notes
        : [...notes, `no network namespace: QEMU's own TFTP (${machine.withoutNamespace})`],
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The word that tells the firmware its faults is in memory when the machine starts (QEMU, "Generic Loader"). */
function withFaults(board: string, firmware: EmulatedOptions['firmware']): string[] {
  if (firmware === undefined || firmware.faults.length === 0) return [];
  const { profile, faults } = firmware;
  if (profile.faultWord === undefined) {
    throw new ConfigurationError(`board ${board}: the firmware ${profile.name} takes no faults`);
  }
  const data = `0x${faultWord(faults).toString(16)}`;
  return ['-device', `loader,addr=0x${profile.faultWord.toString(16)},data=${data},data-len=4`];
}

function imagesOf(
  board: string,
  type: string,
  directory: string,
  own: EmulatedOptions['images'],
): ReadonlyMap<string, string> {
  const fetched = Object.entries(imageFiles).map(
    ([name, file]) => [name, path.join(directory, file)] as const,
  );
  const images = new Map([...fetched, ...Object.entries(own)]);
  const needed = [
    ...images,
    ...Object.values(keyFiles).map(file => [file, path.join(directory, file)] as const),
  ];
  const missing = needed.filter(([, file]) => !existsSync(file)).map(([name]) => name);
  if (missing.length === 0) return images;
  throw new ConfigurationError(
    `board ${board}: there is no ${missing.join(', ')} in ${directory}`,
    `scmi-hil images fetch ${type}`,
  );
}

/** 255.255.255.0 -> 24 */
function prefixLength(netmask: string): number {
  return netmask
    .split('.')
    .map(octet => Number(octet).toString(2).replaceAll('0', '').length)
    .reduce((sum, bits) => sum + bits, 0);
}
