/** Room and permission for what runs write. */
import { access, constants, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { displayName } from '../config/yaml-file.ts';
import type { Check, Circumstances } from './check.ts';
import { brokenLab, warning, ok } from './finding.ts';

/** Bytes: a run of an hour with a talkative console is some ten megabytes. */
const tooLittle = 50_000_000;
const little = 1_000_000_000;

export function diskCheck({ runs }: Pick<Circumstances, 'runs'>): Check {
  return {
    name: 'disk',
    deadline: 20_000,
    look: async () => {
      const directory = await existing(runs);
      const name = displayName(directory) || '.';
      if (!(await isWritable(directory))) {
        return [
          brokenLab(
            `${name}: this user may not write there, where runs are kept`,
            `sudo chown "$USER" ${name}, or --runs`,
          ),
        ];
      }
      const { bavail, bsize } = await statfs(directory);
      const free = bavail * bsize;
      const words = `${(free / 1e9).toFixed(1)} GB free under ${name}`;
      if (free < tooLittle)
        return [brokenLab(words, 'remove old runs: a run whose recording cannot be written fails')];
      return [free < little ? warning(words, 'remove old runs before the disk is full') : ok(words)];
    },
  };
}

/** The directory, or the nearest above it that exists. */
async function existing(directory: string): Promise<string> {
  const found = await stat(directory).catch(() => undefined);
  if (found?.isDirectory() === true) return directory;
  const above = path.dirname(directory);
  return above === directory ? directory : existing(above);
}

async function isWritable(directory: string): Promise<boolean> {
  return access(directory, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
}
