/** Makes a directory and those above it. */
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';

/**
 * `mkdirSync` with `recursive` never returns where a file system answers ENOENT to every attempt (/proc).
 * @throws Error of the file system
 */
export function makeDirectory(directory: string): void {
  if (existsSync(directory)) return;
  makeDirectory(path.dirname(directory));
  mkdirSync(directory);
}
