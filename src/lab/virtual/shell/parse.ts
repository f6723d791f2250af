/**
 * The part of the POSIX shell grammar (IEEE Std 1003.1, section 2.10) that commands sent over SSH and typed on a
 * console use: lists with `;`, `&`, `&&` and `||`, pipelines, redirections, assignments, quotes, variables. What is
 * beyond that is refused, not guessed.
 */

export interface Pipeline {
  /** When this pipeline runs, by the exit status of the one before. */
  readonly when: 'always' | 'success' | 'failure';
  readonly commands: readonly SimpleCommand[];
  /** Ended by `&`: nobody waits for it. */
  readonly background: boolean;
  /** Line of the text, from 1. */
  readonly line: number;
}

export interface SimpleCommand {
  /** `NAME=word` before the command's name. */
  readonly assignments: readonly { readonly name: string; readonly value: Word }[];
  readonly words: readonly Word[];
  readonly redirections: readonly Redirection[];
}

export type Redirection =
  | {
      readonly kind: 'file';
      readonly descriptor: number;
      readonly mode: 'read' | 'write' | 'append' | 'both';
      readonly path: Word;
    }
  /** `2>&1`: what another descriptor is. */
  | { readonly kind: 'copy'; readonly descriptor: number; readonly of: number };

export type Word = readonly Part[];

type Part =
  /** Unquoted `*` and `?` stand as `anyText` and `anyCharacter`, apart from quoted ones. */
  | { readonly kind: 'text'; readonly text: string }
  /** `$NAME`, `$?`: in quotes it is one field. */
  | { readonly kind: 'variable'; readonly name: string; readonly quoted: boolean };

/** Place holders of an unquoted `*` and `?` until names are matched (private use, in no command line). */
export const anyText = '\uE000';
export const anyCharacter = '\uE001';

/** A line that this shell cannot run. */
export class ShellSyntaxError extends Error {}

/** A quote that is still open: a shell at a terminal asks for more. */
export class UnterminatedQuote extends ShellSyntaxError {
  constructor() {
    super('syntax error: unterminated quoted string');
  }
}

/**
 * Reads a command line, or a script.
 * @throws ShellSyntaxError for unbalanced quotes, misplaced operators, and grammar that is not supported
 */
export function parseCommandLine(text: string): readonly Pipeline[] {
  const parser = new Parser();
  for (const token of new Lexer(text).tokens()) parser.take(token);
  return parser.end();
}

type Operator = '&&' | '||' | '|' | ';' | '&' | '\n';

type Token =
  | { readonly kind: 'word'; readonly word: Word; readonly assigns: string | undefined }
  | { readonly kind: 'operator'; readonly text: Operator; readonly line: number }
  | { readonly kind: 'redirection'; readonly text: string };

class Parser {
  readonly #pipelines: Pipeline[] = [];
  #when: Pipeline['when'] = 'always';
  #commands: SimpleCommand[] = [];
  #assignments: { name: string; value: Word }[] = [];
  #words: Word[] = [];
  #redirections: Redirection[] = [];
  #wantsFile: Omit<Extract<Redirection, { kind: 'file' }>, 'path'> | undefined;
  #line = 1;

  take(token: Token): void {
    if (this.#wantsFile !== undefined) {
      if (token.kind !== 'word') throw unexpected(token.text === '\n' ? 'newline' : `"${token.text}"`);
      this.#redirections.push({ ...this.#wantsFile, path: token.word });
      this.#wantsFile = undefined;
    } else if (token.kind === 'redirection') this.#redirection(token.text);
    else if (token.kind === 'operator') this.#operator(token.text, token.line);
    else if (token.assigns !== undefined && this.#words.length === 0) {
      this.#assignments.push({ name: token.assigns, value: valueOf(token.word, token.assigns) });
    } else this.#words.push(token.word);
  }

  end(): readonly Pipeline[] {
    const unfinished = this.#when !== 'always' || this.#commands.length > 0;
    if (this.#wantsFile !== undefined || (unfinished && this.#isEmpty)) throw unexpected('end of file');
    if (!this.#isEmpty) this.#endPipeline(false);
    return this.#pipelines;
  }

  get #isEmpty(): boolean {
    return this.#words.length + this.#redirections.length + this.#assignments.length === 0;
  }

  #operator(text: Operator, line: number): void {
    const isBreak = text === '\n';
    if (this.#isEmpty) {
      // A newline may stand after an operator, and alone.
      if (!isBreak) throw unexpected(`"${text}"`);
      if (this.#commands.length === 0 && this.#when === 'always') this.#line = line + 1;
      return;
    }
    if (text === '|') this.#endCommand();
    else this.#endPipeline(text === '&');
    this.#when = nextWhen[text] ?? this.#when;
    this.#line = isBreak ? line + 1 : line;
  }

  #redirection(text: string): void {
    const [, digits = '', operator = '', copied = ''] = redirection.exec(text) ?? [];
    const descriptor = digits === '' ? (operator.startsWith('<') ? 0 : 1) : Number(digits);
    if (copied !== '') this.#redirections.push({ kind: 'copy', descriptor, of: Number(copied) });
    else this.#wantsFile = { kind: 'file', descriptor, mode: modes[operator] ?? 'read' };
  }

