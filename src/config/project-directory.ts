/** Where the data that comes with the program is: boards/, firmware/, scenarios/. */
import { existsSync } from 'node:fs';
import path from 'node:path';

/** The directory of package.json, in a checkout (above src/board) as installed (above dist/src/board). */
export const projectDirectory: string = findUp(import.meta.dirname);

function findUp(directory: string): string {
  if (existsSync(path.join(directory, 'package.json'))) return directory;
  const above = path.dirname(directory);
  if (above === directory) throw new Error(`no package.json above ${import.meta.dirname}`);
  return findUp(above);
}
