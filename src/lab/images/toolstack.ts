/**
 * A toolstack of the user's own for Dom0: what Xen's `make dist-tools` leaves in `dist/install`, as an archive that
 * is appended to Dom0's ramdisk. Linux unpacks both in turn, and the later file replaces the earlier one (Linux
 * Documentation/driver-api/early-userspace/buffer-format.rst).
 */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { ConfigurationError } from '../../config/configuration-error.ts';
import { compressionOf, unpacked } from './checks/compression.ts';
import { type CpioEntry, cpioNames, writeCpio } from './cpio.ts';
import { elfMachine, neededLibraries } from './elf-needed.ts';
import { findFile } from './find-file.ts';
import type { XenImage } from './xen-image.ts';

export interface Toolstack {
  /** `4.22`, from the names of its libraries; undefined where none has a version. */
  readonly version: string | undefined;
  /** Files for Dom0, without leading slash in their paths. */
  readonly entries: readonly CpioEntry[];
}

/**
 * Finds a shared library by its name in what Dom0 has anyway: its bytes, `present` where nothing is to be added, or
 * undefined where Dom0 does not have it.
 */
export type FindLibrary = (name: string) => Uint8Array | 'present' | undefined;

/**
 * Reads the programs of a toolstack and all libraries that they need, however indirectly. Programs stay at their
 * paths, which are compiled into libxl (tools/libs/light, LIBEXEC_BIN); links in usr/sbin let a shell find them.
 * @param directory `dist/install`, or the `dist` above it
 * @param findLibrary for libraries that are not in the directory (libc, libyajl, ...)
 * @throws ConfigurationError where a program or a library is not found, or is not for arm64
 */
export function readToolstack(directory: string, findLibrary: FindLibrary): Toolstack {
  const files = filesOf(rootOf(directory));
  const programs = programNames.flatMap(name => files.find(file => isProgram(file, name)) ?? []);
  requirePrograms(
    directory,
    programs.map(file => path.basename(file.path)),
  );
  return {
    version: versionOf(files),
    entries: [
      ...programs.map(({ path: name, bytes }) => programEntry(name, bytes())),
      ...programs.flatMap(({ path: name }) => linkTo(name)),
      ...librariesOf(directory, programs, files, findLibrary),
    ],
  };
}

/**
 * @param ramdisk Dom0's, as its boot loader gets it: an archive, compressed or not
 * @returns the ramdisk with the toolstack behind it
 */
export function ramdiskWithTools(ramdisk: Uint8Array, { entries }: Toolstack): Uint8Array {
  return new Uint8Array(Buffer.concat([ramdisk, gzipSync(writeCpio(entries), { level: 6 })]));
}

/**
 * Images of a board in which `tools` names a toolstack: it goes into the ramdisk, and is no image any more.
 * @param images paths by name
 * @param libraries a directory in which Dom0's other libraries are; absent: those in the ramdisk are all
 * @throws ConfigurationError as `readToolstack`, and where there is no ramdisk for it
 */
export function withToolstack(
  images: ReadonlyMap<string, string>,
  libraries?: string,
): { readonly images: ReadonlyMap<string, string | Uint8Array>; readonly notes: readonly string[] } {
  const { tools, ...others } = Object.fromEntries(images);
  if (tools === undefined) return { images, notes: [] };
  const { ramdisk } = others;
  if (ramdisk === undefined) {
    throw new ConfigurationError(
      'tools: the board has no image ramdisk to put them into',
      'name one beside it',
    );
  }
  const made = combined(tools, ramdisk, libraries);
  const version = made.version === undefined ? '' : ` of Xen ${made.version}`;
  return {
    images: new Map<string, string | Uint8Array>([...Object.entries(others), ['ramdisk', made.bytes]]),
    notes: [`Dom0's ramdisk has the toolstack${version} from ${tools}`],
  };
}

/**
 * Whether xl can speak to Xen: the interface between them (public/domctl.h) changes with each release.
 * @param xen the hypervisor's image; absent: none that can be read
 * @param tools directory with the toolstack's libraries
 * @returns both versions in words where they differ; undefined where they fit, or one of them is not known
 */
export function toolstackMismatch(xen: XenImage | undefined, tools: string): string | undefined {
  if (xen?.version === undefined || !existsSync(tools)) return undefined;
  const ofTools = versionOf(filesOf(rootOf(tools)));
  if (ofTools === undefined || xen.version === ofTools) return undefined;
  return `the toolstack of Xen ${xen.version} for ${xen.text} (it has that of Xen ${ofTools})`;
}

interface Combined {
  readonly bytes: Uint8Array;
  readonly version: string | undefined;
}

/** All runs of a command have the same; making it takes seconds. */
const combinedBefore = new Map<string, Combined>();

function combined(tools: string, ramdisk: string, libraries: string | undefined): Combined {
  const key = JSON.stringify([tools, ramdisk, statSync(ramdisk).mtimeMs]);
  const known = combinedBefore.get(key);
  if (known !== undefined) return known;
  const base = new Uint8Array(readFileSync(ramdisk));
  const toolstack = readToolstack(tools, librariesIn(base, libraries));
  const result = { bytes: ramdiskWithTools(base, toolstack), version: toolstack.version };
  combinedBefore.set(key, result);
  return result;
}

/**
 * Finds libraries in a ramdisk, then in a directory. A ramdisk that cannot be unpacked here may have any library, so
 * none is missed.
 */
