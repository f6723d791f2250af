/** The sftp subsystem of a virtual domain's SSH server: files are written, read and looked at, no more. */
import ssh2, { type Attributes, type SFTPWrapper } from 'ssh2';
import type { FileSystem } from './shell/file-system.ts';

const { OPEN_MODE, STATUS_CODE } = ssh2.utils.sftp;

interface OpenFile {
  readonly path: string;
  readonly isWritten: boolean;
  bytes: Buffer;
}

export function serveSftp(sftp: SFTPWrapper, files: FileSystem): void {
  const opened = new Map<number, OpenFile>();
  let handles = 0;
  const fileOf = (handle: Buffer): OpenFile | undefined => opened.get(handle.readUInt32BE(0));
  const status = (request: number, code: number) => sftp.status(request, code);

  // A server process ends with its client.
  sftp.on('end', () => sftp.end());
  sftp.on('OPEN', (request, path, flags) => {
    const isWritten = (flags & OPEN_MODE.WRITE) !== 0;
    const there = (flags & OPEN_MODE.TRUNC) === 0 ? files.read(path) : new Uint8Array();
    if (!isWritten && there === undefined) return status(request, STATUS_CODE.NO_SUCH_FILE);
    // A file that is opened for writing is there at once.
    if (isWritten && !files.write(path, there ?? new Uint8Array())) {
      return status(request, STATUS_CODE.NO_SUCH_FILE);
    }
    const handle = Buffer.alloc(4);
    handle.writeUInt32BE(++handles);
    opened.set(handles, { path, isWritten, bytes: Buffer.from(there ?? []) });
    return sftp.handle(request, handle);
  });
  sftp.on('WRITE', (request, handle, offset, data) => {
    const file = fileOf(handle);
    if (file?.isWritten !== true) return status(request, STATUS_CODE.FAILURE);
    const end = Math.max(file.bytes.length, offset + data.length);
    file.bytes = Buffer.concat([file.bytes], end);
    data.copy(file.bytes, offset);
    const isTaken = files.write(file.path, new Uint8Array(file.bytes));
    return status(request, isTaken ? STATUS_CODE.OK : STATUS_CODE.FAILURE);
  });
  sftp.on('READ', (request, handle, offset, length) => {
    const part = fileOf(handle)?.bytes.subarray(offset, offset + length);
    if (part === undefined) return status(request, STATUS_CODE.FAILURE);
    return part.length === 0 ? status(request, STATUS_CODE.EOF) : sftp.data(request, part);
  });
  sftp.on('CLOSE', (request, handle) => {
    const isKnown = opened.delete(handle.readUInt32BE(0));
    return status(request, isKnown ? STATUS_CODE.OK : STATUS_CODE.FAILURE);
  });
  const look = (request: number, path: string) => {
    const found = attributes(files, path);
    return found === undefined ? status(request, STATUS_CODE.NO_SUCH_FILE) : sftp.attrs(request, found);
  };
  sftp.on('STAT', look);
  sftp.on('LSTAT', look);
  sftp.on('FSTAT', (request, handle) => {
    const file = fileOf(handle);
    return file === undefined ? status(request, STATUS_CODE.FAILURE) : look(request, file.path);
  });
  sftp.on('MKDIR', (request, path) => {
    const parent = path.slice(0, path.lastIndexOf('/')) || '/';
    if (!files.isDirectory(parent)) return status(request, STATUS_CODE.NO_SUCH_FILE);
    if (files.isDirectory(path) || files.read(path) !== undefined)
      return status(request, STATUS_CODE.FAILURE);
    files.makeDirectory(path);
    return status(request, STATUS_CODE.OK);
  });
}

const directory = 0o040_755;
const regularFile = 0o100_644;

function attributes(files: FileSystem, path: string): Attributes | undefined {
  const bytes = files.read(path);
  if (bytes === undefined && !files.isDirectory(path)) return undefined;
  const mode = bytes === undefined ? directory : regularFile;
  return { mode, uid: 0, gid: 0, size: bytes?.length ?? 0, atime: 0, mtime: 0 };
}
