/** Requirements for an image, and whether it meets them. */
import { z } from 'zod';
import type { ImageVersion, Program } from '../version-strings.ts';
import { arm64ImageProblems } from './arm64-image.ts';
import { blobProblems } from './device-tree.ts';
import type { ImageProblem } from './problem.ts';
import { ramdiskProblems } from './ramdisk.ts';
import { rawBinaryProblems } from './raw-binary.ts';
import { uBootImageProblems, unwrapped } from './u-boot-image.ts';

const size = z.union([z.number().int().positive(), z.string().regex(/^0x[0-9a-f]+$/i)]).transform(Number);

export const imageCheckSchema = z.strictObject({
  kind: z.enum(['arm64-image', 'raw-binary', 'ramdisk', 'device-tree']),
  /** A U-Boot image (uImage) around it, for `bootm`. */
  wrapped: z.boolean().default(false),
  /** In which its loader unpacks it. */
  compressed: z.array(z.enum(['gzip', 'zstd', 'xz', 'bzip2', 'lz4', 'lzma'])).default([]),
  /** Bytes that it may have at most. */
  largest: size.exactOptional(),
  /** Program whose version string is in it. */
  program: z.enum(['tf-a', 'u-boot', 'xen', 'linux']).exactOptional(),
  /** Which file of the build it is, and which it is not. */
  file: z.string().exactOptional(),
});

export type ImageCheck = z.output<typeof imageCheckSchema>;

/**
 * @param versions what `versionsIn` found in the bytes
 * @returns empty: nothing speaks against the image
 */
export function imageProblems(
  bytes: Uint8Array,
  check: ImageCheck,
  versions: readonly ImageVersion[],
): ImageProblem[] {
  const { kind, wrapped, largest } = check;
  const found = [
    ...(wrapped ? uBootImageProblems(bytes) : []),
    ...checkers[kind](wrapped ? unwrapped(bytes) : bytes, check),
    ...(largest !== undefined && bytes.length > largest
      ? [{ what: `${bytes.length} bytes are more than the ${largest} that there is room for` }]
      : []),
  ];
  const all = found.length === 0 ? programProblems(check.program, versions) : found;
  return all.map(problem => withFile(problem, check.file));
}

type Checker = (bytes: Uint8Array, check: ImageCheck) => ImageProblem[];

const checkers: Readonly<Record<ImageCheck['kind'], Checker>> = {
  'arm64-image': (bytes, { compressed }) => arm64ImageProblems(bytes, compressed),
  'raw-binary': rawBinaryProblems,
  ramdisk: ramdiskProblems,
  'device-tree': blobProblems,
};

/** Both kernels have the same header: two that were mixed up are told by what they say about themselves. */
function programProblems(program: Program | undefined, versions: readonly ImageVersion[]): ImageProblem[] {
  const [other] = versions;
  if (program === undefined || versions.some(version => version.program === program)) return [];
  if (other !== undefined) return [{ what: `it is not ${names[program]}: it says "${other.text}"` }];
  return [{ what: `nothing in it says that it is ${names[program]}` }];
}

const names: Readonly<Record<Program, string>> = {
  'tf-a': 'TF-A',
  'u-boot': 'U-Boot',
  xen: 'Xen',
  linux: 'Linux',
};

function withFile({ what, hint }: ImageProblem, file: string | undefined): ImageProblem {
  const both = [hint, file].filter(words => words !== undefined).join('; ');
  return both === '' ? { what } : { what, hint: both };
}
