import { DriverError } from '../driver-error.ts';
import type { PowerDriver } from './power.ts';
import { runShell, type ShellOutcome } from './shell-command.ts';

export interface PowerCommands {
  readonly on: string;
  readonly off: string;
  /** Prints `on` or `off`. */
  readonly state?: string | undefined;
}

/**
 * A switch that shell commands work; exit status 0 is success. The commands are never shown: they may have secrets in
 * them.
 *
 * @param commands for `/bin/sh`
 * @param environment of the commands
 */
export function powerCommand(
  commands: PowerCommands,
  environment: NodeJS.ProcessEnv = process.env,
): PowerDriver {
  const run = async (attempt: string, field: keyof PowerCommands, command: string, signal: AbortSignal) => {
    const where = `${attempt} by the command power.${field}`;
    const outcome = await runShell(command, where, signal, environment);
    if (outcome.status === 0) return outcome.stdout;
    throw new DriverError(where, failureOf(outcome), 'run the command by hand; it is in the lab file');
  };
  return {
    name: 'commands of the lab file',
    on: async signal => {
      await run('power on', 'on', commands.on, signal);
    },
    off: async signal => {
      await run('power off', 'off', commands.off, signal);
    },
    state: async signal => {
      if (commands.state === undefined) return 'unknown';
      return readState(await run('ask for the power', 'state', commands.state, signal));
    },
  };
}

function readState(output: string): 'on' | 'off' {
  const word = output.trim().toLowerCase();
  if (word === 'on' || word === 'off') return word;
  throw new DriverError(
    'ask for the power by the command power.state',
    `it printed "${word.slice(0, 200)}"`,
    'let the command in the lab file print on or off, and nothing else',
  );
}

function failureOf({ status, killer, tail }: ShellOutcome): string {
  const how = status === null ? `it was ended by ${killer}` : `exit status ${status}`;
  return tail === '' ? `${how}, without output` : `${how}, output:\n${tail}`;
}
