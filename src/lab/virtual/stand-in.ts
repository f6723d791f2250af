/**
 * Stand-ins for the images that a real run deploys: a valid arm64 Image header (Linux
 * Documentation/arch/arm64/booting.rst) in front of a text that says what they stand for. They carry no code;
 * a real board that is given one stops at once.
 */

/** The program that an image stands for. A board that starts one behaves as that program would. */
const standIns = ['xen', 'probe', 'linux', 'zephyr', 'ramdisk', 'bl31', 'u-boot'] as const;
export type StandIn = (typeof standIns)[number];

const headerSize = 64;
const imageMagic = 0x644d5241;
const mark = 'scmi-hil stand-in, no code inside: ';

/**
 * Makes an image.
 * @param size bytes in all; big enough that a transfer takes several blocks
 */
export function makeStandIn(what: StandIn, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  if (what !== 'ramdisk' && what !== 'bl31') {
    view.setUint32(0, 0x14000010, true); // b +0x40
    view.setBigUint64(16, BigInt(size), true); // image_size
    view.setBigUint64(24, 0b1010n, true); // flags: 4 KiB pages, anywhere in memory
    view.setUint32(56, imageMagic, true);
  }
  new TextEncoder().encodeInto(`${mark}${what}\n`, bytes.subarray(headerSize));
  return bytes;
}

/** Whether bytes begin with an arm64 Image header, as U-Boot's `booti` checks it. */
export function isArm64Image(bytes: Uint8Array): boolean {
  if (bytes.length < headerSize) return false;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(56, true) === imageMagic;
}

/** The program that an image stands for; undefined if it is no stand-in. */
export function standInOf(bytes: Uint8Array): StandIn | undefined {
  const text = new TextDecoder().decode(bytes.subarray(headerSize, headerSize + 64));
  if (!text.startsWith(mark)) return undefined;
  const what = text.slice(mark.length, text.indexOf('\n'));
  return standIns.find(each => each === what);
}
