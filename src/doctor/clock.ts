/** The machine's clock: a board computer without a battery believes to be in 1970 after each start. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { projectDirectory } from '../config/project-directory.ts';
import type { Check, Circumstances } from './check.ts';
import { brokenLab, warning, ok } from './finding.ts';
import type { LabAndBoards } from './lab-file.ts';

/** No version of this program is older. */
const released = new Date('2026-01-01T00:00:00Z');
/** Milliseconds by which a file may be ahead: clocks of file servers differ. */
const tolerance = 60_000;
const hint = 'set it: timedatectl set-ntp true';

export function clockCheck({ now, lab, runs }: Pick<Circumstances, 'now' | 'runs'> & LabAndBoards): Check {
  return {
    name: 'clock',
    deadline: 20_000,
    look: async () => {
      const time = now();
      const words = `the clock says ${time.toISOString()}`;
      if (time < released) return [brokenLab(`${words}, before this program was written`, hint)];
      const files = [
        path.join(projectDirectory, 'package.json'),
        runs,
        ...(lab.file === null ? [] : [lab.file]),
      ];
      const latest = await latestOf(files);
      if (latest !== undefined && latest.changed.getTime() > time.getTime() + tolerance) {
        return [warning(`${words}, and ${latest.file} is of ${latest.changed.toISOString()}`, hint)];
      }
      return [ok(words)];
    },
  };
}

async function latestOf(files: readonly string[]): Promise<{ file: string; changed: Date } | undefined> {
  const times = await Promise.all(
    files.map(async file => {
      const found = await stat(file).catch(() => undefined);
      return found === undefined ? [] : [{ file, changed: found.mtime }];
    }),
  );
  return times.flat().toSorted((one, other) => other.changed.getTime() - one.changed.getTime())[0];
}
