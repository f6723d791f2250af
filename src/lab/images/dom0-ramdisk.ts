/** Dom0's first file system: busybox, an SSH server with known keys, the toolstack, and a guest to create. */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { ConfigurationError } from '../../config/configuration-error.ts';
import { type CpioEntry, writeCpio } from './cpio.ts';
import { neededLibraries } from './elf-needed.ts';
import { findFile } from './find-file.ts';

export interface Dom0Parts {
  /** Directory into which the packages were unpacked. */
  readonly packages: string;
  /** Text of Dom0's and the guest's first process. */
  readonly init: string;
  readonly guestInit: string;
  /** The network interface's address. */
  readonly address: string;
  /** One line of authorized_keys. */
  readonly authorizedKey: string;
  /** In Dropbear's own form. */
  readonly hostKey: Uint8Array;
  /** Path of Debian's kernel, which is the guest's too. */
  readonly kernel: string;
  /** Path of firmware/probe's Image. */
  readonly probe: string;
}

/** @returns the archive, compressed with gzip */
export function buildDom0Ramdisk(parts: Dom0Parts): Uint8Array {
  const entries: CpioEntry[] = [
    ...base(parts.packages, text(parts.init)),
    ...modules(parts.packages),
    ...programs(parts.packages),
    { kind: 'file', path: 'etc/passwd', bytes: text('root::0:0:root:/root:/bin/sh\n') },
    { kind: 'file', path: 'etc/group', bytes: text('root:x:0:\n') },
    { kind: 'file', path: 'etc/shells', bytes: text('/bin/sh\n') },
    { kind: 'file', path: 'etc/xen/xl.conf', bytes: text('') },
    { kind: 'file', path: 'etc/address', bytes: text(`${parts.address}\n`) },
    { kind: 'file', path: 'etc/dropbear/host-key', bytes: parts.hostKey, mode: 0o600 },
    { kind: 'directory', path: 'root', mode: 0o700 },
    { kind: 'directory', path: 'root/.ssh', mode: 0o700 },
    { kind: 'file', path: 'root/.ssh/authorized_keys', bytes: text(`${parts.authorizedKey}\n`), mode: 0o600 },
    { kind: 'directory', path: 'root/scmi-hil' },
    { kind: 'file', path: 'root/Image', bytes: readFileSync(parts.kernel) },
    { kind: 'file', path: 'root/probe', bytes: readFileSync(parts.probe) },
    { kind: 'file', path: 'root/initrd.gz', bytes: buildGuestRamdisk(parts.packages, text(parts.guestInit)) },
  ];
  return compressed(entries);
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

function buildGuestRamdisk(packages: string, init: Uint8Array): Uint8Array {
  return compressed(base(packages, init));
}

/** Fast rather than small: it is made once, and read over a network without loss. */
function compressed(entries: readonly CpioEntry[]): Uint8Array {
  return new Uint8Array(gzipSync(writeCpio(entries), { level: 6 }));
}

/** Entries that every ramdisk begins with; the kernel opens /dev/console before the first process can make it. */
function base(packages: string, init: Uint8Array): CpioEntry[] {
  return [
    { kind: 'file', path: 'init', bytes: init, mode: 0o755 },
    ...['proc', 'sys', 'dev', 'tmp', 'run', 'var'].map(name => ({ kind: 'directory', path: name }) as const),
    { kind: 'link', path: 'var/run', target: '/run' },
    { kind: 'device', path: 'dev/console', major: 5, minor: 1 },
    { kind: 'device', path: 'dev/null', major: 1, minor: 3 },
    { kind: 'file', path: 'bin/busybox', bytes: readFileSync(find(packages, 'busybox')), mode: 0o755 },
    { kind: 'link', path: 'bin/sh', target: 'busybox' },
  ];
}

/** In the order in which they can be loaded. */
const moduleNames = [
  'virtio_mmio',
  'failover',
  'net_failover',
  'virtio_net',
  'xen-evtchn',
  'xen-privcmd',
  'xen-gntdev',
  'xen-gntalloc',
  'xenfs',
];

function modules(packages: string): CpioEntry[] {
  return moduleNames.map((name, index) => ({
    kind: 'file',
    path: `lib/modules/${String(index).padStart(2, '0')}-${name}.ko.xz`,
    bytes: readFileSync(find(packages, `${name}.ko.xz`)),
  }));
}

/** By the directory in Dom0. `usr/sbin` is where an SSH session looks. */
const programPlaces: Readonly<Record<string, readonly string[]>> = {
  'usr/sbin': ['dropbear', 'xl', 'xenstored', 'xenconsoled', 'xen-init-dom0'],
  'usr/bin': ['xenstore'],
  'usr/lib/xen-4.20/bin': ['xenconsole', 'libxl-save-helper'],
};

/** The C library opens it when a thread is cancelled. */
const opened = ['libgcc_s.so.1'];

/** The programs, and all libraries that they need, however indirectly. */
function programs(packages: string): CpioEntry[] {
  const entries: CpioEntry[] = [];
  const wanted = [...opened];
  const add = (directory: string, name: string): void => {
    const bytes = readFileSync(find(packages, name));
    entries.push({ kind: 'file', path: `${directory}/${name}`, bytes, mode: 0o755 });
    wanted.push(...neededLibraries(bytes));
  };
  for (const [directory, names] of Object.entries(programPlaces)) {
    for (const name of names) add(directory, name);
  }
  const added = new Set<string>();
  for (let library = wanted.shift(); library !== undefined; library = wanted.shift()) {
    if (added.has(library)) continue;
    added.add(library);
    add(library.startsWith('ld-') ? 'lib' : 'usr/lib/aarch64-linux-gnu', library);
  }
  return entries;
}

function find(packages: string, name: string): string {
  const found = findFile(packages, name);
  if (found !== undefined) return found;
  throw new ConfigurationError(
    `the Debian packages have no file ${name}`,
    'a release may have moved it: see the list of packages in src/lab/images/packages.ts',
  );
}
