/** The project's own sources in the images: when they change, the images are built again. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { loadFirmwareProfile } from '../../board/firmware-profile.ts';
import { projectDirectory } from '../../config/project-directory.ts';
import { firmwareTables } from './firmware-tables.ts';

const directories = ['common', 'probe', 'qemu-virt/el3', 'qemu-virt/dom0'];
/** Neither documents nor what a compiler has made. */
const source = /(^|\/)(Makefile|init|guest-init|[^/]+\.(c|h|S|ld|mk))$/;

/** @returns SHA-256, in hexadecimal, of the sources of the EL3 firmware, the probe and Dom0's scripts */
export async function firmwareSourcesChecksum(): Promise<string> {
  const hash = createHash('sha256');
  hash.update(firmwareTables(loadFirmwareProfile('qemu-virt')));
  for (const directory of directories) {
    const above = path.join(projectDirectory, 'firmware', directory);
    const names = await readdir(above, { recursive: true });
    for (const name of names.toSorted()) {
      if (source.test(name))
        hash.update(`${directory}/${name}\0`).update(await readFile(path.join(above, name)));
    }
  }
  return hash.digest('hex');
}
