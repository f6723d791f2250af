/** `--lab`, which every command about boards has. */
import type { Command } from 'commander';
import { type LoadedLab, loadLab } from '../lab/load-lab.ts';
import type { CliProcess } from './command.ts';

export interface LabOption {
  readonly lab?: string;
}

export function addLabOption(command: Command): Command {
  return command.option(
    '--lab <file>',
    'the lab file; else ./lab.yaml, else ~/.config/scmi-hil/lab.yaml, else three virtual boards',
  );
}

/**
 * The lab, with a warning for each board of it that is wrong.
 * @param named boards that the command is about: for them their own error is thrown where they are looked up
 */
export function labOf({ lab }: LabOption, process: CliProcess, named: readonly string[] = []): LoadedLab {
  const { cwd, env } = process;
  const loaded = loadLab({ lab, cwd, env });
  for (const name of loaded.wrong.keys()) if (!named.includes(name)) warnOfWrong(loaded, name, process);
  return loaded;
}

/** Prints the mistakes of a board that the command does without; nothing for a board that is right. */
export function warnOfWrong({ wrong }: LoadedLab, name: string, { stderr }: CliProcess): void {
  const error = wrong.get(name)?.error;
  if (error === undefined) return;
  const hint = error.hint === undefined ? '' : `  hint: ${error.hint}\n`;
  stderr.write(`warning: board ${name}: ${error.message}\n${hint}`);
}
