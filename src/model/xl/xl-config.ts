/**
 * The language of xl configuration files, as Xen's own parser reads it (tools/libs/util/libxlu_cfg_y.y and
 * libxlu_cfg.c): settings are names with a string or a list, numbers are strings until somebody asks.
 */
import { XlConfigLexer, type XlToken, type XlTokenKind } from './xl-config-lexer.ts';
import { dequote } from './xl-config-string.ts';

export type XlValue = string | readonly XlValue[];

export interface XlSetting {
  readonly name: string;
  readonly value: XlValue;
  /** Line of the value's first character, counted from 1. */
  readonly line: number;
  readonly operator: '=' | '+=';
}

export class XlConfig {
  /** Name of the configuration in messages: the path as it was given to xl. */
  readonly file: string;
  /** All settings in the order of the file; of two with one name the later one counts. */
  readonly settings: readonly XlSetting[];

  constructor(file: string, settings: readonly XlSetting[]) {
    this.file = file;
    this.settings = settings;
  }

  setting(name: string): XlSetting | undefined {
    return this.settings.findLast(each => each.name === name);
  }

  /** The string (or number, as it was written) of a setting; undefined where it is absent or a list. */
  string(name: string): string | undefined {
    const value = this.setting(name)?.value;
    return typeof value === 'string' ? value : undefined;
  }

  /** The items of a list; undefined where the setting is absent or a single value. */
  list(name: string): readonly XlValue[] | undefined {
    const value = this.setting(name)?.value;
    return typeof value === 'object' ? value : undefined;
  }

  /** A number as xlu_cfg_get_long() reads it, or what that warns of; undefined where there is no single value. */
  long(name: string): bigint | { readonly problem: string } | undefined {
    const setting = this.setting(name);
    if (typeof setting?.value !== 'string') return undefined;
    if (setting.operator === '+=') return { problem: `can't use += with numbers for parameter \`${name}'` };
    const number = strtol(setting.value);
    if (number === undefined) return { problem: `parameter \`${name}' is not a valid number` };
    if (BigInt.asIntN(64, number) === number) return number;
    const overflow = 'could not be parsed as a number: Numerical result out of range';
    return { problem: `parameter \`${name}' ${overflow}` };
  }
}

/** `strtol(text, &end, 0)`: decimal, 0x hexadecimal or 0 octal; undefined where it does not read the whole text. */
function strtol(text: string): bigint | undefined {
  const [, sign, digits] = /^\s*([+-]?)(0x[0-9a-f]+|0[0-7]*|[1-9][0-9]*)$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const magnitude = /^0[0-7]/.test(digits) ? BigInt(`0o${digits.slice(1)}`) : BigInt(digits);
  return sign === '-' ? -magnitude : magnitude;
}

export interface XlConfigResult {
  readonly config: XlConfig;
  /** Lines of the parser; empty if the file can be read. */
  readonly errors: readonly string[];
}

/**
 * Reads a configuration.
 *
 * @param text the file
 * @param file its name, with which each message begins
 * @returns the settings up to the first error, and what xl prints of errors
 *   (`d2.cfg:3: config parsing error near ...`); xl then exits with 1
 */
export function parseXlConfig(text: string, file: string): XlConfigResult {
  return new Parser(text, file).run();
}

/**
 * The toolstack's name for the guest of a configuration.
 * @param otherwise the name where the configuration has none, or cannot be read
 */
export function configuredName(text: string, otherwise: string): string {
  return parseXlConfig(text, '').config.string('name') ?? otherwise;
}

/** `xl` values of a list as strings; items that are lists themselves end it, as `xlu_cfg_get_listitem` does. */
export function leadingStrings(list: readonly XlValue[]): string[] {
  const end = list.findIndex(each => typeof each !== 'string');
  return (end < 0 ? list : list.slice(0, end)) as string[];
}

/** Where the parser stands, and which tokens it says it expects there. */
const expected = {
  statement: ['$end', 'IDENT', 'NEWLINE', "';'"],
  operator: ['+=', "'='"],
  value: ['STRING', 'NUMBER', "'['"],
  end: ['$end'],
  list: ["']'"],
  recovery: [],
} as const;

type State = keyof typeof expected;

interface OpenList {
  readonly items: XlValue[];
  /** Whether a value may come next: after `[` and after a comma. */
  wantsValue: boolean;
}

class Parser {
  readonly #file: string;
  readonly #lexer: XlConfigLexer;
  readonly #settings: XlSetting[] = [];
  readonly #errors: string[] = [];
  #python = false;
  #lexicalErrorLine = -1;
  #state: State = 'statement';
  #name = '';
  #operator: '=' | '+=' = '=';
  #line = 0;
  /** Value of the token at hand, where it is a string or a number. */
  #atom = '';
  #lists: OpenList[] = [];
  /** Tokens still to be shifted before errors are reported again (yyerrstatus of the bison parser). */
  #quiet = 0;

