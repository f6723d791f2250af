/** Waits for text, without a clock: the caller adds the deadline and reports the timeout. */
import type { ConsoleTalker, Tail, TalkerLine } from './line.ts';

/** Something to wait for. */
export interface ConsolePattern {
  readonly name: string;
  /** `line`: a finished line. `prompt`: text that no newline has ended yet. */
  readonly on: 'line' | 'prompt';
  /**
   * Tested on the text without prefix. A prompt's is best anchored at both ends (`/^=> $/`): then it is found
   * also where a kernel message was written behind it before anybody looked.
   */
  readonly pattern: RegExp;
  readonly talkers?: readonly ConsoleTalker[];
  readonly domid?: number;
}

export interface ConsoleMatch {
  /** Of the pattern. */
  readonly name: string;
  readonly text: string;
  readonly groups: readonly (string | undefined)[];
  readonly t: number;
  readonly talker: ConsoleTalker;
  readonly domid?: number;
}

/** A place in what the console has said: taken before a command is typed, so that only its answer counts. */
export interface ConsoleMark {
  readonly lines: number;
  /** Line that had not ended then, and how much of it there was. */
  readonly open: { readonly number: number; readonly column: number } | undefined;
}

/** Patterns that are waited for; the first that is found ends the wait. */
export class ConsoleExpectation implements Disposable {
  readonly #patterns: readonly Armed[];
  readonly #from: ConsoleMark;
  readonly #found: (match: ConsoleMatch) => void;
  readonly #over: (expectation: ConsoleExpectation) => void;
  #match: ConsoleMatch | undefined;
  #active = true;

  constructor(
    patterns: readonly ConsolePattern[],
    from: ConsoleMark,
    found: (match: ConsoleMatch) => void,
    over: (expectation: ConsoleExpectation) => void,
  ) {
    this.#patterns = patterns.map(pattern => ({ ...pattern, whenEnded: whenEnded(pattern) }));
    this.#from = from;
    this.#found = found;
    this.#over = over;
  }

  /** The match, if there is one. */
  get match(): ConsoleMatch | undefined {
    return this.#match;
  }

  get active(): boolean {
    return this.#active;
  }

  /** For the reader: a line has ended. */
  line(line: TalkerLine): void {
    for (const armed of this.#patterns) {
      const text = armed.on === 'line' ? line.text : this.#sinceMark(line);
      const pattern = armed.on === 'line' ? armed.pattern : armed.whenEnded;
      if (pattern !== undefined && this.#try(armed, pattern, line, text, line.t)) return;
    }
  }

  /** For the reader: this has not ended, and nothing more has come. */
  tail(tail: Tail, t: number): void {
    for (const armed of this.#patterns) {
      if (armed.on === 'prompt' && this.#try(armed, armed.pattern, tail, this.#sinceMark(tail), t)) return;
    }
  }

  cancel(): void {
    if (!this.#active) return;
    this.#active = false;
    this.#over(this);
  }

  [Symbol.dispose](): void {
    this.cancel();
  }

  #sinceMark(said: Tail | TalkerLine): string {
    return textSince(this.#from, said);
  }

  #try(armed: Armed, pattern: RegExp, said: Tail, text: string, t: number): boolean {
    if (!this.#active) return true;
    if (armed.talkers !== undefined && !armed.talkers.includes(said.talker)) return false;
    if (armed.domid !== undefined && armed.domid !== said.domid) return false;
    pattern.lastIndex = 0;
    const found = pattern.exec(text);
    if (found === null) return false;
    this.#match = {
      name: armed.name,
      text,
      groups: found.slice(1),
      t,
      talker: said.talker,
      ...(said.domid !== undefined && { domid: said.domid }),
    };
    this.cancel();
    this.#found(this.#match);
    return true;
  }
}

/** The part of a line, or of a tail, after a mark. */
export function textSince({ open }: ConsoleMark, said: Tail | TalkerLine): string {
  if (open?.number !== said.number) return said.text;
  const column = 'column' in said ? (said.column ?? 0) : 0;
  return said.text.slice(Math.max(0, open.column - column));
}

interface Armed extends ConsolePattern {
  /** The same prompt at the head of a line that has since ended. */
  readonly whenEnded: RegExp | undefined;
}

function whenEnded({ on, pattern }: ConsolePattern): RegExp | undefined {
  const { source, flags } = pattern;
  const anchored =
    on === 'prompt' && source.startsWith('^') && source.endsWith('$') && !source.endsWith('\\$');
  return anchored && !source.includes('|') ? new RegExp(source.slice(0, -1), flags) : undefined;
}
