import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tftpError } from './packet.ts';

/** The bytes of one transfer. */
export interface Source {
  readonly size: number;
  /**
   * Bytes from `offset` on: at once where they are at hand, which is nearly always.
   * @returns exactly `length` bytes
   * @throws Error where the file has become shorter, or cannot be read
   */
  read(offset: number, length: number): Uint8Array | Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A path that cannot be served, with the error code to answer. */
export class SourceError extends Error {
  readonly code: number;

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SourceError';
    this.code = code;
  }
}

/**
 * Bytes read from disk at a time: a block each would be a trip to the disk per packet. Few at first, four times as
 * many each time: a client that never answers takes no memory.
 */
const firstChunk = 16 * 1024;
const largestChunk = 1024 * 1024;

/**
 * Opens what a board's file stands for.
 *
 * @throws SourceError where the path is missing, may not be read, or is no regular file
 */
export async function openSource(file: string | Uint8Array): Promise<Source> {
  if (typeof file !== 'string') {
    return {
      size: file.length,
      read: (offset, length) => file.subarray(offset, offset + length),
      close: async () => {},
    };
  }

  // Not blocking: a named pipe would wait for its writer.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw openError(file, error as NodeJS.ErrnoException);
  });
  try {
    const status = await handle.stat();
    if (!status.isFile()) {
      throw new SourceError(tftpError.accessViolation, `${file} is no regular file`);
    }

    return diskSource(file, handle, status.size);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function openError(file: string, error: NodeJS.ErrnoException): SourceError {
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new SourceError(tftpError.fileNotFound, `${file} is not on this machine`, { cause: error });
    case 'EACCES':
    case 'EPERM':
      return new SourceError(tftpError.accessViolation, `${file} may not be read by this user`, {
        cause: error,
      });
    default:
      return new SourceError(tftpError.notDefined, `${file}: ${error.message}`, { cause: error });
  }
}

function diskSource(file: string, handle: FileHandle, size: number): Source {
  let chunk: Uint8Array = new Uint8Array();
  let start = 0;
  let chunkSize = firstChunk;

  const load = async (offset: number, length: number) => {
    const wanted = Math.min(Math.max(length, chunkSize), size - offset);
    const buffer = Buffer.allocUnsafe(wanted);
    let filled = 0;
    while (filled < wanted) {
      const { bytesRead } = await handle.read(buffer, filled, wanted - filled, offset + filled);
      if (bytesRead === 0) {
        throw new Error(`${file} has become shorter than the ${size} bytes it had when it was asked for`);
      }

      filled += bytesRead;
    }

    chunk = buffer;
    start = offset;
    chunkSize = Math.min(4 * chunkSize, largestChunk);
    return buffer.subarray(0, length);
  };

  return {
    size,
    read: (offset, length) =>
      offset >= start && offset + length <= start + chunk.length
        ? chunk.subarray(offset - start, offset - start + length)
        : load(offset, length),
    close: () => {
      chunk = new Uint8Array();
      return handle.close();
    },
  };
}
