/** The operating system's process around the command line: signals, closed pipes, the exit code. */
import { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { type CliProcess, exitCode } from './command.ts';
import { main } from './main.ts';

/** How long handles that a command left open may keep the process alive after its end, in milliseconds. */
const lingerMilliseconds = 2000;

/** Runs the command line on this process and sets its exit code. */
export async function runAsProcess(): Promise<void> {
  const controller = new AbortController();
  abortOnSignals(controller);
  abortWithLauncher(controller);
  const unwritable = abortWhenUnwritable(controller);
  const code = await main(process.argv.slice(2), thisProcess(controller.signal));
  // A stream tells its errors after the write.
  await setImmediate();
  process.exitCode = unwritable() === undefined ? code : exitCode.infrastructure;
  setTimeout(() => process.exit(), lingerMilliseconds).unref();
}

function thisProcess(signal: AbortSignal): CliProcess {
  const { stdout, stderr, stdin, env } = process;
  return { stdout, stderr, stdin, cwd: process.cwd(), env, signal };
}

/** The first signal lets clean-up run; a second Ctrl-C does not wait for it. */
function abortOnSignals(controller: AbortController): void {
  let first: number | undefined;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      first ??= performance.now();
      if (name === 'SIGINT' && performance.now() - first > oneCtrlC) process.exit(exitCode.interrupted);
      controller.abort(new Error(`interrupted by ${name}`));
    });
  }
}

/** Milliseconds in which one Ctrl-C comes twice: from the terminal, and from the launcher (bin/scmi-hil.js). */
const oneCtrlC = 500;

/** The launcher was killed: nobody can interrupt this process any more, so that is an interruption. */
function abortWithLauncher(controller: AbortController): void {
  const descriptor = Number(process.env['SCMI_HIL_LAUNCHER']);
  // Programs that this one starts have no such launcher.
  delete process.env['SCMI_HIL_LAUNCHER'];
  if (!(descriptor > 2)) return;
  new Socket({ fd: descriptor, readable: true, writable: false })
    .on('error', () => undefined)
    .on('close', () => controller.abort(new Error('interrupted: its launcher was killed')))
    .resume()
    .unref();
}

/**
 * `scmi-hil ... | head`: the rest of the output is not wanted, and that is no error worth a message. Any other output
 * that cannot be written, a full disk for instance, is one.
 * @returns which error that was, once there was one
 */
function abortWhenUnwritable(controller: AbortController): () => NodeJS.ErrnoException | undefined {
  let unwritable: NodeJS.ErrnoException | undefined;
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (unwritable === undefined && error.code !== 'EPIPE' && !controller.signal.aborted) {
        unwritable = error;
        process.stderr.write(
          `scmi-hil: write the output: ${error.message}\n  make room where the output goes, or send it elsewhere\n`,
        );
      }
      controller.abort(error);
    });
  }
  return () => unwritable;
}
