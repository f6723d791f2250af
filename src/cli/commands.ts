/**
 * All commands, in the order of the help. `load` imports a command's module only when it is asked for; a new
 * command is a file src/cli/<name>.ts that exports an `AddCommand`, and one row here.
 */
import type { AddCommand } from './command.ts';

export interface CommandRow {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  readonly load: () => Promise<AddCommand>;
}

export const commands: readonly CommandRow[] = [];