export function librariesIn(ramdisk: Uint8Array, directory?: string): FindLibrary {
  const names = namesIn(ramdisk);
  return library => {
    if (names === undefined || names.has(library)) return 'present';
    const file = directory === undefined ? undefined : findFile(directory, library);
    return file === undefined ? undefined : new Uint8Array(readFileSync(file));
  };
}

function namesIn(ramdisk: Uint8Array): ReadonlySet<string> | undefined {
  const how = compressionOf(ramdisk);
  const archive = how === undefined ? ramdisk : unpacked(ramdisk, how);
  return archive && new Set(cpioNames(archive).map(name => path.basename(name)));
}

/** The programs of tools/ that Dom0 and xl start, the required ones first. */
const requiredPrograms = ['xl', 'xenstored', 'xenconsoled'] as const;
const programNames: readonly string[] = [
  ...requiredPrograms,
  'xen-init-dom0',
  'init-dom0less',
  'xenstore',
  'xenconsole',
  'libxl-save-helper',
];

/** Where Dom0's loader looks without a configuration (glibc, Debian's multiarch directory). */
const libraryDirectory = 'usr/lib/aarch64-linux-gnu';

/** EM_AARCH64 of the ELF specification for the Arm 64-bit architecture. */
const aarch64 = 183;

interface ToolFile {
  /** From the root of Dom0's file system. */
  readonly path: string;
  readonly bytes: () => Uint8Array;
}

function rootOf(directory: string): string {
  if (!existsSync(directory)) {
    throw new ConfigurationError(`tools: there is no ${directory}`, hintOfBuild);
  }
  if (!statSync(directory).isDirectory()) {
    throw new ConfigurationError(`tools: ${directory} is not a directory`, hintOfBuild);
  }
  const install = path.join(directory, 'install');
  return existsSync(install) ? install : directory;
}

const hintOfBuild =
  'name the directory dist/install of a Xen tree after `make dist-tools XEN_TARGET_ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-`';

function filesOf(root: string): ToolFile[] {
  return readdirSync(root, { recursive: true, withFileTypes: true }).flatMap(entry => {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isDirectory() || statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return [];
    return [
      { path: path.relative(root, file), bytes: () => new Uint8Array(readFileSync(realpathSync(file))) },
    ];
  });
}

/** A wrapper script of the same name is passed over: Debian's /usr/sbin/xl is one. */
function isProgram(file: ToolFile, name: string): boolean {
  return path.basename(file.path) === name && elfMachine(file.bytes()) !== undefined;
}

function requirePrograms(directory: string, found: readonly string[]): void {
  const missing = requiredPrograms.filter(name => !found.includes(name));
  if (missing.length === 0) return;
  throw new ConfigurationError(`tools: ${missing.join(', ')} not found below ${directory}`, hintOfBuild);
}

function programEntry(name: string, bytes: Uint8Array): CpioEntry {
  const machine = elfMachine(bytes);
  if (machine !== aarch64) {
    throw new ConfigurationError(
      `tools: ${name} is for another machine (ELF machine ${machine}), not for arm64`,
      hintOfBuild,
    );
  }
  return { kind: 'file', path: name, bytes, mode: 0o755 };
}

function linkTo(name: string): CpioEntry[] {
  const link = `usr/sbin/${path.basename(name)}`;
  return link === name ? [] : [{ kind: 'link', path: link, target: `/${name}` }];
}

function librariesOf(
  directory: string,
  programs: readonly ToolFile[],
  files: readonly ToolFile[],
  findLibrary: FindLibrary,
): CpioEntry[] {
  const byName = new Map(files.map(file => [path.basename(file.path), file]));
  const wanted = programs.flatMap(({ path: name, bytes }) => neededBy(path.basename(name), bytes()));
  const added = new Map<string, CpioEntry>();
  const missing = new Map<string, string>();
  for (let next = wanted.shift(); next !== undefined; next = wanted.shift()) {
    const { library, by } = next;
    if (added.has(library) || missing.has(library)) continue;
    const bytes = byName.get(library)?.bytes() ?? findLibrary(library);
    if (bytes === undefined) {
      missing.set(library, by);
      continue;
    }
    if (bytes === 'present') continue;
    added.set(library, { kind: 'file', path: placeOf(library), bytes, mode: 0o755 });
    wanted.push(...neededBy(library, bytes));
  }
  if (missing.size === 0) return [...added.values()];
  const list = [...missing].map(([library, by]) => `${library} (needed by ${by})`).join(', ');
  throw new ConfigurationError(
    `tools: libraries not found: ${list}`,
    `put them below ${directory}: they are in Debian's arm64 packages of the machine that built the tools`,
  );
}

function neededBy(by: string, bytes: Uint8Array): { library: string; by: string }[] {
  return neededLibraries(bytes).map(library => ({ library, by }));
}

function placeOf(library: string): string {
  return library.startsWith('ld-') ? `lib/${library}` : `${libraryDirectory}/${library}`;
}

/** tools/libs/Makefile gives unstable libraries Xen's own version: libxenctrl.so.4.22. */
function versionOf(files: readonly ToolFile[]): string | undefined {
  const names = files.map(file => path.basename(file.path));
  return names
    .map(name => /^libxen(?:ctrl|light|guest)\.so\.(\d+\.\d+)/.exec(name)?.[1])
    .find(version => version !== undefined);
}
