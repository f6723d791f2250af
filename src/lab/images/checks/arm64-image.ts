/** The arm64 Image: Linux and Xen (Linux Documentation/arch/arm64/booting.rst, section 4; Xen arch/arm/arm64/head.S). */
import { messageOf } from '../../../config/text.ts';
import { type Compression, compressionOf, unpacked } from './compression.ts';
import { foreignFormat } from './file-format.ts';
import type { ImageProblem } from './problem.ts';

interface Arm64Image {
  /** Bytes from a 2 MiB boundary to where it has to lie. */
  readonly textOffset: number;
  /** Bytes of memory that it takes, with what is not in the file; 0: not told. */
  readonly imageSize: number;
  readonly isBigEndian: boolean;
  /** Page size of the kernel in KiB; undefined: not told. */
  readonly pageSize: number | undefined;
}

const headerSize = 64;
/** `ARM\x64` */
const magic = 0x644d5241;
const pageSizes = [undefined, 4, 16, 64] as const;
const largestTextOffset = 2 * 1024 * 1024;

/** @returns undefined where the bytes do not begin with the header */
function readArm64Image(bytes: Uint8Array): Arm64Image | undefined {
  if (bytes.length < headerSize) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(56, true) !== magic) return undefined;
  const flags = view.getUint32(24, true);
  return {
    textOffset: Number(view.getBigUint64(8, true)),
    imageSize: Number(view.getBigUint64(16, true)),
    isBigEndian: (flags & 1) !== 0,
    pageSize: pageSizes[(flags >> 1) & 3],
  };
}

/**
 * @param compressions in which the one that unpacks it takes it: Xen unpacks a domain's kernel with gzip alone (Xen
 *   common/device-tree/kernel.c), U-Boot's booti unpacks nothing that it is not told of
 */
export function arm64ImageProblems(bytes: Uint8Array, compressions: readonly Compression[]): ImageProblem[] {
  const how = compressionOf(bytes);
  if (how !== undefined) return compressedProblems(bytes, how, compressions);
  if (isZboot(bytes)) {
    return [
      {
        what: 'it is an EFI zboot image, which neither Xen nor booti unpacks',
        hint: 'build with CONFIG_EFI_ZBOOT=n, or take arch/arm64/boot/Image of the same build',
      },
    ];
  }
  const image = readArm64Image(bytes);
  if (image === undefined) {
    return [foreignFormat(bytes) ?? { what: 'it has no arm64 Image header (ARM\\x64 at byte 56)' }];
  }
  const { textOffset, imageSize, isBigEndian } = image;
  const whole = lengthOfPe(bytes);
  return [
    ...(isBigEndian ? [{ what: 'it is big-endian' }] : []),
    ...(textOffset >= largestTextOffset || textOffset % 4096 !== 0
      ? [{ what: `its text_offset is 0x${textOffset.toString(16)}: not a page below 2 MiB` }]
      : []),
    ...(imageSize === 0
      ? [
          {
            what: 'its image_size is 0: the memory that it takes is unknown',
            hint: 'Linux before 3.17?',
          },
        ]
      : []),
    ...(whole !== undefined && whole > bytes.length
      ? [{ what: `it is cut short: ${bytes.length} of ${whole} bytes`, hint: 'copy it again' }]
      : []),
  ];
}

function compressedProblems(
  bytes: Uint8Array,
  how: Compression,
  compressions: readonly Compression[],
): ImageProblem[] {
  if (!compressions.includes(how)) {
    const taken =
      compressions.length === 0 ? 'only uncompressed ones are' : `only ${compressions.join(' and ')} is`;
    return [{ what: `it is compressed with ${how}; ${taken} taken here`, hint: 'unpack it' }];
  }
  try {
    const inside = unpacked(bytes, how);
    return inside === undefined ? [] : arm64ImageProblems(inside, []);
  } catch (error) {
    const why = messageOf(error);
    return [{ what: `its ${how} data is damaged or cut short: ${why}`, hint: 'copy it again' }];
  }
}

/** Linux drivers/firmware/efi/libstub/zboot-header.S. */
export function isZboot(bytes: Uint8Array): boolean {
  return bytes[0] === 0x4d && bytes[1] === 0x5a && latin1(bytes, 4, 4) === 'zimg';
}

/**
 * How long a file has to be that is a PE binary too, as both kernels are with CONFIG_EFI: to the end of its last
 * section (PE format, "Section Table").
 * @returns undefined where it is none
 */
function lengthOfPe(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = view.getUint32(60, true);
  if (latin1(bytes, 0, 2) !== 'MZ' || header + 24 > bytes.length) return undefined;
  if (latin1(bytes, header, 4) !== 'PE\0\0') return undefined;
  const sections = view.getUint16(header + 6, true);
  const table = header + 24 + view.getUint16(header + 20, true);
  let end = 0;
  for (let section = table; section < table + sections * 40 && section + 40 <= bytes.length; section += 40) {
    end = Math.max(end, view.getUint32(section + 16, true) + view.getUint32(section + 20, true));
  }
  return end;
}

function latin1(bytes: Uint8Array, start: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(start, start + length));
}
