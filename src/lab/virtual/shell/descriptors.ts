/** Where a command's input comes from, and where its output and its errors go. */
import type { Fifo, FileSystem } from './file-system.ts';

export type Sink = (bytes: Uint8Array) => void;

export interface Source {
  /** Available text, which nobody else gets. */
  take(): Uint8Array;
  /** Its path if it is a named pipe. */
  readonly fifo?: Fifo;
}

export interface Descriptors {
  readonly input: Source;
  readonly output: Sink;
  readonly errors: Sink;
}

export const nothing: Source = { take: () => new Uint8Array() };

/** Bytes for the first who wants them. */
export function bytesOnce(bytes: Uint8Array | (() => Uint8Array)): Source {
  let isTaken = false;
  return {
    take() {
      if (isTaken) return new Uint8Array();
      isTaken = true;
      return typeof bytes === 'function' ? bytes() : bytes;
    },
  };
}

export function sourceOf(files: FileSystem, path: string): Source | undefined {
  if (path === '/dev/null') return nothing;
  const fifo = files.fifo(path);
  if (fifo !== undefined) return { take: () => new Uint8Array(), fifo };
  const bytes = files.read(path);
  return bytes && bytesOnce(bytes);
}

/** @param keeps what is in the file stays there */
export function sinkOf(files: FileSystem, path: string, keeps: boolean): Sink | undefined {
  if (path === '/dev/null') return () => {};
  const fifo = files.fifo(path);
  if (fifo !== undefined) return bytes => fifo.write(bytes);
  const before = keeps ? (files.read(path) ?? new Uint8Array()) : new Uint8Array();
  if (!files.write(path, before)) return undefined;
  return bytes => void files.write(path, Buffer.concat([files.read(path) ?? new Uint8Array(), bytes]));
}
