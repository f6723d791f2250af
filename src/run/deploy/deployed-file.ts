/** A file of a deployment: where it comes from, how large it is, and how much memory it takes. */
import { messageOf } from '../../config/text.ts';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { ConfigurationError } from '../../config/configuration-error.ts';
import type { PlannedBoard } from '../../lab/planned-board.ts';

/** A path on this machine, or the bytes. */
export type DeployedFile = string | Uint8Array;

/** @throws ConfigurationError where the lab names no such image */
export function imageOf(board: PlannedBoard, file: string): DeployedFile {
  const found = board.images.get(file);
  if (found !== undefined) return found;
  throw new ConfigurationError(
    `${board.name}: there is no image ${file}, which ${board.type.type} loads`,
    `name the file in lab.yaml, boards.${board.name}.images.${file}`,
  );
}

/** Bytes of the file itself, and of the memory that it takes once it is loaded. */
export interface FileSize {
  readonly size: number;
  /** More than the size for an arm64 Image: its header counts what it clears behind itself. */
  readonly span: number;
}

/** @throws ConfigurationError where the file cannot be read */
export async function sizeOf(file: DeployedFile): Promise<FileSize> {
  if (typeof file !== 'string') return { size: file.length, span: spanOf(file, file.length) };
  return await readable(file, async () => {
    const { size } = await stat(file);
    await using handle = await open(file);
    const header = new Uint8Array(imageHeader);
    const { bytesRead } = await handle.read(header);
    return { size, span: spanOf(header.subarray(0, bytesRead), size) };
  });
}

/** @throws ConfigurationError where the file cannot be read */
export async function bytesOf(file: DeployedFile): Promise<Uint8Array> {
  return typeof file === 'string' ? await readable(file, () => readFile(file)) : file;
}

/** SHA-256 of each file by its name, in hexadecimal. */
export async function checksums(files: ReadonlyMap<string, DeployedFile>): Promise<Record<string, string>> {
  const sums: Record<string, string> = {};
  for (const [name, file] of files) {
    const hash = createHash('sha256');
    if (typeof file === 'string') await pipeline(createReadStream(file), hash);
    else hash.update(file);
    sums[name] = hash.digest('hex');
  }
  return sums;
}

const imageHeader = 64;
/** `ARM\x64` at offset 56; image_size is at 16 (Linux Documentation/arch/arm64/booting.rst). */
const imageMagic = 0x644d5241;

function spanOf(header: Uint8Array, size: number): number {
  if (header.length < imageHeader) return size;
  const view = new DataView(header.buffer, header.byteOffset);
  return view.getUint32(56, true) === imageMagic ? Math.max(size, Number(view.getBigUint64(16, true))) : size;
}

async function readable<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const why = messageOf(error);
    throw new ConfigurationError(`${file}: cannot be read: ${why}`, 'see images in lab.yaml', {
      cause: error,
    });
  }
}
