/** The package that this program is. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { projectDirectory } from '../config/project-directory.ts';

/** Version as in package.json. */
export function packageVersion(): string {
  const description: unknown = JSON.parse(readFileSync(path.join(projectDirectory, 'package.json'), 'utf8'));
  return typeof description === 'object' && description !== null && 'version' in description
    ? String(description.version)
    : 'unknown';
}
