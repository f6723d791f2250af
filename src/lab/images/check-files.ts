/** A lab's image files, held against the list of its board type. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { whyUnreadable } from '../../config/yaml-file.ts';
import type { BoardImage, BoardImages } from './board-images.ts';
import { imageProblems } from './checks/check.ts';
import type { ImageProblem } from './checks/problem.ts';
import { type ImageVersion, versionsIn } from './version-strings.ts';

export interface CheckedImage {
  readonly name: string;
  readonly kind: string;
  /** Its source if the lab gives no file. */
  readonly place: BoardImage['place'];
  /** Absent: the lab gives none, and what follows is not known. */
  readonly file?: string;
  readonly size?: number;
  /** In hexadecimal. */
  readonly sha256?: string;
  readonly version?: ImageVersion;
  readonly problems: readonly ImageProblem[];
}

/**
 * @param files path by name, as the lab gives them
 * @param needed names that the way to boot needs from the lab
 * @returns all that the list names, in its order, then files that it does not name
 */
export async function checkImageFiles(
  { images }: BoardImages,
  files: Readonly<Record<string, string>>,
  needed: readonly string[],
): Promise<CheckedImage[]> {
  const checked: CheckedImage[] = [];
  for (const [name, image] of Object.entries(images)) {
    const { kind, place } = image;
    const file = files[name];
    if (file !== undefined) checked.push(await checkFile(name, image, file));
    else {
      const problems = needed.includes(name) ? [{ what: 'the lab file names none' }] : [];
      checked.push({ name, kind, place, problems });
    }
  }
  const others = Object.entries(files).filter(([name]) => !Object.hasOwn(images, name));
  for (const [name, file] of others) {
    const what = `no board of this type knows an image ${name}`;
    checked.push({
      name,
      kind: '?',
      place: 'lab',
      file,
      problems: [{ what, hint: 'see the names in this list' }],
    });
  }
  return checked;
}

async function checkFile(name: string, image: BoardImage, file: string): Promise<CheckedImage> {
  const { kind, place } = image;
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const what = whyUnreadable(error);
    return { name, kind, place, file, problems: [{ what, hint: 'correct images in the lab file' }] };
  }
  const versions = versionsIn(bytes);
  const version = versions.find(({ program }) => program === image.program);
  return {
    name,
    kind,
    place,
    file,
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    ...(version !== undefined && { version }),
    problems: imageProblems(bytes, image, versions),
  };
}
