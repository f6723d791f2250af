/** `scmi-hil serve`: the live page. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { serve as listen, type ServerType } from '@hono/node-server';
import { projectDirectory } from '../config/project-directory.ts';
import { messageOf } from '../config/text.ts';
import { isLoopback } from '../lab/claims.ts';
import { listScenarios } from '../scenario/load.ts';
import { serveApp } from '../serve/app.ts';
import { StartedCommands } from '../serve/started-commands.ts';
import { renderHtml } from '../verdict/report/html.ts';
import { type AddCommand, type CliProcess, exitCode, UsageError } from './command.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { addLabOption, labOf, type LabOption } from './lab-option.ts';
import { recordedRunOf } from './report-option.ts';
import { reportOfRun } from './verify.ts';

interface ServeOptions extends LabOption {
  readonly host: string;
  readonly port: string;
  readonly runs: string;
  readonly control?: boolean;
}

/** Environment variable for a token of one's own, which no list of processes shows. */
const tokenVariable = 'SCMI_HIL_TOKEN';

export const addServe: AddCommand = (program, process, done) => {
  const command = addLabOption(program.command('serve'))
    .description(
      'Serves a page with the boards, the runs that go on and those that are over. It only reads, unless --control is given.',
    )
    .option('--port <number>', 'TCP port; 0: any free one', '8585')
    .option('--host <address>', 'address to listen on; beyond loopback a token is needed', '127.0.0.1')
    .option('--runs <directory>', 'the directory of runs', 'runs')
    .option('--control', 'let the page start and cancel runs and switch boards; a token is needed')
    .action(async (options: ServeOptions) => {
      await serve(options, process);
      done(exitCode.met);
    });
  addHelpNotes(command, {
    examples: [
      ['serve', 'http://127.0.0.1:8585, for this machine only'],
      ['serve --control', 'also to start runs: the address printed has a token'],
      ['serve --host 0.0.0.0 --runs /srv/runs', `for the lab's network; ${tokenVariable} sets the token`],
    ],
    exits: {
      met: 'ended by Ctrl-C or SIGTERM; what the page started has ended too',
      usage: commonExits.usage,
      infrastructure: 'the port cannot be had',
    },
  });
};

async function serve(options: ServeOptions, process: CliProcess): Promise<void> {
  const port = portOf(options.port);
  const onlyLoopback = options.host === 'localhost' || isLoopback(options.host);
  const isControlled = options.control === true;
  labOf(options, process);
  const token = isControlled || !onlyLoopback ? tokenOf(process) : undefined;
  await using commands = new StartedCommands({
    program: [globalThis.process.execPath, path.join(projectDirectory, 'bin/scmi-hil.js')],
    cwd: process.cwd,
    env: process.env,
    now: () => new Date().toISOString(),
  });
  const quiet = { ...process, stderr: { write: () => true } as unknown as CliProcess['stderr'] };
  const judge = (directory: string) =>
    reportOfRun(directory, { strict: false }, quiet).catch((error: unknown) => {
      if (error instanceof UsageError) return undefined;
      throw error;
    });
  const app = serveApp({
    runs: path.resolve(process.cwd, options.runs),
    lab: () => labOf(options, quiet),
    access: { token, onlyLoopback },
    judge,
    report: async directory => {
      const report = await judge(directory);
      return report === undefined
        ? undefined
        : renderHtml([await recordedRunOf(report, process)], { strict: false });
    },
    scenarios: () => listScenarios().map(({ name }) => name),
    control: isControlled
      ? { commands, labArguments: options.lab === undefined ? [] : ['--lab', options.lab] }
      : undefined,
    signal: process.signal,
  });
  await using server = await listening(app.fetch, options.host, port);
  const address = `http://${hostOf(options.host)}:${server.port}/`;
  process.stdout.write(`${address}${token === undefined ? '' : `?token=${token}`}\n`);
  process.stderr.write(`${isControlled ? 'reads and controls' : 'only reads'}; Ctrl-C ends it\n`);
  if (!process.signal.aborted) await once(process.signal, 'abort');
}

/** @throws UsageError */
function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65535) return port;
  throw new UsageError(`--port ${text}: not a TCP port`, 'a number up to 65535; 0 takes any free one');
}

/** @throws UsageError for one that is easily guessed */
function tokenOf({ env }: CliProcess): string {
  const own = env[tokenVariable];
  if (own === undefined || own === '') return randomBytes(18).toString('base64url');
  if (/^[\w-]{16,}$/.test(own)) return own;
  throw new UsageError(
    `${tokenVariable}: 16 letters, digits, - or _ are expected at least`,
    'for instance of: openssl rand -hex 16',
  );
}

interface Listening extends AsyncDisposable {
  readonly port: number;
}

/** @throws UsageError where the address cannot be had */
async function listening(
  fetch: (request: Request) => Response | Promise<Response>,
  hostname: string,
  port: number,
): Promise<Listening> {
  const server = await new Promise<ServerType>((resolve, reject) => {
    const started: ServerType = listen({ fetch, hostname, port }, () => resolve(started));
    started.once('error', (error: Error) => {
      reject(
        new UsageError(`cannot listen on ${hostname} port ${port}: ${messageOf(error)}`, 'another: --port'),
      );
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      // Streams of pages that stay open.
      if ('closeAllConnections' in server) server.closeAllConnections();
      await closed;
    },
  };
}

function hostOf(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
