import { readdir } from 'node:fs/promises';
import { dirname, join, matchesGlob } from 'node:path';
import { DriverError } from '../driver-error.ts';

/**
 * The one device that a path means. The last part of the path may be a pattern (`*`, `?`): by-id and by-path
 * names are long, and a part of them often tells adapters apart.
 *
 * @throws DriverError that lists what there is, where none or several match
 */
export async function findPort(path: string): Promise<string> {
  if (!/[*?]/.test(path)) {
    return path;
  }

  const directory = dirname(path);
  const names = (await readdir(directory).catch(() => [])).toSorted((one, other) => one.localeCompare(other));
  const found = names.map(name => join(directory, name)).filter(candidate => matchesGlob(candidate, path));
  const [port] = found;
  if (port !== undefined && found.length === 1) {
    return port;
  }

  const attempt = `find ${path}`;
  throw port === undefined
    ? new DriverError(
        attempt,
        names.length === 0 ? `there is nothing in ${directory}` : `no device matches; ${list(names)}`,
        'plug the adapter in, or correct the pattern in the lab file',
      )
    : new DriverError(
        attempt,
        `${found.length} devices match: ${found.join(', ')}`,
        'make the pattern longer; -ifNN tells the ports of one adapter apart, /dev/serial/by-path adapters of one name',
      );
}

function list(names: readonly string[]): string {
  return `there are ${names.join(', ')}`;
}
