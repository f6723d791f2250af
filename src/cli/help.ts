/** The second half of every command's `--help`: examples and exit codes. */
import type { Command } from 'commander';
import { exitCode } from './command.ts';

export interface HelpNotes {
  /** A command line without `scmi-hil`, and what it is for. */
  readonly examples: readonly (readonly [commandLine: string, purpose: string])[];
  /** Meaning of the exit codes for this command; only those that it can end with. */
  readonly exits: Partial<Record<keyof typeof exitCode, string>>;
}

/** Meanings that most commands share. */
export const commonExits = {
  usage: 'the command line, a file or the configuration is wrong',
  interrupted: 'interrupted (Ctrl-C, SIGTERM)',
} as const;

/** Puts examples and exit codes under the options that commander prints. */
export function addHelpNotes(command: Command, { examples, exits }: HelpNotes): Command {
  const exampleLines = examples.map(([commandLine, purpose]) => `  # ${purpose}\n  scmi-hil ${commandLine}`);
  const exitLines = Object.entries(exitCode)
    .map(([name, code]) => [code, exits[name as keyof typeof exitCode]] as const)
    .filter(([, meaning]) => meaning !== undefined)
    .map(([code, meaning]) => `  ${String(code).padEnd(4)} ${meaning}`);
  return command.addHelpText(
    'after',
    ['', 'Examples:', ...exampleLines, '', 'Exit codes:', ...exitLines].join('\n'),
  );
}
