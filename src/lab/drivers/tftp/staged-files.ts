/** Files among files of others: what was there is set aside and put back, and a list of it survives a crash. */
import {
  chmod,
  copyFile,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';

/** Changes in a directory, written down before they are made. */
interface Journal {
  readonly files: readonly Entry[];
  /** Directories that were made, the deepest last. */
  readonly directories: readonly string[];
}

interface Entry {
  /** Below the directory. */
  readonly name: string;
  /** A file is ours for as long as it is the one that was written: renaming changes neither. */
  readonly inode: number;
  readonly size: number;
}

export interface Unstaged {
  /** In words, what was taken away. */
  readonly names: readonly string[];
  readonly directories: readonly string[];
}

/** Something stands where a file should be, and cannot be set aside. */
export class InTheWay extends Error {}

/** A server that serves to anybody reads only what anybody may (tftpd-hpa, tftpd(8)). */
const anybodyReads = 0o644;
const anybodyEnters = 0o755;

/**
 * Makes the directories down to one.
 * @returns those that were not there, the deepest last
 */
export async function makeDirectories(directory: string): Promise<string[]> {
  const first = await mkdir(directory, { recursive: true });
  if (first === undefined) return [];
  const made: string[] = [];
  for (let each = directory; each.length >= first.length; each = path.dirname(each)) made.unshift(each);
  for (const each of made) await chmod(each, anybodyEnters);
  return made;
}

/** Removes the directories in which nothing is (any more), the last first. */
export async function removeEmpty(directories: readonly string[]): Promise<void> {
  for (const each of directories.toReversed()) await rmdir(each).catch(() => undefined);
}

/**
 * Puts files into a directory, each at once and whole.
 * @param state directory on the same file system for the list and for what was in their places
 * @param files by name below the directory
 * @param directories that were made for it already; `unstage` returns them
 * @throws InTheWay where a directory has the name of a file
 */
export async function stage(
  directory: string,
  state: string,
  files: ReadonlyMap<string, string | Uint8Array>,
  directories: readonly string[],
): Promise<void> {
  const entries: Entry[] = [];
  for (const [name, source] of files) {
    const there = await lstat(path.join(directory, name)).catch(() => undefined);
    if (there?.isDirectory() === true) throw new InTheWay(`${path.join(directory, name)} is a directory`);
    const draft = path.join(state, draftOf(entries.length));
    await (typeof source === 'string' ? copyFile(source, draft) : writeFile(draft, source));
    await chmod(draft, anybodyReads);
    const { ino, size } = await lstat(draft);
    entries.push({ name, inode: ino, size });
  }
  const made = [...directories];
  for (const name of files.keys())
    made.push(...(await makeDirectories(path.dirname(path.join(directory, name)))));
  await writeJournal(state, { files: entries, directories: made });
  for (const [index, { name }] of entries.entries()) {
    const target = path.join(directory, name);
    if (await exists(target)) await rename(target, path.join(state, savedAs(index)));
    await rename(path.join(state, draftOf(index)), target);
  }
}

/** Takes away what `stage` put there, in this process or in one that was killed, and puts back what was there. */
export async function unstage(directory: string, state: string): Promise<Unstaged> {
  const { files, directories } = await readJournal(state);
  const names: string[] = [];
  for (const [index, entry] of files.entries()) {
    const target = path.join(directory, entry.name);
    const saved = path.join(state, savedAs(index));
    const there = await lstat(target).catch(() => undefined);
    const isOurs = there?.ino === entry.inode && there.size === entry.size;
    if (isOurs) names.push(entry.name);
    if (await exists(saved)) {
      // Somebody has put a new one in our file's place: both are kept.
      const back = there === undefined || isOurs ? target : `${target}.before`;
      await rename(saved, back);
    } else if (isOurs) await rm(target);
  }
  for (const each of await readdir(state)) {
    if (each.startsWith(draftOf(''))) await rm(path.join(state, each));
  }
  await rm(path.join(state, journal), { force: true });
  await removeEmpty(directories);
  return { names, directories };
}

const journal = 'files.json';
const draftOf = (index: number | ''): string => `new-${index}`;
const savedAs = (index: number): string => `was-${index}`;

async function writeJournal(state: string, value: Journal): Promise<void> {
  const draft = path.join(state, draftOf('') + journal);
  await writeFile(draft, JSON.stringify(value));
  await rename(draft, path.join(state, journal));
}

async function readJournal(state: string): Promise<Journal> {
  try {
    return JSON.parse(await readFile(path.join(state, journal), 'utf8')) as Journal;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return { files: [], directories: [] };
    throw error;
  }
}

async function exists(file: string): Promise<boolean> {
  return (await lstat(file).catch(() => undefined)) !== undefined;
}
