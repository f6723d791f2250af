/** A ramdisk that Linux unpacks as its first root (Linux init/initramfs.c, Documentation/driver-api/early-userspace). */
import { messageOf } from '../../../config/text.ts';
import { compressionOf, unpacked } from './compression.ts';
import { foreignFormat, isCpio } from './file-format.ts';
import type { ImageProblem } from './problem.ts';

export function ramdiskProblems(content: Uint8Array): ImageProblem[] {
  const how = compressionOf(content);
  if (how === undefined) return isCpio(content) ? archiveProblems(content) : problemOf(content);
  try {
    const inside = unpacked(content, how);
    if (inside === undefined) return [];
    return isCpio(inside) ? archiveProblems(inside) : [{ what: `in its ${how} data is no cpio archive` }];
  } catch (error) {
    const why = messageOf(error);
    return [{ what: `its ${how} data is damaged or cut short: ${why}`, hint: 'copy it again' }];
  }
}

function problemOf(bytes: Uint8Array): ImageProblem[] {
  return [foreignFormat(bytes) ?? { what: 'it is no cpio archive, compressed or not' }];
}

function archiveProblems(archive: Uint8Array): ImageProblem[] {
  return Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength).includes('TRAILER!!!')
    ? []
    : [{ what: 'its cpio archive is cut short: it has no trailer', hint: 'make it again' }];
}
