/**
 * Files put into the directory of a lab's own TFTP server. It does not say what it is asked for; all that is put
 * there is taken away again, and what was there before is put back.
 */
import { messageOf } from '../../../config/text.ts';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { DriverError } from '../driver-error.ts';
import { takeHold } from '../hold-file.ts';
import { fileTable } from './files.ts';
import { InTheWay, makeDirectories, removeEmpty, stage, unstage } from './staged-files.ts';
import type { TftpBoard, TftpServer } from './tftp.ts';

export interface StagingOptions {
  /** Address and port of the lab's server, as the board reaches it. */
  readonly address: string;
  readonly port: number;
  /** The server's directory on this machine. */
  readonly root: string;
  /** Directory below the root as the board asks for it, with its slash: `rpi5-01/`; '' for the root itself. */
  readonly below: string;
}

/**
 * A server that serves what is in a directory. Its `serve` throws DriverError where the directory cannot be
 * written, or another process has its files there.
 */
export function stagingTftp({ address, port, root, below }: StagingOptions): TftpServer {
  const served = new Set<AsyncDisposable>();
  const close = async (): Promise<void> => {
    for (const each of served) await each[Symbol.asyncDispose]();
  };
  return {
    address,
    port,
    observes: false,
    ...(below !== '' && { below }),
    serve: async board => {
      const files = await putFiles(root, path.join(root, below), board);
      const handle = {
        [Symbol.asyncDispose]: async () => {
          if (served.delete(handle)) await files.disposeAsync();
        },
      };
      served.add(handle);
      return handle;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Beside the files: who has put them there, which they are, and what stood in their places. */
export const stagingState = '.scmi-hil';

async function putFiles(root: string, directory: string, board: TftpBoard): Promise<AsyncDisposableStack> {
  const { name, onNote } = board;
  const attempt = `put the files of ${name} into ${directory}`;
  const state = path.join(directory, stagingState);
  try {
    await requireDirectory(root, attempt);
    await using stack = new AsyncDisposableStack();
    let made = await makeDirectories(directory);
    stack.defer(() => removeEmpty([...made, state]));
    const hold = stack.use(
      await takeHold(path.join(state, 'hold'), { attempt, command: `files of ${name}` }),
    );
    const left = await unstage(directory, state);
    made = [...left.directories, ...made];
    if (left.names.length > 0) {
      const whose = hold.tookOver === undefined ? '' : ` by process ${hold.tookOver.pid}, which is gone`;
      onNote?.(`took away what was left in ${directory}${whose}: ${left.names.join(', ')}`);
    }
    stack.defer(async () => void (await unstage(directory, state)));
    await stage(directory, state, filesOf(board, attempt), made);
    return stack.move();
  } catch (error) {
    throw error instanceof DriverError ? error : cannot(attempt, error);
  }
}

function filesOf({ name, files }: TftpBoard, attempt: string): TftpBoard['files'] {
  const table = fileTable(name, files).files;
  const outside = [...table.keys()].find(each => each.split('/').includes('..'));
  if (outside === undefined) return table;
  throw new DriverError(attempt, `${outside} leads upwards`, 'see the names of files in the board type');
}

async function requireDirectory(root: string, attempt: string): Promise<void> {
  const found = await stat(root).catch(() => undefined);
  if (found?.isDirectory() === true) return;
  throw new DriverError(
    attempt,
    `there is no directory ${root} on this machine`,
    'see tftp.path of the lab file; is it mounted?',
  );
}

function cannot(attempt: string, error: unknown): DriverError {
  const why = messageOf(error);
  if (error instanceof InTheWay) return new DriverError(attempt, why, 'move it out of the way');
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const hint = hints[code] ?? "see tftp.path of the lab file, and the directory's permissions";
  return new DriverError(attempt, why, hint, { cause: error });
}

const hints: Readonly<Record<string, string>> = {
  EACCES: 'give this user the right to write there: sudo setfacl -m u:$USER:rwx DIRECTORY',
  EROFS: 'it is mounted read-only',
  ENOSPC: "the server's disk is full",
  EXDEV: 'the directory may not have another file system mounted below it',
};
