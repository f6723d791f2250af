/**
 * Reads a console: bytes go in as they come, lines by talker, signs and prompts come out. It does no I/O and
 * has no clock; the owner of the port feeds it, and may feed it a recording just as well.
 */
import { type ConsoleMark, type ConsoleMatch, ConsoleExpectation, type ConsolePattern } from './expect.ts';
import { LineHistory } from './history.ts';
import type { ConsoleTalker, Tail, TalkerLine } from './line.ts';
import { PhysicalLines } from './physical-lines.ts';
import { TerminalQueries, type TerminalQuery } from './queries.ts';
import { SignWatch } from './sign-watch.ts';
import type { Sign, SignSeen } from './sign.ts';
import { Talkers } from './talkers.ts';

export interface ConsoleEvents {
  line?(line: TalkerLine): void;
  sign?(sign: SignSeen): void;
  /** A program waits for its terminal to answer; write `answer` to the port. */
  query?(query: TerminalQuery): void;
}

export interface ConsoleOptions {
  /** Signs of this board beside the ones that are always watched for. */
  readonly signs?: readonly Sign[];
  /** The only talker of this line; absent: several share it, as on a board's console. */
  readonly alone?: ConsoleTalker;
  /** Bytes after which a line without newline is cut; 8192 where absent. */
  readonly longestLine?: number;
  /** Characters of past lines that are kept for those who look late; 1 Mi where absent. */
  readonly history?: number;
}

/**
 * @example
 * const reader = new ConsoleReader({ sign: sign => machine.send({ type: 'sign', sign }) });
 * port.on('data', bytes => reader.feed(bytes, clock()));
 * const mark = reader.mark();
 * port.write('setenv autoload no\r');
 * reader.expect([{ name: 'prompt', on: 'prompt', pattern: /^=> $/ }], next, mark);
 */
export class ConsoleReader {
  readonly #events: ConsoleEvents;
  readonly #physical: PhysicalLines;
  readonly #talkers: Talkers;
  readonly #signs: SignWatch;
  readonly #queries = new TerminalQueries();
  readonly #history: LineHistory;
  readonly #expectations = new Set<ConsoleExpectation>();
  #t = 0;
  /** Until more comes. */
  #tails: readonly Tail[] | undefined;

  constructor(events: ConsoleEvents, options: ConsoleOptions = {}) {
    const longest = options.longestLine ?? 8192;
    this.#events = events;
    this.#physical = new PhysicalLines(longest);
    this.#talkers = new Talkers(longest, line => this.#said(line), options.alone);
    this.#signs = new SignWatch(options.signs ?? [], sign => this.#events.sign?.(sign));
    this.#history = new LineHistory(options.history ?? 1 << 20);
  }

  /**
   * Takes what the port received.
   * @param bytes in any pieces: the lines are the same however they are cut
   * @param t the caller's time, in milliseconds
   */
  feed(bytes: Uint8Array, t: number): void {
    this.#t = t;
    this.#tails = undefined;
    this.#physical.feed(bytes, line => this.#talkers.push(line, t));
    this.#tails = undefined;
    for (const tail of this.tails()) {
      this.#signs.tail(tail, t);
      for (const expectation of this.#armed()) expectation.tail(tail, t);
    }
    this.#queries.feed(
      bytes,
      () => (this.tails()[0]?.text.length ?? 0) + 1,
      query => this.#events.query?.(query),
    );
  }

  /** The board is about to be switched on: what was unfinished is ended, and every banner is due again. */
  powerOn(t: number): void {
    this.#end(t, true);
    this.#signs.powerOn();
  }

  /** Nothing more will come: what was unfinished is handed out as it is. */
  end(t: number): void {
    this.#end(t, false);
    this.#signs.end();
  }

  /** Text that has not ended: at most one without prefix, and one of the domain that has Xen's console. */
  tails(): readonly Tail[] {
    return (this.#tails ??= this.#talkers.tails(this.#physical.held, this.#physical.number));
  }

  /** The place that the console has reached. */
  mark(): ConsoleMark {
    const tail = this.tails()[0];
    const open = tail === undefined ? undefined : { number: tail.number, column: tail.text.length };
    return { lines: this.#history.count, open };
  }

  /**
   * Waits for the first of some patterns. One that is there already is found before this returns.
   * @param found called once, with the first match
   * @param from what was said before does not count; absent: from the unfinished text that stands there now
   */
  expect(
    patterns: readonly ConsolePattern[],
    found: (match: ConsoleMatch) => void,
    from: ConsoleMark = { lines: this.#history.count, open: undefined },
  ): ConsoleExpectation {
    const expectation = new ConsoleExpectation(patterns, from, found, over =>
      this.#expectations.delete(over),
    );
    for (const line of this.#history.since(from.lines)) {
      if (!expectation.active) return expectation;
      expectation.line(line);
    }
    for (const tail of this.tails()) {
      if (expectation.active) expectation.tail(tail, this.#t);
    }
    if (expectation.active) this.#expectations.add(expectation);
    return expectation;
  }

  /** The lines since a mark, as far as they are kept. */
  since(mark: ConsoleMark): readonly TalkerLine[] {
    return this.#history.since(mark.lines);
  }

  /** For a message that says what was seen last. */
  lastLines(count: number): readonly TalkerLine[] {
    return this.#history.last(count);
  }

  #said(line: TalkerLine): void {
    this.#tails = undefined;
    this.#history.push(line);
    this.#signs.line(line);
    this.#events.line?.(line);
    for (const expectation of this.#armed()) expectation.line(line);
  }

  #armed(): readonly ConsoleExpectation[] {
    return this.#expectations.size === 0 ? [] : [...this.#expectations];
  }

  #end(t: number, powerOn: boolean): void {
    this.#t = t;
    this.#tails = undefined;
    this.#physical.flush(line => this.#talkers.push(line, t));
    this.#talkers.end(t, powerOn);
    this.#tails = undefined;
  }
}
