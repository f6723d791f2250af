/**
 * One command over SSH, framed: markers before and after its outputs tell them from what a profile, a banner or a
 * wrapper prints at each login, and its exit status stands in the last marker.
 */
import { randomBytes } from 'node:crypto';
import { DriverError } from '../../lab/drivers/driver-error.ts';
import type { SshResult, SshSession } from '../../lab/drivers/ssh/ssh.ts';
import { putByShell } from '../../lab/drivers/ssh/put-by-shell.ts';
import { NotWritten } from '../../lab/drivers/ssh/not-written.ts';
import type { DomainShell } from './framed-shell.ts';

/**
 * Where the administrator's programs may be. sshd and dropbear give a command only what they were built with, often
 * `/usr/bin:/bin`; xl is in /usr/sbin (Debian), in /usr/local/sbin (`make install` of Xen), or below /opt.
 */
export const programDirectories =
  '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/xen/sbin';

/** A session whose commands are framed. */
export function framedSession(session: SshSession): DomainShell {
  const shell: DomainShell = {
    name: session.name,
    async exec(command, options) {
      const tag = randomBytes(4).toString('hex');
      const result = await session.exec(framed(command, tag), options);
      return unframed(result, tag, command, session.name);
    },
    async put(path, bytes, options) {
      try {
        return await session.put(path, bytes, options);
      } catch (error) {
        // Output of a profile spoils the driver's own reading of `wc`.
        if (!(error instanceof NotWritten)) throw error;
        return putByShell(shell, path, bytes, options);
      }
    },
    close: () => session.close(),
  };
  return shell;
}

/**
 * Runs several commands as one, which costs a slow console or a new session once.
 * @returns the result of each
 * @throws what `exec` throws; DriverError where one of them did not run, or did not end
 */
export async function execAll(
  shell: DomainShell,
  commands: readonly string[],
  options: Parameters<DomainShell['exec']>[1],
): Promise<readonly SshResult[]> {
  const tagged = commands.map(command => ({ command, tag: randomBytes(4).toString('hex') }));
  const all = tagged.map(({ command, tag }) => marked(`sh -c ${quoted(command)}`, tag)).join(';');
  const result = await shell.exec(all, options);
  return tagged.map(({ command, tag }) => unframed(result, tag, command, shell.name));
}

/** The quotes keep the markers out of what `set -x` or an error may print of the command. */
export function framed(command: string, tag: string): string {
  return marked(`PATH="$PATH:${programDirectories}" sh -c ${quoted(command)}`, tag);
}

function marked(command: string, tag: string): string {
  const [begin, end] = [`echo "<"${tag}`, `echo ">"${tag}`];
  return `${begin};${begin} >&2;${command};${end} $?;${end} >&2`;
}

function quoted(command: string): string {
  return `'${command.replaceAll("'", String.raw`'\''`)}'`;
}

/**
 * The text between the markers.
 * @throws DriverError, the lab's, where they are not there: the command did not run, or did not end
 */
export function unframed(
  { status, stdout, stderr }: SshResult,
  tag: string,
  command: string,
  name: string,
): SshResult {
  const output = between(stdout, tag);
  const ended = new RegExp(`>${tag} (\\d+)`).exec(stdout)?.[1];
  if (output === undefined || ended === undefined) {
    const came = `${stdout}${stderr}`.trim().slice(0, 200);
    throw new NotRun(
      `run "${command}" as ${name}`,
      came === ''
        ? `no output came, not even that of \`echo\` (exit status ${status})`
        : `its shell did not run it (exit status ${status}), got "${came}"`,
      'log in by hand and run it: the login shell has to run commands (no menu, no forced command)',
    );
  }
  return { status: Number(ended), stdout: output, stderr: between(stderr, tag) ?? stderr };
}

function between(text: string, tag: string): string | undefined {
  const begin = `<${tag}\n`;
  const from = text.indexOf(begin);
  const to = text.lastIndexOf(`>${tag}`);
  return from < 0 || to < 0 ? undefined : text.slice(from + begin.length, to);
}

/** A program is not there, or cannot be run: of what it was to show nothing is learned. */
export class NotRun extends DriverError {
  readonly blames = 'lab';
}

/** The exit statuses of a shell that found no such program, or could not run it (POSIX.1, XCU 2.8.2). */
export function couldNotRun({ status }: Pick<SshResult, 'status'>): boolean {
  return status === 126 || status === 127;
}
