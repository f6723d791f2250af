/** The command line: finds the command, runs it, and turns every ending into an exit code. */
import { hintAt } from '../config/nearest-name.ts';
import { messageOf } from '../config/text.ts';
import { Command, CommanderError, Help, type Option } from 'commander';
import { ConfigurationError } from '../config/configuration-error.ts';
import { DriverError } from '../lab/drivers/driver-error.ts';
import { type CliProcess, exitCode, UsageError } from './command.ts';
import { commands } from './commands.ts';
import { packageVersion } from './package.ts';

/**
 * Runs one command line.
 * @param argv arguments without the interpreter's and the program's names
 * @param process where it reads, prints and is interrupted
 * @returns the exit code (command.ts); never throws for what a user, a lab or a board did
 */
export async function main(argv: readonly string[], process: CliProcess): Promise<number> {
  let code: number = exitCode.met;
  try {
    const program = createProgram(process);
    await addCommands(program, argv, process, reported => {
      code = reported;
    });
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    code = explain(error, argv, process);
  }
  return argv.includes('--bisect') ? bisectCode(code) : code;
}

/** For `git bisect run`: a revision of which nothing was learned is skipped (git-bisect(1), "Bisect run"). */
function bisectCode(code: number): number {
  const isUntold = code === exitCode.usage || code === exitCode.infrastructure;
  return isUntold ? exitCode.skip : code;
}

function createProgram(process: CliProcess): Command {
  return new Command('scmi-hil')
    .description(
      'Tests the Xen SCMI mediator on boards: a model predicts, a board runs, the verdict compares.',
    )
    .version(packageVersion(), '-V, --version')
    .option('--debug', 'print stack traces of errors')
    .configureOutput({
      writeOut: text => process.stdout.write(text),
      writeErr: text => process.stderr.write(text),
      // Errors are printed once, by `explain`.
      outputError: () => undefined,
    })
    .configureHelp({ optionDescription: withoutEmptyDefault })
    .exitOverride()
    .addHelpText('after', '\nEach command: scmi-hil COMMAND --help. Documentation: scmi-hil help');
}

/** An option that may be given several times has an empty list as its default: that is no news. */
function withoutEmptyDefault(option: Option): string {
  return new Help().optionDescription(option).replace(' (default: [])', '');
}

/** Modules of commands that this command line does not name are not loaded: start-up stays quick. */
async function addCommands(
  program: Command,
  argv: readonly string[],
  process: CliProcess,
  done: (code: number) => void,
): Promise<void> {
  for (const { name, summary, load } of commands) {
    if (argv.includes(name)) {
      (await load())(program, process, done);
      program.commands.find(each => each.name() === name)?.summary(summary);
    } else {
      program.command(name).summary(summary);
    }
  }
}

/** Prints an error as a line and what to do about it, and says which exit code it is. */
function explain(error: unknown, argv: readonly string[], process: CliProcess): number {
  const { text, hint, code } = describe(error, argv, process.signal);
  if (text !== undefined)
    process.stderr.write(`scmi-hil: ${text}\n${hint === undefined ? '' : `  ${hint}\n`}`);
  if (argv.includes('--debug') && text !== undefined) process.stderr.write(`${stack(error)}\n`);
  return code;
}

interface Ending {
  readonly text?: string;
  readonly hint?: string | undefined;
  readonly code: number;
}

function describe(error: unknown, argv: readonly string[], signal: AbortSignal): Ending {
  if (error instanceof CommanderError) return describeParsing(error, argv);
  if (error instanceof UsageError || error instanceof ConfigurationError) {
    return { text: error.message, hint: error.hint, code: exitCode.usage };
  }
  if (signal.aborted) return interrupted(signal.reason);
  if (error instanceof DriverError) {
    return { text: error.message, hint: error.hint, code: exitCode.infrastructure };
  }
  return {
    text: `internal error: ${messageOf(error)}`,
    hint: argv.includes('--debug') ? undefined : 'run it again with --debug and report what it prints',
    code: exitCode.infrastructure,
  };
}

function describeParsing(error: CommanderError, argv: readonly string[]): Ending {
  if (error.exitCode === 0) return { code: exitCode.met };
  if (error.code === 'commander.help') return { code: exitCode.usage };
  const command = commands.find(({ name }) => name === argv.find(each => !each.startsWith('-')));
  const help = `see: scmi-hil ${command === undefined ? '' : `${command.name} `}--help`;
  const text = error.message.replace(/^error: /, '').replace('\n', ' ');
  const [, option, given, name, choices] = choiceError.exec(text) ?? [];
  if (given === undefined || choices === undefined) return { text, hint: help, code: exitCode.usage };
  const hint = hintAt(given, choices.split(', '));
  const what = option === undefined ? `there is no ${name} ${given}` : `${option} ${given}: not a choice`;
  return { text: what, hint, code: exitCode.usage };
}

/** Commander's words for a value that is none of some. */
const choiceError =
  /^(?:option '([^' ]+)[^']*' argument|command-argument value) '(.*)' is invalid(?: for argument '(.*)')?\. Allowed choices are (.*)\.$/;

/** Output that cannot be written: `process.ts` has said so, or it was a closed pipe (`scmi-hil run ... | head`). */
function interrupted(reason: unknown): Ending {
  const { interrupted: code } = exitCode;
  if (reason instanceof Error && 'syscall' in reason) return { code };
  return { text: reason instanceof Error ? reason.message : 'interrupted', code };
}

function stack(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? error.message;
  return error.cause === undefined ? own : `${own}\ncaused by: ${stack(error.cause)}`;
}
