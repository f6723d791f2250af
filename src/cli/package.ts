/** The package that this program is part of: its version and its data directories. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Directory of package.json, both in a checkout (src/cli) and installed (dist/src/cli). */
export const packageDirectory: string = findUp(import.meta.dirname);

/** Version as in package.json. */
export function packageVersion(): string {
  const description: unknown = JSON.parse(readFileSync(path.join(packageDirectory, 'package.json'), 'utf8'));
  return typeof description === 'object' && description !== null && 'version' in description
    ? String(description.version)
    : 'unknown';
}

function findUp(directory: string): string {
  if (existsSync(path.join(directory, 'package.json'))) return directory;
  const above = path.dirname(directory);
  if (above === directory) throw new Error(`no package.json above ${import.meta.dirname}`);
  return findUp(above);
}
