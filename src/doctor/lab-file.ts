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
  /** The only board that is looked at; undefined: all of the lab. */
  readonly named?: string | undefined;
}

export function labFileCheck({ lab, named }: LabAndBoards): Check {
  const count = `${lab.boards.size} ${lab.boards.size === 1 ? 'board' : 'boards'}`;
  return {
    name: 'lab',
    deadline: 20_000,
    look: async () => {
      const mistakes = mistakesIn(lab, named);
      if (mistakes.length > 0) return mistakes;
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

/** Each board stands for itself: mistakes of others are no problem of the board that is looked at. */
function mistakesIn({ topError, wrong }: LabInParts, named: string | undefined): Said[] {
  const others = [...wrong].filter(([name]) => named !== undefined && name !== named);
  const own = [...wrong].filter(([name]) => named === undefined || name === named);
  return [
    ...(topError === undefined ? [] : eachMistake(topError, wrongFile)),
    ...own.flatMap(([, { error }]) => eachMistake(error, wrongFile)),
    ...others.flatMap(([, { error }]) => eachMistake(error, warning)),
  ];
}

/** A finding for each mistake: the message of several begins with how many there are. */
function eachMistake({ message, hint = usualHint }: ConfigurationError, said: typeof warning): Said[] {
  const lines = message.split('\n').map(line => line.trim());
  return (lines.length > 1 ? lines.slice(1) : lines).map(each => said(each, hint));
}

const usualHint = 'correct the file: docs/lab.md says what each field is';
