/**
 * One line at a shell's prompt on a terminal that others write to as well: typed no faster than it is echoed,
 * executed only when it has arrived whole, its answer told from everything else by markers that no echo contains.
 */
import { messageOf } from '../../config/text.ts';
import { randomBytes } from 'node:crypto';
import { deadline, pause, type RunClock } from '../clock.ts';
import type { Terminal } from './terminal.ts';

export interface LineAnswer {
  readonly status: number;
  /** Lines between the markers; others' lines may be among them. */
  readonly lines: readonly string[];
}

/** Characters of a line; busybox built small cuts at 511. */
export const longestLine = 500;

export class ShellLine {
  readonly #terminal: Terminal;
  readonly #clock: RunClock;
  /** Differs from one login to the next: an answer that was left over is not taken for a new one. */
  readonly #nonce = randomBytes(2).toString('hex');
  readonly #patience: number;
  #count = 0;

  constructor(terminal: Terminal, clock: RunClock) {
    this.#terminal = terminal;
    this.#clock = clock;
    this.#patience = terminal.patience ?? 1;
  }

  /**
   * Types a command line that may be executed any number of times with the same effect, again and again until
   * its answer has come whole.
   * @param whole whether an answer is what it has to be; one that is not is asked for again
   * @throws Error with what came, after the last attempt; the signal's reason
   */
  async ask(
    command: string,
    signal: AbortSignal,
    whole: (answer: LineAnswer) => boolean = () => true,
  ): Promise<LineAnswer> {
    let trouble = '';
    for (let attempt = 1; attempt <= attempts; attempt++) {
      if (attempt > 1) await this.interrupt();
      try {
        const answer = await this.#once(command, signal);
        if (whole(answer)) return answer;
        trouble = `the answer is damaged: ${excerpt(answer.lines.join(' | '))}`;
      } catch (error) {
        signal.throwIfAborted();
        trouble = messageOf(error);
      }
    }
    throw new Error(`typed \`${excerpt(command)}\` ${attempts} times on ${this.#terminal.name}; ${trouble}`);
  }

  /**
   * Types a command line that may run for long and must not be executed twice.
   * @param over a command line whose answer tells that it has ended
   * @param ended whether such an answer does
   */
  async run(
    command: string,
    over: string,
    ended: (answer: LineAnswer) => boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { tag, line } = this.#framed(command);
    const mark = await this.#typed(line, signal);
    await this.#terminal.write('\r');
    const answered = () => answerIn(this.#terminal.since(mark), tag);
    for (;;) {
      try {
        using patience = deadline(this.#clock, this.#patience * silence, 'the command to end', signal);
        await this.#terminal.until(answered, patience.signal);
        return;
      } catch {
        signal.throwIfAborted();
      }
      // Its marker may have been torn. What is typed now waits until the shell reads again.
      if (await this.#hasEnded(over, ended, signal)) return;
    }
  }

  /** Gives up whatever runs or stands half typed there. */
  async interrupt(): Promise<void> {
    await this.#terminal.write(clearLine);
    await this.#terminal.write(interruptKey);
    // A terminal throws away what comes with the key.
    await pause(this.#clock, afterInterrupt, new AbortController().signal);
  }

  async #hasEnded(
    command: string,
    ended: (answer: LineAnswer) => boolean,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { tag, line } = this.#framed(command);
    const mark = this.#terminal.mark();
    await this.#terminal.write(`${line}\r`);
    try {
      using patience = deadline(this.#clock, this.#patience * silence, 'an answer', signal);
      const answer = await this.#terminal.until(
        () => answerIn(this.#terminal.since(mark), tag),
        patience.signal,
      );
      return ended(answer);
    } catch {
      signal.throwIfAborted();
      return false;
    }
  }

  async #once(command: string, signal: AbortSignal): Promise<LineAnswer> {
    const { tag, line } = this.#framed(command);
    const mark = await this.#typed(line, signal);
    await this.#terminal.write('\r');
    using patience = deadline(
      this.#clock,
      this.#patience * answerDeadline,
      `the answer of \`${excerpt(command)}\``,
      signal,
    );
    return this.#terminal.until(() => answerIn(this.#terminal.since(mark), tag), patience.signal);
  }

  /** The quotes keep the markers out of the echo. */
  #framed(command: string): { readonly tag: string; readonly line: string } {
    const tag = `${this.#nonce}.${++this.#count}`;
    return { tag: `#${tag}`, line: `echo "#"${tag};${command};echo "#"${tag} $?` };
  }

  /** @returns the place before the line, once all of it has been echoed */
  async #typed(line: string, signal: AbortSignal) {
    const mark = this.#terminal.mark();
    for (let end = 0; end < line.length; ) {
      const begin = end;
      end = Math.min(line.length, begin + this.#terminal.piece);
      const typed = line.slice(0, end);
      using patience = deadline(
        this.#clock,
        this.#patience * echoDeadline,
        `the echo of \`${excerpt(line)}\``,
        signal,
      );
      await this.#terminal.write(line.slice(begin, end));
      // A shell breaks its line at the edge of the screen, and may show its prompt before it.
      const echoed = () => (this.#terminal.since(mark).join('').endsWith(typed) ? true : undefined);
      await this.#terminal.until(echoed, patience.signal).catch((error: unknown) => {
        signal.throwIfAborted();
        const echo = excerpt(this.#terminal.since(mark).join(''));
        throw new Error(`${messageOf(error)}; it was \`${echo}\``);
      });
    }
    return mark;
  }
}

/** The answer that stands between the markers of a tag; undefined until the second one is there whole. */
function answerIn(spoken: readonly string[], tag: string): LineAnswer | undefined {
  const head = spoken.findIndex(text => text.endsWith(tag));
  // The last one has not ended: its status may have a second digit.
  const foot = spoken.findIndex((text, index) => index < spoken.length - 1 && footOf(text, tag) !== null);
  if (foot < 0) return undefined;
  return {
    status: Number(footOf(spoken[foot] ?? '', tag)?.[1]),
    lines: spoken.slice(head < 0 || head > foot ? 0 : head + 1, foot),
  };
}

function footOf(text: string, tag: string): RegExpExecArray | null {
  return new RegExp(`${tag.replace('.', '[.]')} (\\d{1,3})$`).exec(text);
}

function excerpt(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 40)}...${text.slice(-37)}`;
}

/** Ctrl-U. */
const clearLine = '\x15';
/** Ctrl-C. */
const interruptKey = '\x03';
const afterInterrupt = 100;
const attempts = 5;
const echoDeadline = 2000;
const answerDeadline = 10_000;
const silence = 5000;
