/** The lab file: it has been read when this is asked. */
import type { BoardEntry, LoadedLab } from '../board/load-lab.ts';
import { displayName } from '../board/yaml-file.ts';
import type { Check } from './check.ts';
import { hint, ok } from './finding.ts';

export interface LabAndBoards {
  readonly lab: LoadedLab;
  /** Those that are looked at. */
  readonly boards: readonly BoardEntry[];
}

export function labFileCheck({ lab }: LabAndBoards): Check {
  const count = `${lab.boards.size} ${lab.boards.size === 1 ? 'board' : 'boards'}`;
  return {
    name: 'lab',
    deadline: 1000,
    look: async () =>
      lab.file === null
        ? [
            hint(
              'no lab file: the built-in virtual boards',
              'scmi-hil init writes one for the boards of this lab',
            ),
          ]
        : [ok(`${displayName(lab.file)}: ${count}`)],
  };
}
