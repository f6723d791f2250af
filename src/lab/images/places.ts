/** Where the images of an emulated board are kept on this machine. */
import { realpathSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** `$XDG_CACHE_HOME/scmi-hil/TYPE`, or `~/.cache/scmi-hil/TYPE`. */
export function imageDirectory(type: string, env: Readonly<Record<string, string | undefined>>): string {
  const cache = env['XDG_CACHE_HOME'];
  const above = cache !== undefined && path.isAbsolute(cache) ? cache : path.join(os.homedir(), '.cache');
  return path.join(above, 'scmi-hil', type);
}

/**
 * Where the images are that were built last. A build makes a directory of its own and then has the link point to it,
 * so a run that resolved it before keeps its images and keys.
 * @returns the directory itself, not the link; the link's own path where nothing was built
 */
export function builtDirectory(type: string, env: Readonly<Record<string, string | undefined>>): string {
  return currentSet(imageDirectory(type, env));
}

/** The same below a given image directory. */
export function currentSet(directory: string): string {
  const link = path.join(directory, currentName);
  try {
    return realpathSync(link);
  } catch {
    return link;
  }
}

/** Name of the link to the set that was built last. */
export const currentName = 'current';

/** Files that a board is started with, and what logs in to it. */
export const imageFiles = {
  firmware: 'el3.bin',
  'u-boot': 'u-boot.bin',
  xen: 'xen',
  /** In place of Xen; also among Dom0's files (`dom0.probe` of the board type). */
  probe: 'probe',
  kernel: 'kernel',
  ramdisk: 'ramdisk',
} as const;

/** Private key for the login to Dom0, and the fingerprint of Dom0's own. */
export const keyFiles = { user: 'user-key', hostFingerprint: 'host-key.fingerprint' } as const;
