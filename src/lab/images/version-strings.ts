/** Version strings of an image. */
import { compressionOf, unpacked } from './checks/compression.ts';
import { isZboot } from './checks/arm64-image.ts';
import { isCpio } from './checks/file-format.ts';
import { unwrapped } from './checks/u-boot-image.ts';

export type Program = 'tf-a' | 'u-boot' | 'xen' | 'linux';

export interface ImageVersion {
  readonly program: Program;
  /** As its console shows it, where it is in the image in one piece. */
  readonly text: string;
  /** Of Xen: its GNU build ID in hexadecimal, which its console shows too. */
  readonly buildId?: string;
}

/**
 * Looks for the programs that are in an image.
 * @param bytes compressed with gzip or zstd, or not
 * @returns empty where there is none that it knows, or the image cannot be unpacked; of a ramdisk too, which has
 *   programs of many kinds
 */
export function versionsIn(bytes: Uint8Array): ImageVersion[] {
  const content = imageContent(bytes);
  if (isCpio(content)) return [];
  return (Object.keys(finders) as Program[]).flatMap(program => finders[program](content) ?? []);
}

/** @returns what a boot loader or the image itself unpacks; the bytes as they are where that cannot be done here */
export function imageContent(bytes: Uint8Array): Buffer {
  return contentOf(unwrapped(bytes));
}

function contentOf(bytes: Uint8Array): Buffer {
  const packed = isZboot(bytes) ? zbootPayload(bytes) : bytes;
  const how = compressionOf(packed);
  let content: Uint8Array | undefined;
  try {
    content = how === undefined ? undefined : unpacked(packed, how);
  } catch {
    // The board that boots it reports the mistake.
  }
  const { buffer, byteOffset, byteLength } = content ?? packed;
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** Linux drivers/firmware/efi/libstub/zboot-header.S: where the compressed image is, and how long. */
function zbootPayload(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = view.getUint32(8, true);
  return bytes.subarray(start, start + view.getUint32(12, true));
}

const finders: Readonly<Record<Program, (bytes: Buffer) => ImageVersion | undefined>> = {
  // TF-A Makefile, VERSION_STRING: v2.10.0(release):v2.10.0-958-g09a1cc2a0b
  'tf-a': bytes => {
    for (const build of ['(release):', '(debug):']) {
      const text = textAround(bytes, build);
      const [version] = /v\d+\.\d+\S*\((?:release|debug)\):.*/.exec(text ?? '') ?? [];
      if (version !== undefined) return { program: 'tf-a', text: version };
    }
    return undefined;
  },
  // U-Boot cmd/version.c, version_string
  'u-boot': bytes => {
    const text = textsWith(bytes, 'U-Boot ').find(each => /^U-Boot \d{4}\.\d\d/.test(each));
    return text === undefined ? undefined : { program: 'u-boot', text };
  },
  xen: xenIn,
  // Linux init/version.c, linux_banner. A kernel has a second one, without its number.
  linux: bytes => {
    const banners = textsWith(bytes, 'Linux version ').filter(each => /^Linux version \d/.test(each));
    const text = banners.find(each => /#\d/.test(each)) ?? banners[0];
    return text === undefined ? undefined : { program: 'linux', text };
  },
};

/** Its banner is put together at run time (Xen drivers/char/console.c); its EFI stub has the version in one piece. */
function xenIn(bytes: Buffer): ImageVersion | undefined {
  if (!bytes.includes('Xen version %d.%d%s')) return undefined;
  const at = bytes.indexOf('Xen EFI Loader options', 0, 'utf16le');
  const stub = at < 0 ? '' : bytes.subarray(Math.max(0, at - stubTexts), at + stubTexts).toString('utf16le');
  // Xen common/efi/boot.c: "Xen 4.20.0 (c/s ...) EFI loader"
  const [, version = xenByNode(bytes)] = /Xen (\d+\.\d\S*) \(c\/s/.exec(stub) ?? [];
  const buildId = buildIdOf(bytes);
  const text = version === undefined ? 'Xen' : `Xen ${version}`;
  return { program: 'xen', text, ...(buildId !== undefined && { buildId }) };
}

const stubTexts = 8192;

/** Xen arch/arm/domain_build.c, make_hypervisor_node: `xen,xen-4.20`. */
function xenByNode(bytes: Buffer): string | undefined {
  return textsWith(bytes, 'xen,xen-')
    .map(text => /^xen,xen-(\d+\.\d+)$/.exec(text)?.[1])
    .find(Boolean);
}

/** The first note `GNU`, type 3, of 20 bytes (Linux include/linux/elfnote.h, lib/buildid.c). */
function buildIdOf(bytes: Buffer): string | undefined {
  const note = Buffer.from('040000001400000003000000474e5500', 'hex');
  const at = bytes.indexOf(note);
  return at < 0 ? undefined : bytes.subarray(at + note.length, at + note.length + 20).toString('hex');
}

/** Texts that begin with a word, each to its end. */
function textsWith(bytes: Buffer, word: string): string[] {
  const texts: string[] = [];
  for (
    let at = bytes.indexOf(word);
    at >= 0 && texts.length < most;
    at = bytes.indexOf(word, at + word.length)
  ) {
    texts.push(textFrom(bytes, at));
  }
  return texts;
}

/** The text in which a word stands, from the character after the last byte that is none. */
function textAround(bytes: Buffer, word: string): string | undefined {
  const at = bytes.indexOf(word);
  if (at < 0) return undefined;
  let start = at;
  while (start > 0 && at - start < longest && isPrintable(bytes[start - 1])) start--;
  return textFrom(bytes, start);
}

function textFrom(bytes: Buffer, start: number): string {
  let end = start;
  while (end < bytes.length && end - start < longest && isPrintable(bytes[end])) end++;
  return bytes.toString('latin1', start, end).trim();
}

function isPrintable(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x20 && byte < 0x7f;
}

const longest = 512;
const most = 1000;
