/**
 * The part of the POSIX shell grammar (IEEE Std 1003.1, section 2.10) that commands sent over SSH use: lists
 * with `;`, `&&` and `||`, pipelines, redirections, quotes. What is beyond that is refused, not guessed.
 */

export interface Pipeline {
  /** When this pipeline runs, by the exit status of the one before. */
  readonly when: 'always' | 'success' | 'failure';
  readonly commands: readonly SimpleCommand[];
}

export interface SimpleCommand {
  /** Unquoted `*` and `?` stand as `anyText` and `anyCharacter`, apart from quoted ones. */
  readonly words: readonly string[];
  readonly redirections: readonly Redirection[];
}

export interface Redirection {
  readonly kind: 'read' | 'write' | 'append' | 'error' | 'error-to-output';
  readonly path: string;
}

/** What an unquoted `*` and `?` become until names are matched (private use, in no command line). */
export const anyText = '\uE000';
export const anyCharacter = '\uE001';

/** A line that this shell cannot run. */
export class ShellSyntaxError extends Error {}

type Token = { readonly kind: 'word' | 'operator'; readonly text: string };

const operators = ['&&', '||', '2>&1', '2>>', '2>', '>>', '>', '<', '|', ';', '\n'] as const;

/**
 * Reads one command line.
 * @throws ShellSyntaxError for unbalanced quotes, misplaced operators, and grammar that is not supported
 */
export function parseCommandLine(line: string): readonly Pipeline[] {
  const pipelines: Pipeline[] = [];
  let when: Pipeline['when'] = 'always';
  let commands: SimpleCommand[] = [];
  let words: string[] = [];
  let redirections: Redirection[] = [];
  const endCommand = (operator: string): void => {
    if (words.length === 0 && redirections.length === 0)
      throw new ShellSyntaxError(`syntax error: unexpected "${operator}"`);
    commands.push({ words, redirections });
    words = [];
    redirections = [];
  };
  const endPipeline = (operator: string, next: Pipeline['when']): void => {
    if (
      words.length > 0 ||
      redirections.length > 0 ||
      commands.length > 0 ||
      operator === '&&' ||
      operator === '||'
    ) {
      endCommand(operator);
      pipelines.push({ when, commands });
    }
    commands = [];
    when = next;
  };

  const tokens = tokenize(line);
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index];
    if (token === undefined) break;
    if (token.kind === 'word') {
      words.push(token.text);
      continue;
    }
    const redirection = redirectionKinds[token.text];
    if (token.text === '|') endCommand('|');
    else if (token.text === ';' || token.text === '\n') endPipeline(token.text, 'always');
    else if (token.text === '&&') endPipeline('&&', 'success');
    else if (token.text === '||') endPipeline('||', 'failure');
    else if (token.text === '2>&1') redirections.push({ kind: 'error-to-output', path: '' });
    else if (redirection !== undefined) {
      const target = tokens[++index];
      if (target?.kind !== 'word') throw new ShellSyntaxError(`syntax error: no file after "${token.text}"`);
      redirections.push({ kind: redirection, path: target.text });
    }
  }
  if (words.length > 0 || redirections.length > 0 || commands.length > 0)
    endPipeline('end of line', 'always');
  return pipelines;
}

const redirectionKinds: Readonly<Record<string, Redirection['kind']>> = {
  '<': 'read',
  '>': 'write',
  '>>': 'append',
  '2>': 'error',
  '2>>': 'error',
};

function tokenize(line: string): readonly Token[] {
  const tokens: Token[] = [];
  let word: string | undefined;
  let position = 0;
  const endWord = (): void => {
    if (word !== undefined) tokens.push({ kind: 'word', text: word });
    word = undefined;
  };
  while (position < line.length) {
    const rest = line.slice(position);
    const operator =
      word === undefined || !rest.startsWith('2>')
        ? operators.find(each => rest.startsWith(each))
        : undefined;
    const character = rest[0] ?? '';
    if (operator !== undefined) {
      endWord();
      tokens.push({ kind: 'operator', text: operator });
      position += operator.length;
    } else if (character === ' ' || character === '\t') {
      endWord();
      position++;
    } else if (character === "'" || character === '"') {
      const end = quoteEnd(line, position);
      const inside = line.slice(position + 1, end);
      word = (word ?? '') + (character === '"' ? inside.replaceAll(/\\(["\\$`])/g, '$1') : inside);
      position = end + 1;
    } else if (character === '\\') {
      word = (word ?? '') + (rest[1] ?? '');
      position += 2;
    } else if ('&()`$'.includes(character)) {
      throw new ShellSyntaxError(`"${character}" is not supported by this shell`);
    } else {
      word = (word ?? '') + (wildcards[character] ?? character);
      position++;
    }
  }
  endWord();
  return tokens;
}

const wildcards: Readonly<Record<string, string>> = { '*': anyText, '?': anyCharacter };

function quoteEnd(line: string, start: number): number {
  const quote = line[start];
  for (let position = start + 1; position < line.length; position++) {
    if (line[position] === '\\' && quote === '"') position++;
    else if (line[position] === quote) return position;
  }
  throw new ShellSyntaxError(`syntax error: unterminated quoted string`);
}
