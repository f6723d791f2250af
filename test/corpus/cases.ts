import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { projectDirectory } from '../../src/config/project-directory.ts';

/** Where the corpus is when it is there: beside the project. */
export const corpusDirectory = path.join(projectDirectory, '..', 'shared', 'corpus');

/** Folders that hold a case, by name. */
export function caseDirectories(corpus: string): readonly { name: string; directory: string }[] {
  return readdirSync(corpus)
    .map(name => ({ name, directory: path.join(corpus, name) }))
    .filter(({ directory }) => existsSync(path.join(directory, 'case.json')));
}
