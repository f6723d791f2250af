/** Finds a file below a directory by its name. */
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';

const known = new Map<string, ReadonlyMap<string, string>>();

/** @returns the first path of a file (or of a link to one) with that name; undefined where there is none */
export function findFile(directory: string, name: string): string | undefined {
  let names = known.get(directory);
  if (names === undefined) {
    names = namesBelow(directory);
    known.set(directory, names);
  }
  return names.get(name);
}

function namesBelow(directory: string): Map<string, string> {
  const names = new Map<string, string>();
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const file = path.join(entry.parentPath, entry.name);
    if (names.has(entry.name) || entry.isDirectory()) continue;
    if (entry.isSymbolicLink() && statSync(file, { throwIfNoEntry: false })?.isFile() !== true) continue;
    names.set(entry.name, file);
  }
  return names;
}
