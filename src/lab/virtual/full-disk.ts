import { writeSync } from 'node:fs';

/**
 * A disk that takes a limited number of bytes.
 * @returns writes as `fs.writeSync` does; throws ENOSPC once it is full
 */
export function fullDisk(bytes: number): (file: number, data: Uint8Array) => number {
  let left = bytes;
  return (file, data) => {
    if (data.length > left) {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    }
    left -= data.length;
    return writeSync(file, data);
  };
}
