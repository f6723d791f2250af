/** The legacy U-Boot image, which `bootm` takes (U-Boot include/image.h, struct legacy_img_hdr; mkimage(1)). */
import { crc32 } from 'node:zlib';
import { isUBootImage } from './file-format.ts';
import type { ImageProblem } from './problem.ts';

const headerSize = 64;

export function uBootImageProblems(bytes: Uint8Array): ImageProblem[] {
  if (!isUBootImage(bytes) || bytes.length < headerSize) {
    return [
      {
        what: 'it is no U-Boot image, which bootm wants',
        hint: 'mkimage -A arm64 -T kernel (or ramdisk) -C none -d FILE OUT',
      },
    ];
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = bytes.slice(0, headerSize).fill(0, 4, 8);
  const length = view.getUint32(12);
  const data = bytes.subarray(headerSize, headerSize + length);
  if (crc32(header) !== view.getUint32(4)) return [{ what: 'its U-Boot header is damaged', hint: again }];
  if (data.length < length) {
    return [{ what: `it is cut short: ${data.length} of ${length} bytes`, hint: again }];
  }
  return crc32(data) === view.getUint32(24) ? [] : [{ what: 'its data is damaged (CRC)', hint: again }];
}

/** @returns what is in a U-Boot image; other bytes as they are */
export function unwrapped(bytes: Uint8Array): Uint8Array {
  return isUBootImage(bytes) ? bytes.subarray(headerSize) : bytes;
}

const again = 'copy it again';
