/** The lab file: it has been read when this is asked, whole or what of it is right. */
import type { ConfigurationError } from '../config/configuration-error.ts';
import type { BoardEntry, LabInParts } from '../lab/load-lab.ts';
import { displayName } from '../config/yaml-file.ts';
import type { Check } from './check.ts';
import { ok, type Said, warning, wrongFile } from './finding.ts';

export interface LabAndBoards {
  readonly lab: LabInParts;
  /** Those that are looked at. */
  readonly boards: readonly BoardEntry[];
}

export function labFileCheck({ lab }: LabAndBoards): Check {
  const count = `${lab.boards.size} ${lab.boards.size === 1 ? 'board' : 'boards'}`;
  return {
    name: 'lab',
    deadline: 1000,
    look: async () => {
      if (lab.wrong.length > 0) return mistakesIn(lab.wrong);
      return lab.file === null
        ? [
            warning(
              'no lab file: the built-in virtual boards',
              'scmi-hil init writes one for the boards of this lab',
            ),
          ]
        : [ok(`${displayName(lab.file)}: ${count}`)];
    },
  };
}

/** A finding for each mistake, once: the message of several begins with how many there are. */
function mistakesIn(errors: readonly ConfigurationError[]): Said[] {
  const hints = new Map<string, string>();
  for (const { message, hint = 'correct the file: docs/lab.md says what each field is' } of errors) {
    const lines = message.split('\n').map(line => line.trim());
    for (const each of lines.length > 1 ? lines.slice(1) : lines) if (!hints.has(each)) hints.set(each, hint);
  }
  return [...hints].map(([each, hint]) => wrongFile(each, hint));
}
