/** Properties of a board that its deployment depends on: known before anything of it is opened. */
import path from 'node:path';
import { builtDirectory, imageDirectory, imageFiles } from './images/places.ts';
import { toolstackMismatch } from './images/toolstack.ts';
import { readXenImage, type XenImage } from './images/xen-image.ts';
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
    const images = filesIn({ ...fetchedImages(type.type, env), ...setup.images });
    return { name, type, images, network: type.emulator.network, tftp: { port: 69 } };
  }
  const { network, tftp } = setup;
  const { address, server, netmask, gateway, serialNumber, tftpPort } = network;
  const directory = tftp.kind === 'directory' ? below(tftp, serialNumber) : undefined;
  return {
    name,
    type,
    images: filesIn(setup.images),
    network: {
      address,
      server,
      ...(netmask !== undefined && { netmask }),
      ...(gateway !== undefined && { gateway }),
    },
    tftp: { port: tftpPort, ...(directory !== undefined && directory !== '' && { below: directory }) },
  };
}

/** Software of a board, as its images tell it. */
export interface BoardSoftware {
  /** The board with the build of its own Xen, if it is emulated: that is predicted, unless a scenario asks for another. */
  readonly board: BoardEntry;
  /** Of an emulated board; undefined if the image does not tell. */
  readonly xen?: XenImage | undefined;
  /** Why its xl does not fit its Xen; undefined where they fit, or one of their versions is not known. */
  readonly toolstack?: string | undefined;
}

/** Reads the Xen and the toolstack among a board's images; a virtual board has the software that is asked for. */
export function softwareOf(entry: BoardEntry, env: Environment): BoardSoftware {
  const { type, setup } = entry;
  if (isVirtual(setup)) return { board: entry };
  const isFetched = isEmulated(setup) && setup.images['ramdisk'] === undefined;
  const tools = setup.images['tools'] ?? (isFetched ? fetchedTools(type.type, env) : undefined);
  if (!isEmulated(setup) && tools === undefined) return { board: entry };
  const xen = readXenImage(plannedBoard(entry, env).images.get('xen') ?? '');
  const toolstack = tools === undefined ? undefined : toolstackMismatch(xen, tools);
  if (!isEmulated(setup)) return { board: entry, toolstack };
  const debug = xen?.debug ?? type.xen.debug;
  return { board: { ...entry, type: { ...type, xen: { ...type.xen, debug } } }, xen, toolstack };
}

function fetchedTools(type: string, env: Environment): string {
  return path.join(imageDirectory(type, env), 'unpacked', 'usr', 'lib', 'aarch64-linux-gnu');
}

type Environment = Readonly<Record<string, string | undefined>>;

/** A toolstack is no file of its own: it goes into the ramdisk when the board is opened. */
function filesIn(images: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(images).filter(([name]) => name !== 'tools'));
}

function fetchedImages(type: string, env: Environment): Record<string, string> {
  const directory = builtDirectory(type, env);
  return Object.fromEntries(
    Object.entries(imageFiles).map(([image, file]) => [image, path.join(directory, file)]),
  );
}
