import { DriverError } from '../driver-error.ts';
import type { PowerDriver } from './power.ts';
import { runShell, type ShellOutcome } from './shell-command.ts';

export interface PowerCommands {
  readonly on: string;
  readonly off: string;
  /** Prints `on` or `off`. */
  readonly state?: string;
}

/**
 * A switch that shell commands work; exit status 0 is success.
 *
 * @param commands for `/bin/sh`
 */
export function powerCommand(commands: PowerCommands): PowerDriver {
  return {
    name: 'commands of the lab file',
    on: async signal => {
      await run('power on', commands.on, signal);
    },
    off: async signal => {
      await run('power off', commands.off, signal);
    },
    state: async signal => {
      const { state } = commands;
      return state === undefined
        ? 'unknown'
        : readState(state, await run('ask for the power', state, signal));
    },
  };
}

async function run(what: string, command: string, signal: AbortSignal): Promise<string> {
  const attempt = `${what} by "${command}"`;
  const outcome = await runShell(command, attempt, signal);
  if (outcome.status !== 0) {
    throw new DriverError(attempt, failureOf(outcome), 'run the command by hand; it is in the lab file');
  }

  return outcome.stdout;
}

function readState(command: string, output: string): 'on' | 'off' {
  const word = output.trim().toLowerCase();
  if (word === 'on' || word === 'off') {
    return word;
  }

  throw new DriverError(
    `ask for the power by "${command}"`,
    `it printed "${word.slice(0, 200)}"`,
    'let the command in the lab file print on or off, and nothing else',
  );
}

function failureOf({ status, killer, tail }: ShellOutcome): string {
  const how = status === null ? `it was ended by ${killer}` : `exit status ${status}`;
  return tail === '' ? `${how}, without output` : `${how}, output:\n${tail}`;
}
