/** Files that are something else than what a board takes, told by their first bytes. */
import type { ImageProblem } from './problem.ts';

interface Format {
  readonly what: string;
  readonly is: (bytes: Uint8Array) => boolean;
  readonly hint: string;
}

const ascii = (bytes: Uint8Array, start: number, text: string): boolean =>
  String.fromCharCode(...bytes.subarray(start, start + text.length)) === text;

const formats: readonly Format[] = [
  {
    what: 'an ELF file',
    is: bytes => ascii(bytes, 0, '\x7fELF'),
    hint: 'take the binary that the build makes of it, or: aarch64-linux-gnu-objcopy -O binary FILE OUT',
  },
  {
    what: 'a list of S-records, which is for a flash writer',
    is: bytes => ascii(bytes, 0, 'S0') || ascii(bytes, 0, 'S3'),
    hint: 'take the binary of the same build',
  },
  {
    what: 'a U-Boot image (uImage, made by mkimage)',
    is: isUBootImage,
    hint: 'take the file that was put into it, or: dumpimage -T kernel -o OUT FILE',
  },
  {
    what: 'a device tree blob, or a FIT image',
    is: bytes => bytes[0] === 0xd0 && bytes[1] === 0x0d && bytes[2] === 0xfe && bytes[3] === 0xed,
    hint: 'the lab file has the files in the wrong places',
  },
  {
    what: 'a cpio archive',
    is: isCpio,
    hint: 'the lab file has the files in the wrong places',
  },
  {
    what: 'a Git LFS pointer, not the file itself',
    is: bytes => ascii(bytes, 0, 'version https://git-lfs'),
    hint: 'git lfs pull',
  },
  {
    what: 'a text',
    is: bytes =>
      bytes
        .subarray(0, 64)
        .every(byte => byte === 9 || byte === 10 || byte === 13 || (byte >= 32 && byte < 127)),
    hint: 'was it downloaded as a page?',
  },
];

/** @returns what the bytes are instead of a raw binary; undefined where nothing speaks against one */
export function foreignFormat(bytes: Uint8Array): ImageProblem | undefined {
  if (bytes.length === 0) return { what: 'it is empty' };
  const found = formats.find(({ is }) => is(bytes));
  return found && { what: `it is ${found.what}`, hint: found.hint };
}

/** New ASCII format, with checksums or without (cpio(5)), which the kernel takes (Linux init/initramfs.c). */
export function isCpio(bytes: Uint8Array): boolean {
  return ascii(bytes, 0, '070701') || ascii(bytes, 0, '070702');
}

/** U-Boot include/image.h, IH_MAGIC. */
export function isUBootImage(bytes: Uint8Array): boolean {
  return bytes[0] === 0x27 && bytes[1] === 0x05 && bytes[2] === 0x19 && bytes[3] === 0x56;
}
