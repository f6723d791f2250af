/** What of a board its deployment depends on: known before anything of it is opened. */
import path from 'node:path';
import { imageDirectory, imageFiles } from './images/places.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { below } from './lab-tftp.ts';
import { type BoardEntry, isEmulated, isVirtual } from './load-lab.ts';
import type { OpenBoard } from './open-board.ts';

/** An open board is one too. */
export interface PlannedBoard extends Pick<OpenBoard, 'name' | 'type' | 'images'> {
  readonly network: Pick<OpenBoard['network'], 'address' | 'server' | 'netmask' | 'gateway'>;
  readonly tftp: Pick<OpenBoard['tftp'], 'port' | 'below'>;
}

/** One whose images are all files of the lab. */
export interface LabFiles extends PlannedBoard {
  readonly images: ReadonlyMap<string, string>;
}

/**
 * A real or emulated board of the lab; files are not looked for.
 * @throws ConfigurationError for a virtual board: it has its images and its network when it is opened
 */
export function plannedBoard({ name, type, setup }: BoardEntry, env: Environment): LabFiles {
  if (isVirtual(setup)) throw new ConfigurationError(`${name} is virtual: it has no image files`);
  if (isEmulated(setup)) {
    if (type.emulator === undefined) throw new ConfigurationError(`${name}: ${type.type} has no emulator`);
    const images = new Map(Object.entries({ ...fetchedImages(type.type, env), ...setup.images }));
    return { name, type, images, network: type.emulator.network, tftp: { port: 69 } };
  }
  const { network, tftp } = setup;
  const { address, server, netmask, gateway, serialNumber, tftpPort } = network;
  const directory = tftp.kind === 'directory' ? below(tftp, serialNumber) : undefined;
  return {
    name,
    type,
    images: new Map(Object.entries(setup.images)),
    network: {
      address,
      server,
      ...(netmask !== undefined && { netmask }),
      ...(gateway !== undefined && { gateway }),
    },
    tftp: { port: tftpPort, ...(directory !== undefined && directory !== '' && { below: directory }) },
  };
}

type Environment = Readonly<Record<string, string | undefined>>;

function fetchedImages(type: string, env: Environment): Record<string, string> {
  const directory = imageDirectory(type, env);
  return Object.fromEntries(
    Object.entries(imageFiles).map(([image, file]) => [image, path.join(directory, file)]),
  );
}
