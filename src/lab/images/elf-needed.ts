/** Which shared libraries a program asks for (ELF-64 specification, "Dynamic Section"). */

/**
 * @param bytes a little-endian ELF-64 file
 * @returns names of DT_NEEDED in their order; empty where it is no such file, or is linked statically
 */
export function neededLibraries(bytes: Uint8Array): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isElf64(view)) return [];
  const segments = programHeaders(view);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (dynamic === undefined) return [];
  const entries = dynamicEntries(view, dynamic);
  const strings = entries.find(({ tag }) => tag === DT_STRTAB);
  const start = strings && fileOffset(segments, strings.value);
  if (start === undefined) return [];
  return entries.filter(({ tag }) => tag === DT_NEEDED).map(({ value }) => textAt(bytes, start + value));
}

/** @returns `e_machine` of a little-endian ELF-64 file (ELF-64 specification, "ELF Header"); undefined of other files */
export function elfMachine(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return isElf64(view) ? view.getUint16(18, true) : undefined;
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

function isElf64(view: DataView): boolean {
  return (
    view.byteLength >= 64 &&
    view.getUint32(0) === 0x7f454c46 &&
    view.getUint8(4) === 2 &&
    view.getUint8(5) === 1
  );
}

function programHeaders(view: DataView): Segment[] {
  const offset = u64(view, 32);
  const size = view.getUint16(54, true);
  return Array.from({ length: view.getUint16(56, true) }, (_, index) => {
    const at = offset + index * size;
    return {
      type: view.getUint32(at, true),
      offset: u64(view, at + 8),
      address: u64(view, at + 16),
      size: u64(view, at + 32),
    };
  });
}

function dynamicEntries(view: DataView, { offset, size }: Segment): { tag: number; value: number }[] {
  const entries = [];
  for (let at = offset; at + 16 <= offset + size; at += 16) {
    const tag = u64(view, at);
    if (tag === DT_NULL) break;
    entries.push({ tag, value: u64(view, at + 8) });
  }
  return entries;
}

function fileOffset(segments: readonly Segment[], address: number): number | undefined {
  const holder = segments.find(
    segment =>
      segment.type === PT_LOAD && address >= segment.address && address < segment.address + segment.size,
  );
  return holder && address - holder.address + holder.offset;
}

function textAt(bytes: Uint8Array, start: number): string {
  return new TextDecoder().decode(bytes.subarray(start, bytes.indexOf(0, start)));
}

const u64 = (view: DataView, at: number): number => Number(view.getBigUint64(at, true));
