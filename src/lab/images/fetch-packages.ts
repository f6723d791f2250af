/** Gets Debian packages into a directory that keeps them for the next time. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Debian, PackageFile } from './debian.ts';
import { checksum } from './manifest.ts';
import type { PackageSet } from './packages.ts';

/** Result of a fetch, beside the directory. */
const fetchedSchema = z.strictObject({
  schema: z.literal(1),
  /** The `PackageSet`s that were asked for. */
  sets: z.unknown(),
  /** SHA-256 in hexadecimal by file name, in the order in which they are unpacked. */
  files: z.record(z.string(), z.string()),
});

/**
 * @returns paths of the .deb files, where these sets were fetched and every file still has its checksum;
 *   undefined where something is to be fetched
 */
export async function keptPackages(
  sets: readonly PackageSet[],
  directory: string,
): Promise<string[] | undefined> {
  const fetched = await readFetched(directory);
  if (fetched === undefined || !isDeepStrictEqual(fetched.sets, sets)) return undefined;
  for (const [file, sha256] of Object.entries(fetched.files)) {
    if (!(await isKept(directory, { file, sha256 }))) return undefined;
  }
  return Object.keys(fetched.files).map(file => path.join(directory, file));
}

/**
 * Downloads those that are not there as the archive has them now; what else is in the directory goes.
 * @param progress told before each package: its place, of how many, and what it is
 * @returns paths of the .deb files
 * @throws ConfigurationError where a package is not to be had
 */
export async function fetchPackages(
  debian: Pick<Debian, 'namedBy' | 'locate' | 'download'>,
  sets: readonly PackageSet[],
  directory: string,
  progress: (done: number, of: number, what: string) => void,
): Promise<string[]> {
  const files: PackageFile[] = [];
  for (const { release, packages, named = [] } of sets) {
    const real = await Promise.all(named.map(name => debian.namedBy(name, release)));
    files.push(...(await debian.locate([...real, ...packages], release)));
  }
  await rm(recordOf(directory), { force: true });
  await mkdir(directory, { recursive: true });
  await removeOthers(directory, files);
  for (const [index, file] of files.entries()) {
    const isThere = await isKept(directory, file);
    progress(index, files.length, `${file.name} (${file.release})${isThere ? ', there already' : ''}`);
    if (!isThere) await debian.download(file, directory);
  }
  await writeFetched(
    sets,
    directory,
    files.map(({ file }) => file),
  );
  return files.map(({ file }) => path.join(directory, file));
}

/** @returns undefined where there is none, or it cannot be read as one */
async function readFetched(directory: string): Promise<z.output<typeof fetchedSchema> | undefined> {
  const record = recordOf(directory);
  if (!existsSync(record)) return undefined;
  const text = await readFile(record, 'utf8');
  try {
    return fetchedSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

async function writeFetched(
  sets: readonly PackageSet[],
  directory: string,
  names: readonly string[],
): Promise<void> {
  const files: Record<string, string> = {};
  for (const name of names) files[name] = await checksum(path.join(directory, name));
  await writeFile(recordOf(directory), `${JSON.stringify({ schema: 1, sets, files }, undefined, 2)}\n`);
}

const recordOf = (directory: string): string => `${directory}.json`;

async function removeOthers(directory: string, files: readonly PackageFile[]): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!files.some(({ file }) => file === name))
      await rm(path.join(directory, name), { recursive: true, force: true });
  }
}

async function isKept(
  directory: string,
  { file, sha256 }: Pick<PackageFile, 'file' | 'sha256'>,
): Promise<boolean> {
  const kept = path.join(directory, file);
  return existsSync(kept) && (await checksum(kept)) === sha256;
}
