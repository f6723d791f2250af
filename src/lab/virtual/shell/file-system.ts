/** Files that the shell of a virtual domain sees: a RAM disk over those that its kernel shows. */

/** Files that something else provides: the kernel's /proc and /sys. */
export interface KernelFiles {
  /** Bytes of a file; undefined where there is no such file. */
  read(path: string): Uint8Array | undefined;
  /** Names in a directory; undefined where there is no such directory. */
  list(path: string): readonly string[] | undefined;
  /** Whether a file took what was written to it; undefined where it is none that does something then. */
  write?(path: string, bytes: Uint8Array): boolean | undefined;
}

/** A pipe with a name: what is written to it waits for the one who reads. */
export class Fifo {
  #waiting: Uint8Array[] = [];
  #reader: ((bytes: Uint8Array) => void) | undefined;

  write(bytes: Uint8Array): void {
    if (this.#reader === undefined) this.#waiting.push(bytes);
    else this.#reader(bytes);
  }

  /** From here on everything goes to this reader. */
  read(reader: (bytes: Uint8Array) => void): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#reader = reader;
    for (const bytes of waiting) reader(bytes);
  }
}

/** Receivers of written text, by path. */
export type Triggers = Readonly<Record<string, (bytes: Uint8Array) => void>>;

export class FileSystem implements KernelFiles {
  readonly #files = new Map<string, Uint8Array>();
  readonly #fifos = new Map<string, Fifo>();
  readonly #directories = new Set<string>(['/', '/root', '/tmp', '/proc', '/sys']);
  readonly #kernel: KernelFiles;
  readonly #triggers: Triggers;

  /** @param triggers files of the kernel's that do something when they are written to */
  constructor(kernel: KernelFiles, triggers: Triggers = {}) {
    this.#kernel = kernel;
    this.#triggers = triggers;
  }

  read(path: string): Uint8Array | undefined {
    const normal = normalize(path);
    return this.#files.get(normal) ?? this.#kernel.read(normal);
  }

  /** The files that were written, by path: not the kernel's. */
  written(): ReadonlyMap<string, Uint8Array> {
    return this.#files;
  }

  /** @returns false where the directory does not exist, or the kernel takes no such bytes */
  write(path: string, bytes: Uint8Array): boolean {
    const normal = normalize(path);
    const trigger = this.#triggers[normal];
    if (trigger !== undefined) {
      trigger(bytes);
      return true;
    }
    const isTaken = this.#kernel.write?.(normal, bytes);
    if (isTaken !== undefined) return isTaken;
    if (!this.isDirectory(parentOf(normal)) || this.isDirectory(normal)) return false;
    this.#files.set(normal, bytes);
    return true;
  }

  /** @returns false where there is no such file, or it is the kernel's, or a directory */
  remove(path: string): boolean {
    const normal = normalize(path);
    return this.#fifos.delete(normal) || this.#files.delete(normal);
  }

  /** Removes a directory with all that was written there, or a file. */
  removeAll(path: string): void {
    const normal = normalize(path);
    this.remove(normal);
    for (const names of [this.#files, this.#fifos, this.#directories]) {
      for (const each of names.keys()) if (`${each}/`.startsWith(`${normal}/`)) names.delete(each);
    }
  }

  makeFifo(path: string): void {
    this.#fifos.set(normalize(path), new Fifo());
  }

  /** The named pipe that is there; undefined where none is. */
  fifo(path: string): Fifo | undefined {
    return this.#fifos.get(normalize(path));
  }

  makeDirectory(path: string): void {
    for (let each = normalize(path); each !== '/'; each = parentOf(each)) this.#directories.add(each);
  }

  isDirectory(path: string): boolean {
    const normal = normalize(path);
    return this.#directories.has(normal) || this.#kernel.list(normal) !== undefined;
  }

  list(path: string): readonly string[] | undefined {
    const normal = normalize(path);
    if (!this.isDirectory(normal)) return undefined;
    const names = new Set(this.#kernel.list(normal) ?? []);
    for (const each of [...this.#files.keys(), ...this.#fifos.keys(), ...this.#directories]) {
      if (each !== '/' && parentOf(each) === normal) names.add(each.slice(each.lastIndexOf('/') + 1));
    }
    return [...names].toSorted();
  }
}

/** An absolute path without `.`, `..` and doubled slashes; relative ones are taken from /root. */
function normalize(path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `/root/${path}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}
