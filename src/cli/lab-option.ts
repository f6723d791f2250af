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

export function labOf({ lab }: LabOption, { cwd, env }: CliProcess): LoadedLab {
  return loadLab({ lab, cwd, env });
}
