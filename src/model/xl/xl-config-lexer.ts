/** The words of an xl configuration file, as libxlu_cfg_l.l of Xen's tools/libs/util cuts them. */

export type XlTokenKind =
  | 'IDENT'
  | 'NUMBER'
  | 'STRING'
  | 'NEWLINE'
  | '+='
  | '='
  | ','
  | ';'
  | '['
  | ']'
  | '$end';

export interface XlToken {
  readonly kind: XlTokenKind;
  /** The characters of the file that make the token. */
  readonly text: string;
  /** Line that the parser takes the token to stand on, counted from 1. */
  readonly line: number;
}

/** Messages of the scanner about characters that make no token. */
export interface XlLexerObserver {
  /** `text` is no token; it ends on `line`. */
  lexicalError(text: string, line: number): void;
  /** Something looks like Python, of which xl warns when the file has errors. */
  python(): void;
}

/**
 * Reads one token after the other. Characters that are none of the language are reported and skipped up to
 * the next blank, as the scanner does; a single one that ends the file goes unnoticed.
 *
 * @param text the file
 * @param observer told of lexical errors, each before the token that follows it is given out
 */
export class XlConfigLexer {
  readonly #text: string;
  readonly #observer: XlLexerObserver;
  #at = 0;
  /** yylineno: the line that the scanner is on. */
  line = 1;
  /** Line of the token given out last: the end of the file keeps it. */
  #tokenLine = 1;
  /** Text of the end of the file: a NUL, or the single character that goes unnoticed before it. */
  #loose = '\0';
  /** The token given out last, or the characters of the last error: what errors are said to be near. */
  last = '';

  constructor(text: string, observer: XlLexerObserver) {
    this.#text = text;
    this.#observer = observer;
  }

  next(): XlToken {
    for (;;) {
      if (this.#at >= this.#text.length) return this.#token('$end', this.#loose, this.#tokenLine);
      const blank = this.#match(blankPattern);
      if (blank !== undefined) continue;
      for (const [kind, pattern] of patterns) {
        const text = this.#match(pattern);
        if (text === undefined) continue;
        if (kind !== 'NEWLINE') return this.#token(kind, text, this.line);
        this.line++;
        return this.#token('NEWLINE', text, this.line - 1);
      }
      const newline = this.#lexicalError();
      if (newline !== undefined) return this.#token('NEWLINE', newline, this.line);
    }
  }

  /** Skips what is no token; gives its characters where it runs into a newline, which counts as one. */
  #lexicalError(): string | undefined {
    const start = this.#at++;
    if (pythonStart.test(this.#text.charAt(start))) this.#observer.python();
    if (this.#at >= this.#text.length) {
      this.#loose = this.#text.charAt(start);
      return undefined;
    }
    const newline = this.#text.charAt(this.#at) === '\n';
    if (this.#match(untilBlank) === undefined) this.#at++;
    if (newline) this.line++;
    this.last = this.#text.slice(start, this.#at);
    this.#observer.lexicalError(this.last, this.line);
    return newline ? this.last : undefined;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const text = pattern.exec(this.#text)?.[0];
    if (text === undefined || text === '') return undefined;
    this.#at += text.length;
    return text;
  }

  #token(kind: XlTokenKind, text: string, line: number): XlToken {
    this.last = text;
    this.#tokenLine = line;
    return { kind, text, line };
  }
}

const blankPattern = /[ \t]/y;
const untilBlank = /[^ \t\n]+/y;
const pythonStart = /[+\-.():]/;

const patterns: ReadonlyArray<readonly [XlTokenKind, RegExp]> = [
  ['IDENT', /[a-z][._0-9a-z]*/y],
  ['NUMBER', /[0-9][0-9a-fx]*/y],
  [',', /,/y],
  ['[', /\[/y],
  [']', /\]/y],
  ['+=', /\+=/y],
  ['=', /=/y],
  [';', /;/y],
  ['NEWLINE', /\n|#[^\n]*\n/y],
  ['STRING', /'(?:[^'\\\n]|\\[^\n])*'/y],
  ['STRING', /"(?:[^"\\\n]|\\[^\n])*"/y],
];
