/** Matches of `*` and `?` in a word among the files. */
import { escaped } from '../../../config/text.ts';
import type { FileSystem } from './file-system.ts';
import { anyCharacter, anyText } from './parse.ts';

/** Names that a word with wildcards matches, sorted; the word itself where it has none, or none matches. */
export function matchingNames(files: FileSystem, word: string): string[] {
  if (!isPattern(word)) return [word];
  let found = [word.startsWith('/') ? '/' : ''];
  for (const part of word.split('/').filter(each => each !== '')) {
    const pattern = new RegExp(`^${escaped(part).replaceAll(anyText, '.*').replaceAll(anyCharacter, '.')}$`);
    found = found.flatMap(directory => {
      const names = isPattern(part)
        ? (files.list(directory || '.') ?? []).filter(name => pattern.test(name))
        : [part];
      return names.map(name =>
        directory === '' || directory.endsWith('/') ? directory + name : `${directory}/${name}`,
      );
    });
  }
  const existing = found.filter(path => files.isDirectory(path) || files.read(path) !== undefined);
  return existing.length > 0 ? existing : [literal(word)];
}

/** A word in which wildcards stand for themselves. */
export function literal(text: string): string {
  return text.replaceAll(anyText, '*').replaceAll(anyCharacter, '?');
}

function isPattern(part: string): boolean {
  return part.includes(anyText) || part.includes(anyCharacter);
}
