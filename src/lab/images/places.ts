/** Where the images of an emulated board are kept on this machine. */
import os from 'node:os';
import path from 'node:path';

/** `$XDG_CACHE_HOME/scmi-hil/TYPE`, or `~/.cache/scmi-hil/TYPE`. */
export function imageDirectory(type: string, env: Readonly<Record<string, string | undefined>>): string {
  const cache = env['XDG_CACHE_HOME'];
  const above = cache !== undefined && path.isAbsolute(cache) ? cache : path.join(os.homedir(), '.cache');
  return path.join(above, 'scmi-hil', type);
}

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

/** Private key of whoever logs in to Dom0, and the fingerprint of Dom0's own. */
export const keyFiles = { user: 'user-key', hostFingerprint: 'host-key.fingerprint' } as const;