  #endCommand(): void {
    this.#commands.push({
      assignments: this.#assignments,
      words: this.#words,
      redirections: this.#redirections,
    });
    this.#assignments = [];
    this.#words = [];
    this.#redirections = [];
  }

  #endPipeline(background: boolean): void {
    this.#endCommand();
    this.#pipelines.push({ when: this.#when, commands: this.#commands, background, line: this.#line });
    this.#commands = [];
    this.#when = 'always';
  }
}

const nextWhen: Readonly<Partial<Record<Operator, Pipeline['when']>>> = { '&&': 'success', '||': 'failure' };
const modes: Readonly<Record<string, Extract<Redirection, { kind: 'file' }>['mode']>> = {
  '<': 'read',
  '>': 'write',
  '>>': 'append',
  '<>': 'both',
};
const redirection = /^(\d?)(<>|>>|[<>])(?:&(\d))?/;
const operator = /^(?:&&|\|\||[|;&\n])/;

class Lexer {
  readonly #text: string;
  #position = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  *tokens(): Generator<Token> {
    for (;;) {
      this.#match(/^(?:[ \t]|\\\n)*(?:#[^\n]*)?/);
      if (this.#rest === '') return;
      if (/^(?:;;|<<)/.test(this.#rest)) throw unexpected(`"${this.#rest.slice(0, 2)}"`);
      const redirected = this.#match(redirection);
      const found = redirected === '' ? (this.#match(operator) as Operator | '') : '';
      if (redirected !== '') yield { kind: 'redirection', text: redirected };
      else if (found === '') yield this.#word();
      else yield { kind: 'operator', text: found, line: found === '\n' ? this.#line++ : this.#line };
    }
  }

  get #rest(): string {
    return this.#text.slice(this.#position);
  }

  #match(pattern: RegExp): string {
    const found = pattern.exec(this.#rest)?.[0] ?? '';
    this.#position += found.length;
    return found;
  }

  #word(): Token {
    const assigns = /^([A-Za-z_]\w*)=/.exec(this.#rest)?.[1];
    const parts: Part[] = [];
    for (;;) {
      const plain = this.#match(/^[^\s;&|<>()`$'"\\]+/);
      if (plain !== '') parts.push(plainText(plain.replaceAll('*', anyText).replaceAll('?', anyCharacter)));
      else if (this.#match(/^\\/) !== '') parts.push(plainText(this.#take()));
      else if (this.#match(/^'/) !== '') parts.push(plainText(this.#quoted("'")));
      else if (this.#match(/^"/) !== '') parts.push(...this.#doubleQuoted());
      else if (this.#rest.startsWith('$')) parts.push(this.#variable(false));
      else if (/^[()`]/.test(this.#rest)) throw unsupported(this.#rest);
      else return { kind: 'word', word: parts, assigns };
    }
  }

  #take(): string {
    return this.#text[this.#position++] ?? '';
  }

  #quoted(quote: string): string {
    const end = this.#text.indexOf(quote, this.#position);
    if (end < 0) throw new UnterminatedQuote();
    const inside = this.#text.slice(this.#position, end);
    this.#position = end + 1;
    return inside;
  }

  #doubleQuoted(): Part[] {
    const parts: Part[] = [plainText('')];
    for (;;) {
      const plain = this.#match(/^(?:[^"\\$`]|\\[^"\\$`])+/);
      if (plain !== '') parts.push(plainText(plain));
      else if (this.#match(/^\\/) !== '') parts.push(plainText(this.#take()));
      else if (this.#rest.startsWith('$')) parts.push(this.#variable(true));
      else if (this.#match(/^"/) !== '') return parts;
      else if (this.#rest === '') throw new UnterminatedQuote();
      else throw unsupported(this.#rest);
    }
  }

  #variable(quoted: boolean): Part {
    const [whole, braced, bare] = /^\$(?:\{(\w+|[?$!#])\}|([A-Za-z_]\w*|[?$!#0-9]))/.exec(this.#rest) ?? [];
    if (whole === undefined) {
      if (/^\$[({]/.test(this.#rest)) throw unsupported('$');
      return plainText(this.#take());
    }
    this.#position += whole.length;
    return { kind: 'variable', name: braced ?? bare ?? '', quoted };
  }
}

function plainText(literal: string): Part {
  return { kind: 'text', text: literal };
}

/** The word behind `NAME=`. */
function valueOf([first, ...rest]: Word, name: string): Word {
  const own = first?.kind === 'text' ? [plainText(first.text.slice(name.length + 1))] : [];
  return [...own, ...rest];
}

function unexpected(what: string): ShellSyntaxError {
  return new ShellSyntaxError(`syntax error: unexpected ${what}`);
}

function unsupported(rest: string): ShellSyntaxError {
  return new ShellSyntaxError(`"${rest[0] ?? ''}" is not supported by this shell`);
}
