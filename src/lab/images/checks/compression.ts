/** Compressed images: how, and what is in them. */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';

export type Compression = 'gzip' | 'zstd' | 'xz' | 'bzip2' | 'lz4' | 'lzma';

/** First bytes (RFC 1952; RFC 8878; the .xz file format 1.2; Linux Documentation/arch/arm64/booting.rst for lz4). */
const magics: readonly (readonly [how: Compression, bytes: readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['lz4', [0x02, 0x21, 0x4c, 0x18]],
  ['lz4', [0x04, 0x22, 0x4d, 0x18]],
  ['lzma', [0x5d, 0x00, 0x00]],
];

/** @returns undefined for bytes that are not compressed, or in a way that nobody boots from */
export function compressionOf(bytes: Uint8Array): Compression | undefined {
  return magics.find(([, magic]) => magic.every((byte, index) => bytes[index] === byte))?.[0];
}

const unpackers: Readonly<Partial<Record<Compression, (bytes: Uint8Array) => Uint8Array>>> = {
  gzip: bytes => gunzipSync(bytes, limit),
  zstd: bytes => zstdDecompressSync(bytes, limit),
};

const limit = { maxOutputLength: 2 ** 31 - 1 };

/**
 * @returns what was compressed; undefined where this program cannot unpack it
 * @throws Error in words where the bytes are damaged or cut short: gzip and zstd have checksums
 */
export function unpacked(bytes: Uint8Array, how: Compression): Uint8Array | undefined {
  return unpackers[how]?.(bytes);
}
