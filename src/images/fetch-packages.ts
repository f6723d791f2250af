/** Gets Debian packages into a directory that keeps them for the next time. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Debian, PackageFile } from './debian.ts';
import { checksum } from './manifest.ts';
import type { PackageSet } from './packages.ts';

/**
 * Downloads those that are not there as the archive has them now; what else is in the directory goes.
 * @param progress told before each package: its place, of how many, and what it is
 * @returns paths of the .deb files
 * @throws ConfigurationError where a package is not to be had
 */
export async function fetchPackages(
  debian: Debian,
  sets: readonly PackageSet[],
  directory: string,
  progress: (done: number, of: number, what: string) => void,
): Promise<string[]> {
  const files: PackageFile[] = [];
  for (const { release, packages, named = [] } of sets) {
    const real = await Promise.all(named.map(name => debian.namedBy(name, release)));
    files.push(...(await debian.locate([...real, ...packages], release)));
  }
  await mkdir(directory, { recursive: true });
  await removeOthers(directory, files);
  for (const [index, file] of files.entries()) {
    const isThere = await isKept(directory, file);
    progress(index, files.length, `${file.name} (${file.release})${isThere ? ', there already' : ''}`);
    if (!isThere) await debian.download(file, directory);
  }
  return files.map(({ file }) => path.join(directory, file));
}

async function removeOthers(directory: string, files: readonly PackageFile[]): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!files.some(({ file }) => file === name))
      await rm(path.join(directory, name), { recursive: true, force: true });
  }
}

async function isKept(directory: string, { file, sha256 }: PackageFile): Promise<boolean> {
  const kept = path.join(directory, file);
  return existsSync(kept) && (await checksum(kept)) === sha256;
}
