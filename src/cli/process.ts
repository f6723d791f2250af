/** The operating system's process around the command line: signals, closed pipes, the exit code. */
import { type CliProcess, exitCode } from './command.ts';
import { main } from './main.ts';

/** How long handles that a command left open may keep the process alive after its end, in milliseconds. */
const lingerMilliseconds = 2000;

/** Runs the command line on this process and sets its exit code. */
export async function runAsProcess(): Promise<void> {
  const controller = new AbortController();
  abortOnSignals(controller);
  abortWhenNobodyReads(controller);
  process.exitCode = await main(process.argv.slice(2), thisProcess(controller.signal));
  setTimeout(() => process.exit(), lingerMilliseconds).unref();
}

function thisProcess(signal: AbortSignal): CliProcess {
  const { stdout, stderr, stdin, env } = process;
  return { stdout, stderr, stdin, cwd: process.cwd(), env, signal };
}

/** The first signal lets clean-up run; a second Ctrl-C does not wait for it. */
function abortOnSignals(controller: AbortController): void {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted && name === 'SIGINT') process.exit(exitCode.interrupted);
      controller.abort(new Error(`interrupted by ${name}`));
    });
  }
}

/** `scmi-hil ... | head`: the rest of the output is not wanted, and that is no error worth a message. */
function abortWhenNobodyReads(controller: AbortController): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      controller.abort(error);
    });
  }
}
