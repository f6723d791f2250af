/** Sources of a board's images, with checksums. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';

const manifestSchema = z.strictObject({
  schema: z.literal(1),
  /** Debian packages by file name, which has the version: SHA-256 in hexadecimal. */
  packages: z.record(z.string(), z.string()),
  /** `firmwareSourcesChecksum` when they were built. */
  sources: z.string(),
  /** Files of the image directory. */
  files: z.record(z.string(), z.string()),
});

export type Manifest = z.output<typeof manifestSchema>;

const name = 'images.json';

export async function writeManifest(directory: string, manifest: Omit<Manifest, 'schema'>): Promise<void> {
  await writeFile(
    path.join(directory, name),
    `${JSON.stringify({ schema: 1, ...manifest }, undefined, 2)}\n`,
  );
}

/** @returns undefined where there is none, or it cannot be read as one */
export async function readManifest(directory: string): Promise<Manifest | undefined> {
  const file = path.join(directory, name);
  if (!existsSync(file)) return undefined;
  const text = await readFile(file, 'utf8');
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** SHA-256 in hexadecimal. */
export async function checksum(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
