/** A file by a command that writes its standard input: where there is a shell and no better way. */
import { NotWritten } from './not-written.ts';
import type { PutOptions, SshResult } from './ssh.ts';

/** A shell that can run a command: an SSH session, a shell on a serial console. */
export interface Shell {
  readonly name: string;
  exec(
    command: string,
    options: { readonly stdin?: Uint8Array; readonly signal: AbortSignal },
  ): Promise<SshResult>;
}

/**
 * Writes a file, and the directories that it is in; one that is there is replaced. Its size is asked for afterwards.
 * @throws NotWritten where the command fails or the size is another, and whatever `exec` throws
 */
export async function putByShell(
  shell: Shell,
  path: string,
  bytes: Uint8Array,
  { signal, onProgress }: PutOptions,
): Promise<'shell'> {
  const { status, stdout, stderr } = await shell.exec(writeStandardInput(path), { stdin: bytes, signal });
  const attempt = `send ${path} to ${shell.name}`;
  if (status !== 0) {
    const why = `it was not written (status ${status})${stderr.trim() === '' ? '' : `: ${stderr.trim()}`}`;
    throw new NotWritten(attempt, why, 'see whether that user may write there, and whether the disk is full');
  }
  const size = Number.parseInt(stdout, 10);
  if (size !== bytes.length) {
    const why = `${bytes.length} bytes were sent, ${Number.isNaN(size) ? 'an unknown number' : size} arrived`;
    throw new NotWritten(attempt, why, 'see whether the disk is full (df)');
  }
  onProgress?.(bytes.length);
  return 'shell';
}

function writeStandardInput(path: string): string {
  const directory = path.slice(0, path.lastIndexOf('/')) || '/';
  return `mkdir -p ${quoted(directory)} && cat > ${quoted(path)} && wc -c < ${quoted(path)}`;
}

function quoted(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
