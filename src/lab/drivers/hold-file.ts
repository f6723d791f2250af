/**
 * A hold on something that only one may use: a file, made whole or not at all, that says who holds it. A
 * process that was killed leaves its file behind; the next one sees that it is gone and takes the hold over.
 */
import { existsSync } from 'node:fs';
import { link, mkdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import path from 'node:path';
import { DriverError } from './driver-error.ts';

/** The holder. */
export interface Holder {
  readonly pid: number;
  /** When the process began, in clock ticks since the machine did (proc(5), /proc/PID/stat field 22). */
  readonly processStart: string;
  readonly host: string;
  readonly user: string;
  /** ISO 8601. */
  readonly since: string;
  readonly command: string;
}

export interface Hold extends AsyncDisposable {
  /** The earlier holder, if its process was gone. */
  readonly tookOver?: Holder;
  release(): Promise<void>;
}

export interface HoldOptions {
  /** The attempt, in words: `reserve rpi5-01`. */
  readonly attempt: string;
  /** The holder's purpose, for others to read. */
  readonly command: string;
  /** Hint where the file's directory is not there and cannot be made; absent: the right to write there. */
  readonly elsewhere?: string;
}

/**
 * Takes a hold for this process. The file's directory is made where there is none.
 * @throws DriverError that says who holds it, or why the file cannot be written
 */
export async function takeHold(file: string, options: HoldOptions): Promise<Hold> {
  const { attempt, command } = options;
  const text = `${JSON.stringify(await thisProcess(command), undefined, 2)}\n`;
  let tookOver: Holder | undefined;
  for (let count = 0; count < attempts; count++) {
    if (await create(file, text).catch((error: unknown) => unwritable(options, file, error))) {
      const release = releaseOnce(file, text);
      return {
        ...(tookOver !== undefined && { tookOver }),
        release,
        [Symbol.asyncDispose]: release,
      };
    }
    const found = await read(file);
    if (found === undefined) continue;
    const holder = parse(found);
    if (holder !== undefined && (await isAlive(holder))) throw held(attempt, file, holder);
    tookOver = holder;
    await removeStale(file, found);
  }
  throw new DriverError(attempt, 'others took it, again and again', 'try again');
}

const attempts = 20;

/** The holder, if its process lives; for those who only ask. */
export async function livingHolder(file: string): Promise<Holder | undefined> {
  const found = await read(file);
  const holder = found === undefined ? undefined : parse(found);
  return holder !== undefined && (await isAlive(holder)) ? holder : undefined;
}

async function thisProcess(command: string): Promise<Holder> {
  return {
    pid: process.pid,
    processStart: (await processStart(process.pid)) ?? '',
    host: hostname(),
    user: userName(),
    since: new Date().toISOString(),
    command,
  };
}

/** A user of a container may have no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.()}`;
  }
}

function unwritable({ attempt, elsewhere }: HoldOptions, file: string, cause: unknown): never {
  const why = reasons[codeOf(cause) ?? ''];
  if (why === undefined) throw cause;
  const directory = path.dirname(file);
  throw new DriverError(
    attempt,
    `${directory}: ${why}`,
    elsewhere !== undefined && !existsSync(directory)
      ? elsewhere
      : `let this user write there: sudo setfacl -m u:$USER:rwx ${directory}`,
    { cause },
  );
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left',
  EDQUOT: "the user's share of the disk is used up",
  ENOTDIR: 'a part of the path is no directory',
};

/**
 * Makes the file with its whole text, or leaves the one that is there.
 * @returns false also where the directory went while the file was made: its earlier holder removed it
 */
async function create(file: string, text: string): Promise<boolean> {
  const draft = `${file}.${process.pid}.${crypto.randomUUID()}`;
  await mkdir(path.dirname(file), { recursive: true });
  try {
    await writeFile(draft, text, { flag: 'wx' });
    await link(draft, file);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST' || codeOf(error) === 'ENOENT') return false;
    throw error;
  } finally {
    await unlinkIfThere(draft);
  }
}

/** Two may find the same stale hold: what is taken away is looked at again, and put back if it was not that. */
async function removeStale(file: string, stale: string): Promise<void> {
  const aside = `${file}.stale.${process.pid}.${crypto.randomUUID()}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  if ((await read(aside)) !== stale) await link(aside, file).catch(() => undefined);
  await unlink(aside);
}

function releaseOnce(file: string, text: string): () => Promise<void> {
  let released: Promise<void> | undefined;
  const release = async () => {
    if ((await read(file)) === text) await unlink(file);
  };
  return () => (released ??= release());
}

async function unlinkIfThere(file: string): Promise<void> {
  try {
    await unlink(file);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

async function read(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** @returns undefined where the text is no hold: whatever it was, nobody can be asked about it */
function parse(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Partial<Holder> | null;
    return typeof holder?.pid === 'number' && typeof holder.host === 'string'
      ? (holder as Holder)
      : undefined;
  } catch {
    return undefined;
  }
}

/** A process of another machine cannot be looked at: it is believed to live. */
async function isAlive(holder: Holder): Promise<boolean> {
  if (holder.host !== hostname()) return true;
  const started = await processStart(holder.pid);
  return started !== undefined && started === holder.processStart;
}

/** @returns when it began, in clock ticks since the machine did; undefined where there is no such process */
export async function processStart(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The second field is the program's name, in parentheses, and may hold anything.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const state = fields?.[0];
  return state === 'Z' || state === 'X' ? undefined : fields?.[processStartField - 3];
}

const processStartField = 22;

function held(attempt: string, file: string, { user, host, pid, since, command }: Holder): DriverError {
  const hint =
    host === hostname()
      ? 'wait until it has finished, or end it'
      : `wait until it has finished; if it is gone, remove ${file}`;
  return new DriverError(
    attempt,
    `${user}@${host} holds it since ${since}: process ${pid}, ${command}`,
    hint,
  );
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
