import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { projectDirectory } from '../../src/config/project-directory.ts';

/** Where boots were recorded, when they are there: beside the project. Names of cases are theirs in all of them. */
export const corpora: readonly string[] = ['corpus', 'corpus2']
  .map(name => path.join(projectDirectory, '..', 'shared', name))
  .filter(directory => existsSync(directory));

/** A folder that holds a case. */
export interface CaseDirectory {
  readonly name: string;
  readonly directory: string;
}

/** The cases of one corpus, or of all. */
export function caseDirectories(directories: readonly string[] = corpora): readonly CaseDirectory[] {
  return directories
    .flatMap(corpus => readdirSync(corpus).map(name => ({ name, directory: path.join(corpus, name) })))
    .filter(({ directory }) => existsSync(path.join(directory, 'case.json')));
}
