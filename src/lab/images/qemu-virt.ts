/** The images of `qemu-virt`: fetched from Debian, built, checked. */
import { existsSync, readFileSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { ConfigurationError } from '../../config/configuration-error.ts';
import { projectDirectory } from '../../config/project-directory.ts';
import { type Hold, livingHolder, takeHold } from '../drivers/hold-file.ts';
import { Debian, unpackPackages } from './debian.ts';
import { buildDom0Ramdisk } from './dom0-ramdisk.ts';
import { fetchPackages, keptPackages } from './fetch-packages.ts';
import { firmwareSourcesChecksum } from './firmware-sources.ts';
import { makeEl3Firmware, makeProbe, requireCompiler } from './make-firmware.ts';
import { checksum, readManifest, writeManifest } from './manifest.ts';
import { qemuVirtPackages } from './packages.ts';
import { currentName, currentSet, imageFiles, keyFiles } from './places.ts';
import { makeKeys } from './ssh-keys.ts';

export interface ImageWork {
  /** Where the images are: `imageDirectory('qemu-virt', env)`. */
  readonly directory: string;
  /** Dom0's address on the board's network. */
  readonly address: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** Told of each piece of work: its place among how many, and what it is. */
  readonly progress: (done: number, of: number, what: string) => void;
}

/**
 * Gets the packages that are not there yet, and unpacks all. Nothing outside the directory changes. Where all are
 * there as they were fetched, Debian's archive is not asked.
 * @param update ask the archive whether it has newer ones
 * @throws ConfigurationError with what to install or to configure
 */
export async function fetchQemuVirt(work: ImageWork, update: boolean): Promise<void> {
  const { directory, signal, progress } = work;
  await using _ = await alone(work);
  // A problem that would stop the build is reported before 100 MB are fetched.
  await requireCompiler(signal);
  const packages = path.join(directory, 'packages');
  const kept = update ? undefined : await keptPackages(qemuVirtPackages, packages);
  if (kept !== undefined) {
    progress(kept.length, kept.length, 'packages are there as they were fetched: the network is not asked');
  }
  const files = kept ?? (await fetchFromDebian(work, packages));
  progress(files.length, files.length, 'unpack');
  await unpackPackages(files, path.join(directory, 'unpacked'), signal);
}

async function fetchFromDebian(
  { directory, env, signal, progress }: ImageWork,
  into: string,
): Promise<string[]> {
  const releases = qemuVirtPackages.map(({ release }) => release);
  const debian = await Debian.open({ directory: path.join(directory, 'apt'), releases, env, signal });
  return fetchPackages(debian, qemuVirtPackages, into, progress);
}

/**
 * Builds the EL3 firmware, the probe and Dom0's ramdisk, with new keys, and puts all images where a run looks for them.
 * @throws ConfigurationError where the packages have not been fetched, or the compiler is not there
 */
export async function buildQemuVirt(work: ImageWork): Promise<void> {
  await using _ = await alone(work);
  const { directory } = work;
  if (!existsSync(path.join(directory, 'unpacked'))) {
    throw new ConfigurationError(`there are no packages in ${directory}`, 'scmi-hil images fetch qemu-virt');
  }
  const set = await newSet(directory);
  try {
    await buildInto(set, work);
    await makeCurrent(directory, set);
  } catch (error) {
    await rm(set, { recursive: true, force: true });
    throw error;
  }
}

async function buildInto(
  set: string,
  { directory, address, env, signal, progress }: ImageWork,
): Promise<void> {
  const unpacked = path.join(directory, 'unpacked');
  const at = (name: string): string => path.join(set, name);
  const below = (name: string): string => path.join(directory, name);
  progress(0, 4, 'EL3 firmware');
  await copyFile(await makeEl3Firmware({ build: below('el3'), env, signal }), at(imageFiles.firmware));

  progress(1, 4, 'probe');
  const probe = await makeProbe({ build: below('probe-build'), env, signal });
  await copyFile(probe, at(imageFiles.probe));

  progress(2, 4, 'boot loader, Xen, kernel');
  const boot = path.join(unpacked, 'boot');
  const kernel = path.join(boot, await only(boot, /^vmlinuz-/));
  await copyFile(path.join(unpacked, 'usr/lib/u-boot/qemu_arm64/u-boot.bin'), at(imageFiles['u-boot']));
  await copyFile(path.join(boot, await only(boot, /^xen-[\d.]+-arm64$/)), at(imageFiles.xen));
  await copyFile(kernel, at(imageFiles.kernel));

  progress(3, 4, "Dom0's ramdisk");
  const keys = makeKeys();
  const ramdisk = buildDom0Ramdisk({
    packages: unpacked,
    init: script('init'),
    guestInit: script('guest-init'),
    address,
    authorizedKey: keys.authorizedKey,
    hostKey: keys.dropbearHostKey,
    kernel,
    probe,
  });
  await writeFile(at(imageFiles.ramdisk), ramdisk);
  await writeFile(at(keyFiles.user), keys.privateKey, { mode: 0o600 });
  await chmod(at(imageFiles.ramdisk), 0o600);
  await writeFile(at(keyFiles.hostFingerprint), `${keys.hostKeyFingerprint}\n`);
  await writeManifest(set, {
    packages: await checksumsOf(below('packages'), await readdir(below('packages'))),
    sources: await firmwareSourcesChecksum(),
    files: await checksumsOf(set, builtFiles),
  });
  progress(4, 4, 'done');
}

/** Another process that fetches or builds is waited for. */
async function alone({ directory, signal, progress }: ImageWork): Promise<Hold> {
  const file = path.join(directory, 'work.hold');
  const deadline = Date.now() + longestWork;
  let [told, freed] = [false, 0];
  for (;;) {
    try {
      return await takeHold(file, {
        attempt: `use ${directory}`,
        command: 'scmi-hil images',
        elsewhere: 'this user cannot make it: name another home, HOME or XDG_CACHE_HOME',
      });
    } catch (error) {
      const holder = await livingHolder(file);
      // The other one may have finished in between; a directory that cannot be written stays as it is.
      if (Date.now() > deadline || (holder === undefined && ++freed > 3)) throw error;
      if (!told && holder !== undefined) {
        progress(0, 1, `wait for process ${holder.pid}, which fetches or builds there`);
        told = true;
      }
    }
    await setTimeout(250, undefined, { signal });
  }
}

const longestWork = 20 * 60_000;

async function newSet(directory: string): Promise<string> {
  const sets = path.join(directory, setsName);
  await mkdir(sets, { recursive: true });
  return mkdtemp(path.join(sets, `${new Date().toISOString().replaceAll(/[^0-9]/g, '')}-`));
}

/** The link is replaced in one step; runs that began with one of the last sets keep it. */
async function makeCurrent(directory: string, set: string): Promise<void> {
  const link = path.join(directory, currentName);
  const next = `${link}.${process.pid}`;
  await rm(next, { force: true });
  await symlink(path.relative(directory, set), next);
  await rename(next, link);
  const sets = (await readdir(path.dirname(set))).toSorted();
  for (const old of sets.slice(0, -keptSets)) {
    await rm(path.join(path.dirname(set), old), { recursive: true, force: true });
  }
}

const setsName = 'sets';
const keptSets = 3;

/**
 * @param work the image directory
 * @returns what is wrong, a sentence each; empty: the images are as they were built
 */
export async function checkQemuVirt(work: string): Promise<string[]> {
  const directory = currentSet(work);
  const manifest = await readManifest(directory);
  if (manifest === undefined) return [`${work} has no images`];
  const wrong: string[] = [];
  for (const name of builtFiles) {
    const file = path.join(directory, name);
    if (!existsSync(file)) wrong.push(`${name} is not there`);
    else if ((await checksum(file)) !== manifest.files[name]) wrong.push(`${name} is not what was built`);
  }
  if (manifest.sources !== (await firmwareSourcesChecksum())) {
    wrong.push("the EL3 firmware, the probe or Dom0's scripts have changed since the images were built");
  }
  return wrong;
}

const builtFiles: readonly string[] = [...Object.values(imageFiles), ...Object.values(keyFiles)];

function script(name: string): string {
  return readFileSync(path.join(projectDirectory, 'firmware', 'qemu-virt', 'dom0', name), 'utf8');
}

async function only(directory: string, pattern: RegExp): Promise<string> {
  const found = (await readdir(directory)).find(name => pattern.test(name));
  if (found !== undefined) return found;
  throw new ConfigurationError(`${directory} has no file like ${String(pattern)}`);
}

async function checksumsOf(directory: string, names: readonly string[]): Promise<Record<string, string>> {
  const sums: Record<string, string> = {};
  for (const name of names.toSorted()) sums[name] = await checksum(path.join(directory, name));
  return sums;
}
