/**
 * A script as U-Boot's `source` takes it: the legacy image around a list with one text (U-Boot include/image.h,
 * struct legacy_img_hdr, IH_TYPE_SCRIPT; boot/image.c, image_multi_count). Written here and not by mkimage, so that
 * a run needs no program beside it, and the same script is the same bytes.
 */
import { crc32 } from 'node:zlib';

/**
 * @param text commands, one a line; U-Boot runs them without echo
 * @param name shown by `iminfo` and `source`; 31 characters at most
 * @returns what `mkimage -A arm64 -T script -C none -n NAME -d FILE` writes, but for the time, which is 0
 */
export function uBootScript(text: string, name: string): Uint8Array {
  const script = new TextEncoder().encode(text);
  const image = new Uint8Array(headerSize + listSize + script.length);
  const view = new DataView(image.buffer);
  view.setUint32(headerSize, script.length);
  image.set(script, headerSize + listSize);

  view.setUint32(0, magic);
  view.setUint32(12, listSize + script.length);
  view.setUint32(24, crc32(image.subarray(headerSize)));
  image.set([os.linux, architecture.arm64, type.script, compression.none], 28);
  image.set(new TextEncoder().encode(name).subarray(0, nameSize - 1), 32);
  view.setUint32(4, crc32(image.subarray(0, headerSize)));
  return image;
}

const headerSize = 64;
const nameSize = 32;
/** Length of the one text, and the 0 that ends the list. */
const listSize = 8;
const magic = 0x27051956;
const os = { linux: 5 } as const;
const architecture = { arm64: 22 } as const;
const type = { script: 6 } as const;
const compression = { none: 0 } as const;
