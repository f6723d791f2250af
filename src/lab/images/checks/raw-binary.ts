/** Checks of files that are loaded as they are: EL3 firmware, a boot loader. */
import { compressionOf } from './compression.ts';
import { foreignFormat } from './file-format.ts';
import type { ImageProblem } from './problem.ts';

export function rawBinaryProblems(bytes: Uint8Array): ImageProblem[] {
  const how = compressionOf(bytes);
  if (how !== undefined) return [{ what: `it is compressed with ${how}`, hint: 'unpack it' }];
  const foreign = foreignFormat(bytes);
  return foreign === undefined ? [] : [foreign];
}