  constructor(text: string, file: string) {
    this.#file = file;
    this.#lexer = new XlConfigLexer(text, {
      lexicalError: (_, line) => this.#lexicalError(line, 'lexical error'),
      python: () => {
        this.#python = true;
      },
    });
  }

  run(): XlConfigResult {
    for (let token = this.#next(); ; ) {
      if (this.#shift(token)) {
        if (token.kind === '$end') break;
        if (this.#quiet > 0) this.#quiet--;
        token = this.#next();
      } else if (this.#quiet < 3) {
        if (this.#quiet === 0) this.#syntaxError(token);
        if (this.#state === 'end') break;
        this.#recover();
      } else if (token.kind === '$end') {
        break;
      } else {
        this.#recover();
        token = this.#next();
      }
    }
    if (this.#errors.length > 0 && this.#python) this.#errors.push(...pythonWarning);
    return { config: new XlConfig(this.#file, this.#settings), errors: this.#errors };
  }

  /** Strings lose their quotes as they are read, so that a bad escape is noticed before bad syntax. */
  #next(): XlToken {
    const token = this.#lexer.next();
    this.#atom = token.text;
    if (token.kind === 'STRING' && this.#errors.length === 0) {
      const string = dequote(token.text);
      if (typeof string === 'string') this.#atom = string;
      else this.#lexicalError(this.#lexer.line, string.problem);
    }
    return token;
  }

  #shift(token: XlToken): boolean {
    switch (this.#state) {
      case 'statement':
        return this.#shiftStatement(token);
      case 'operator':
        if (token.kind !== '=' && token.kind !== '+=') return false;
        this.#operator = token.kind;
        this.#state = 'value';
        return true;
      case 'value':
        this.#line = token.line;
        if (token.kind === '[') this.#openList();
        else if (isAtom(token.kind)) this.#store(this.#atom);
        else return false;
        return true;
      case 'end':
        if (token.kind === '$end') return true;
        if (token.kind !== 'NEWLINE' && token.kind !== ';') return false;
        this.#state = 'statement';
        return true;
      case 'list':
        return this.#shiftList(token);
      default:
        if (token.kind !== 'NEWLINE') return false;
        this.#state = 'statement';
        return true;
    }
  }

  #shiftStatement(token: XlToken): boolean {
    if (token.kind === 'IDENT') {
      this.#name = token.text;
      this.#state = 'operator';
      return true;
    }
    return token.kind === 'NEWLINE' || token.kind === ';' || token.kind === '$end';
  }

  #shiftList(token: XlToken): boolean {
    const list = this.#lists.at(-1);
    if (list === undefined) return false;
    if (token.kind === 'NEWLINE') return true;
    if (token.kind === ']') {
      this.#closeList(list);
      return true;
    }
    if (token.kind === ',') {
      if (list.wantsValue) return false;
      list.wantsValue = true;
      return true;
    }
    if (!list.wantsValue) return false;
    if (token.kind === '[') this.#openList();
    else if (isAtom(token.kind)) list.items.push(this.#atom);
    else return false;
    list.wantsValue = false;
    return true;
  }

  #openList(): void {
    this.#lists.push({ items: [], wantsValue: true });
    this.#state = 'list';
  }

  #closeList(list: OpenList): void {
    this.#lists.pop();
    const outer = this.#lists.at(-1);
    if (outer === undefined) this.#store(list.items);
    else outer.items.push(list.items);
  }

  #store(value: XlValue): void {
    this.#state = 'end';
    if (this.#errors.length > 0) return;
    const earlier = this.#operator === '+=' ? this.#earlier() : undefined;
    const sum = earlier === undefined ? value : concatenate(earlier, value);
    if (sum === undefined) {
      this.#lexicalError(this.#lexer.line, `can't add [list] to "string" or vice versa`);
      return;
    }
    this.#settings.push({ name: this.#name, value: sum, line: this.#line, operator: this.#operator });
  }

  #earlier(): XlValue | undefined {
    return this.#settings.findLast(each => each.name === this.#name)?.value;
  }

  #recover(): void {
    this.#quiet = 3;
    this.#lists = [];
    this.#state = 'recovery';
  }

  #syntaxError(token: XlToken): void {
    const wanted = expected[this.#state].join(' or ');
    this.#say(token.line, `syntax error, unexpected ${bisonName(token.kind)}, expecting ${wanted}`);
  }

  #lexicalError(line: number, problem: string): void {
    this.#say(line, problem);
    this.#lexicalErrorLine = line;
  }

  /** As xlu__cfg_yyerror prints: near which characters, one message a line after a lexical error. */
  #say(line: number, problem: string): void {
    if (line <= this.#lexicalErrorLine) return;
    const text = this.#lexer.last;
    const ended = text.endsWith('\n');
    const shown = (ended ? text.slice(0, -1) : text).replace(/[ \t]+$/, '');
    const near = shown === '' ? '' : `\`${shown.replaceAll('\0', '')}'`;
    const newline = text === '\n' ? '<newline>' : '';
    this.#errors.push(
      `${this.#file}:${ended ? line - 1 : line}: config parsing error near ${near}${newline}: ${problem}`,
    );
  }
}

const pythonWarning = [
  'warning: Config file looks like it contains Python code.',
  'warning:  Arbitrary Python is no longer supported.',
  'warning:  See https://wiki.xen.org/wiki/PythonInXlConfig',
];

function isAtom(kind: XlTokenKind): boolean {
  return kind === 'STRING' || kind === 'NUMBER';
}

/** Bison's name of a token: single characters are quoted. */
function bisonName(kind: XlTokenKind): string {
  return kind.length === 1 ? `'${kind}'` : kind;
}

function concatenate(earlier: XlValue, value: XlValue): XlValue | undefined {
  if (typeof earlier === 'string') return typeof value === 'string' ? earlier + value : undefined;
  return typeof value === 'string' ? undefined : [...earlier, ...value];
}
