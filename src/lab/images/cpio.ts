/**
 * A cpio archive in the `newc` form, as Linux unpacks it for its first file system (Linux
 * Documentation/driver-api/early-userspace/buffer-format.rst).
 */

export type CpioEntry =
  | { readonly kind: 'directory'; readonly path: string; readonly mode?: number }
  | { readonly kind: 'file'; readonly path: string; readonly bytes: Uint8Array; readonly mode?: number }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | { readonly kind: 'device'; readonly path: string; readonly major: number; readonly minor: number };

/**
 * @param entries paths relative to the root, without leading slash; the directories above an entry are made
 *   where none is given before it
 * @returns the archive, uncompressed; the same for the same entries
 */
export function writeCpio(entries: Iterable<CpioEntry>): Uint8Array {
  const parts: Uint8Array[] = [];
  let inode = 1;
  for (const entry of withParents(entries)) parts.push(...record(entry, inode++));
  parts.push(...record({ kind: 'file', path: trailer, bytes: new Uint8Array(), mode: 0 }, 0));
  return new Uint8Array(Buffer.concat(parts));
}

/**
 * Reads the names in an archive, or in several behind each other.
 * @param bytes uncompressed
 * @returns paths as they are written, without a leading slash or `./`; those before the first bytes that are no record
 */
export function cpioNames(bytes: Uint8Array): string[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const field = (at: number, index: number): number =>
    Number.parseInt(text.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16);
  const names: string[] = [];
  for (let at = 0; at + headLength <= text.length; ) {
    if (text[at] === 0) {
      at += 4;
      continue;
    }
    const magic = text.toString('latin1', at, at + 6);
    if (magic !== '070701' && magic !== '070702') break;
    const [size, nameLength] = [field(at, 6), field(at, 11)];
    const name = text.toString('utf8', at + headLength, at + headLength + nameLength - 1);
    if (name !== trailer) names.push(name.replace(/^\.?\//, ''));
    at += aligned(aligned(headLength + nameLength) + size);
  }
  return names;
}

/** Magic and 13 fields of 8 digits. */
const headLength = 110;
const trailer = 'TRAILER!!!';
/** Types of stat(2), in the upper bits of the mode. */
const types = { directory: 0o040000, file: 0o100000, link: 0o120000, device: 0o020000 } as const;

function* withParents(entries: Iterable<CpioEntry>): Generator<CpioEntry> {
  const made = new Set<string>();
  for (const entry of entries) {
    const segments = entry.path.split('/').slice(0, -1);
    for (let depth = 1; depth <= segments.length; depth++) {
      const path = segments.slice(0, depth).join('/');
      if (made.has(path)) continue;
      made.add(path);
      yield { kind: 'directory', path };
    }
    if (made.has(entry.path) && entry.kind === 'directory') continue;
    made.add(entry.path);
    yield entry;
  }
}

function record(entry: CpioEntry, inode: number): Uint8Array[] {
  const name = Buffer.from(`${entry.path}\0`);
  const bytes = contents(entry);
  const [major, minor] = entry.kind === 'device' ? [entry.major, entry.minor] : [0, 0];
  const fields = [
    inode,
    entry.path === trailer ? 0 : types[entry.kind] | permissions(entry),
    0,
    0,
    entry.kind === 'directory' ? 2 : 1,
    0,
    bytes.length,
    0,
    0,
    major,
    minor,
    name.length,
    0,
  ];
  const head = Buffer.from(`070701${fields.map(word).join('')}`);
  return [head, name, padding(head.length + name.length), bytes, padding(bytes.length)];
}

function contents(entry: CpioEntry): Uint8Array {
  if (entry.kind === 'file') return entry.bytes;
  return entry.kind === 'link' ? Buffer.from(entry.target) : new Uint8Array();
}

function permissions(entry: CpioEntry): number {
  switch (entry.kind) {
    case 'directory':
      return entry.mode ?? 0o755;
    case 'file':
      return entry.mode ?? 0o644;
    case 'link':
      return 0o777;
    case 'device':
      return 0o600;
    default:
      return entry satisfies never;
  }
}

const word = (value: number): string => value.toString(16).padStart(8, '0');
const padding = (length: number): Uint8Array => new Uint8Array(aligned(length) - length);

function aligned(length: number): number {
  return Math.ceil(length / 4) * 4;
}
