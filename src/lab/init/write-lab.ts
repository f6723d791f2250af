/** Puts a new lab file in place: whole, checked, and never over another one. */
import { messageOf } from '../../config/text.ts';
import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { ConfigurationError } from '../../config/configuration-error.ts';
import { loadLab, requireNoMistake } from '../load-lab.ts';
import { displayName } from '../../config/yaml-file.ts';

/**
 * Before anybody is asked.
 * @throws ConfigurationError where a lab file cannot be written there
 */
export function requirePlace(file: string): void {
  const directory = existing(path.dirname(file));
  try {
    if (!statSync(directory).isDirectory()) throw new Error('it is no directory');
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw cannotWrite(file, `${displayName(directory) || directory}: ${reasonOf(error)}`, error);
  }
  const there = lstatSync(file, { throwIfNoEntry: false });
  if (there?.isDirectory() === true) {
    throw new ConfigurationError(
      `${displayName(file)} is a directory`,
      `name a file: --lab ${path.join(displayName(file), 'lab.yaml')}`,
    );
  }
}

/** The directory, or the nearest above it that exists. */
function existing(directory: string): string {
  return existsSync(directory) || directory === path.dirname(directory)
    ? directory
    : existing(path.dirname(directory));
}

/** @throws ConfigurationError where a lab file is there, unless it may be set aside and can be */
export function requireNoLab(file: string, force: boolean): void {
  // A link that leads nowhere is something too.
  if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return;
  if (!force)
    throw isThere(file, `edit it; or --force, which keeps it beside as ${path.basename(asideOf(file))}`);
  if (existsSync(asideOf(file))) throw isThere(asideOf(file), 'move it away: --force would need that name');
}

/**
 * Writes a lab file beside its place, reads it as every command will, then puts it there.
 * @param force a file that is there is kept as FILE.old
 * @throws ConfigurationError where the text is no lab, or the file cannot be written; all is as it was then
 */
export function writeLab(file: string, text: string, force: boolean): void {
  const draft = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.new`);
  try {
    writeFileSync(draft, text, { flag: 'wx' });
    requireLoadable(draft, file);
    requireNoLab(file, force);
    if (existsSync(file)) {
      copyFileSync(file, asideOf(file), constants.COPYFILE_EXCL);
      renameSync(draft, file);
    } else {
      // Unlike a rename, a link does not take the place of what came in the meantime.
      linkSync(draft, file);
    }
  } catch (error) {
    if (error instanceof ConfigurationError) throw error;
    throw cannotWrite(file, reasonOf(error), error);
  } finally {
    rmSync(draft, { force: true });
  }
}

function requireLoadable(draft: string, file: string): void {
  try {
    requireNoMistake(loadLab({ lab: draft, cwd: path.dirname(draft), env: {} }));
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const message = error.message.replaceAll(displayName(draft), displayName(file));
    throw new ConfigurationError(`the answers make no lab: ${message}`, error.hint, { cause: error });
  }
}

function asideOf(file: string): string {
  return `${file}.old`;
}

function isThere(file: string, hint: string): ConfigurationError {
  return new ConfigurationError(`${displayName(file)} is there already`, hint);
}

function cannotWrite(file: string, why: string, cause: unknown): ConfigurationError {
  const message = `cannot write ${displayName(file)}: ${why}`;
  return new ConfigurationError(message, 'name another with --lab FILE', { cause });
}

function reasonOf(error: unknown): string {
  return messageOf(error);
}
