import { messageOf } from '../../config/text.ts';
import { DtError } from './error.ts';
import type { Place } from './source-tree.ts';

/** `end` is the end of all text; `symbol` a keyword (`/bits/`), an operator or a single character. */
export interface Token {
  readonly kind:
    | 'string'
    | 'integer'
    | 'character'
    | 'label'
    | 'reference'
    | 'byte'
    | 'name'
    | 'symbol'
    | 'end';
  /** Meaning: a label without colon, a reference without `&`, a string without quotes (escapes as written). */
  readonly text: string;
  readonly place: Place;
}

/**
 * Text that `/include/` brings in.
 * @param name as written
 * @param from the file in which it is written
 * @returns the text of that file
 */
export type Include = (name: string, from: string) => string;

/** Nesting of included files, as dtc has it, and how many there may be altogether. */
const INCLUDES = { deepest: 200, most: 10_000 };

/**
 * The meaning of a character depends on the text before it: after `{` and `;` words are names of nodes and
 * properties, between `[` and `]` they are bytes, elsewhere they are numbers.
 *
 * @see dtc-lexer.l, whose start conditions these are
 */
type Mode = 'start' | 'value' | 'name' | 'bytes';

const BLANK = /[ \t\n\v\f\r]+|\/\/[^\n]*|\/\*[^]*?\*\//y;
const LINE_MARKER = /#(?:line)?[ \t]+([0-9]+)[ \t]+"((?:[^\\"]|\\[^\n])*)"(?:[ \t]+[0-9]+)*/y;
const INCLUDE = /\/include\/[ \t\n\v\f\r]*"((?:[^\\"]|\\[^\n])*)"/y;
const KEYWORD = /\/(?:dts-v1|plugin|memreserve|bits|delete-property|delete-node|omit-if-no-ref|incbin)\//y;
const OPERATOR = /<<|>>|<=|>=|==|!=|&&|\|\|/y;
const STRING = /"((?:[^\\"]|\\[^\n])*)"/y;
const CHARACTER = /'((?:\\'|[^'])*)'/y;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*):/y;
const LABEL_REFERENCE = /&([a-zA-Z_][a-zA-Z0-9_]*)/y;
const PATH_REFERENCE = /&\{((?:[a-zA-Z_][a-zA-Z0-9_]*)?\/[a-zA-Z0-9,._+*#?@/-]*)\}/y;
const INTEGER = /(?:0[xX][0-9a-fA-F]+|[0-9]+)(?:ULL|UL|LL|U|L)?/y;
const NAME = /\\?([a-zA-Z0-9,._+*#?@-]+)/y;
const BYTE = /[0-9a-fA-F]{2}/y;
/** Only for messages: more than the one character that is wrong. */
const WORD = /[a-zA-Z0-9_#]+|[^]/y;

const MODE_AFTER: Readonly<Record<string, Mode>> = {
  '/dts-v1/': 'value',
  '/memreserve/': 'value',
  '/bits/': 'value',
  '/delete-property/': 'name',
  '/delete-node/': 'name',
  '/omit-if-no-ref/': 'name',
  '{': 'name',
  ';': 'name',
  '[': 'bytes',
};

/** Device tree source as tokens: comments skipped, included files and line markers of a preprocessor followed. */
export class SourceLexer {
  readonly #include: Include | undefined;
  readonly #outer: Buffer[] = [];
  #buffer: Buffer;
  #included = 0;
  #mode: Mode = 'start';

  /** @param mode `name` where the text begins without `/dts-v1/;` */
  constructor(text: string, file: string | undefined, include: Include | undefined, mode: 'start' | 'name') {
    this.#buffer = new Buffer(text, file);
    this.#include = include;
    this.#mode = mode;
  }

  next(): Token {
    for (;;) {
      const token = this.#scan();
      if (token !== undefined) return token;
    }
  }

  /** The next token; undefined where there was only something to skip or to enter. */
  #scan(): Token | undefined {
    const buffer = this.#buffer;
    if (buffer.take(BLANK) !== undefined) return undefined;
    const { place } = buffer;
    if (buffer.atEnd) {
      const outer = this.#outer.pop();
      if (outer === undefined) return { kind: 'end', text: 'end of file', place };
      this.#buffer = outer;
      return undefined;
    }
    const marker = buffer.atLineStart ? buffer.take(LINE_MARKER) : undefined;
    if (marker !== undefined) {
      buffer.renumber(Number(marker[1]), marker[2] ?? '');
      return undefined;
    }
    const include = buffer.take(INCLUDE);
    if (include !== undefined) {
      this.#enter(include[1] ?? '', place);
      return undefined;
    }
    return this.#token(buffer, place);
  }

  #token(buffer: Buffer, place: Place): Token {
    for (const [kind, pattern] of TOKENS[this.#mode]) {
      const match = buffer.take(pattern);
      if (match === undefined) continue;
      if (kind === 'name') this.#mode = 'value';
      if (kind === 'symbol') this.#mode = MODE_AFTER[match[0]] ?? this.#mode;
      return { kind, text: match[1] ?? match[0], place };
    }
    const [character = ''] = buffer.take(/[^]/y) ?? [];
    if (character === '"' || character === "'") throw new DtError('string is not terminated', place);
    if (character === '/' && buffer.startsWith('*')) throw new DtError('comment is not terminated', place);
    if (character === ']' && this.#mode === 'bytes') this.#mode = 'value';
    this.#mode = MODE_AFTER[character] ?? this.#mode;
    return { kind: 'symbol', text: character, place };
  }

  /** The text at a token, longer than the one character that does not fit. */
  wordAt(token: Token): string {
    return token.kind === 'symbol' && /^[a-zA-Z0-9_#]$/.test(token.text)
      ? this.#buffer.wordAt(token)
      : token.text;
  }

  #enter(name: string, place: Place): void {
    if (this.#include === undefined)
      throw new DtError(`cannot include "${name}": no files are given here`, place);
    this.#included += 1;
    if (this.#outer.length >= INCLUDES.deepest || this.#included > INCLUDES.most) {
      throw new DtError(`"${name}" is included too deeply or too often (does it include itself?)`, place);
    }
    let text: string;
    try {
      text = this.#include(name, this.#buffer.file ?? '');
    } catch (error) {
      if (error instanceof DtError) throw error;
      const problem = messageOf(error);
      throw new DtError(`cannot include "${name}": ${problem}`, place);
    }
    const from = this.#buffer.file ?? '';
    this.#outer.push(this.#buffer);
    this.#buffer = new Buffer(text, beside(from, name));
  }
}

/** dtc's srcpos.c: what a file includes is looked for in its own directory. */
function beside(from: string, name: string): string {
  return name.startsWith('/') ? name : from.slice(0, from.lastIndexOf('/') + 1) + name;
}

type TokenKind = Exclude<Token['kind'], 'end'>;

const ANYWHERE: readonly (readonly [TokenKind, RegExp])[] = [
  ['string', STRING],
  ['symbol', KEYWORD],
  ['label', LABEL],
  ['character', CHARACTER],
  ['reference', LABEL_REFERENCE],
  ['reference', PATH_REFERENCE],
  ['symbol', OPERATOR],
];

const TOKENS: Readonly<Record<Mode, readonly (readonly [TokenKind, RegExp])[]>> = {
  start: ANYWHERE,
  value: [...ANYWHERE, ['integer', INTEGER]],
  name: [...ANYWHERE, ['name', NAME]],
  bytes: [...ANYWHERE, ['byte', BYTE]],
};

/** One text with a reading position that knows its line and column. */
class Buffer {
  readonly file: string | undefined;
  readonly #text: string;
  #shown: string | undefined;
  #at = 0;
  #line = 1;
  #lineStart = 0;

  constructor(text: string, file: string | undefined) {
    this.#text = text;
    this.file = file;
    this.#shown = file;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  get atLineStart(): boolean {
    return this.#at === this.#lineStart;
  }

  get place(): Place {
    return { file: this.#shown, line: this.#line, column: this.#at - this.#lineStart + 1 };
  }

  startsWith(text: string): boolean {
    return this.#text.startsWith(text, this.#at);
  }

  /** Match a sticky pattern here and go behind it. */
  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    for (
      let newline = match[0].indexOf('\n');
      newline !== -1;
      newline = match[0].indexOf('\n', newline + 1)
    ) {
      this.#line += 1;
      this.#lineStart = this.#at + newline + 1;
    }
    this.#at += match[0].length;
    return match;
  }

  /** The rest of this line belongs to a line marker: the NEXT line has the given number. */
  renumber(line: number, file: string): void {
    this.#line = line - 1;
    this.#shown = file;
  }

  wordAt({ text, place }: Token): string {
    if (place.line !== this.#line || place.file !== this.#shown) return text;
    WORD.lastIndex = this.#lineStart + place.column - 1;
    return WORD.exec(this.#text)?.[0] ?? text;
  }
}
